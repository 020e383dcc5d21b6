#include "tests/support/child.hpp"
#include "tests/support/digest.hpp"
#include "tests/support/drawn_rows.hpp"
#include "tests/support/small_cluster.hpp"
#include "workloads/random_stream.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <sstream>
#include <string>

// Laws that hold whatever the rules are, for the rules that are not vLLM's.

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

policy::RulesSpec rules_of(std::uint64_t seed) {
  switch (seed % 8) {
    case 0:
      return policy::SglangSpec{.max_running_requests = 8, .chunked_prefill_size = 64};
    case 1:
      return policy::SglangSpec{.max_running_requests = 8, .chunked_prefill_size = 96, .enable_mixed_chunk = true};
    case 2:
      return policy::TrtllmSpec{.max_batch_size = 8, .max_num_tokens = 256};
    case 3:
      return policy::TrtllmSpec{.max_batch_size = 8,
                                .max_num_tokens = 96,
                                .capacity_scheduler_policy = policy::CapacityPolicy::MaxUtilization,
                                .enable_chunked_prefill = true};
    case 4:
      return policy::TrtllmSpec{.max_batch_size = 8,
                                .max_num_tokens = 96,
                                .enable_chunked_prefill = true,
                                .context_chunking_policy = policy::ChunkingPolicy::EqualProgress,
                                .batch_wait_timeout_iters = 3,
                                .batch_wait_max_tokens_ratio = 0.5};
    case 5:
      return policy::TrtllmSpec{.max_batch_size = 8,
                                .max_num_tokens = 256,
                                .attention_dp_balance = true,
                                .attention_dp_timeout_iters = 7,
                                .attention_dp_batching_wait_iters = 2};
    case 6:
      return policy::SglangSpec{.max_running_requests = 12, .scheduler_recv_interval = 10};
    default:
      return policy::SglangSpec{.max_running_requests = 12, .schedule_conservativeness = 0.1};
  }
}

/// 18 blocks are too few for those that admit what they may have to take back.
bool may_run_out(std::uint64_t seed) { return seed % 4 == 3; }

SmallCluster cluster_of(std::uint64_t seed) {
  return {.rules = rules_of(seed),
          .instances = 1 + static_cast<std::uint32_t>(seed % 2),
          .ranks = 1 + static_cast<std::uint32_t>(seed / 3 % 2),
          .blocks = may_run_out(seed) ? 18U : 2000U,
          .depth = 1 + static_cast<std::uint32_t>(seed / 2 % 2),
          .router = seed % 2 == 0 ? policy::RouterKind::RoundRobin : policy::RouterKind::LeastOutstandingTokens};
}

std::vector<ScriptedSource::Row> rows_of(std::uint64_t seed) {
  return drawn_rows({.seed = seed, .count = 150, .rate = 20, .prompt_max = 150, .output_max = 100});
}

/// The same with beginnings of few texts, for prefix caches.
std::vector<ScriptedSource::Row> rows_that_share(std::uint64_t seed) {
  workloads::RandomStream dice{seed, "texts"};
  auto rows = rows_of(seed);
  for (ScriptedSource::Row& row : rows) {
    std::uint64_t chain = 1;
    for (std::uint32_t i = 0; i < (row.prompt + 15) / 16; ++i) {
      row.ids.push_back(chain = chain * 131 + (dice.uniform01() < 0.25 ? 1U : 2U));
    }
  }
  return rows;
}

FormulaCost uneven_cost() {
  return FormulaCost([](const cost::StepShape& shape) {
    return 2'000'000 + 11'000 * static_cast<std::int64_t>(shape.tokens()) +
           100 * static_cast<std::int64_t>(shape.decode_context) + static_cast<std::int64_t>(shape.prefill_area_x2);
  });
}

template <class Tell>
std::string told(const SmallCluster& cluster, std::uint64_t seed, Tell tell) {
  return in_child([&] {
    ScriptedSource source{cluster.caching ? rows_that_share(seed) : rows_of(seed)};
    const FormulaCost cost = uneven_cost();
    std::ostringstream text;
    text.precision(17);
    tell(text, play(cluster, source, cost));
    return text.str();
  });
}

}  // namespace

TEST_CASE("engines: time integral of requests present equals the sum of their latencies") {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    CAPTURE(seed);
    CHECK(told(cluster_of(seed), seed, [](std::ostream& text, const Played& played) {
            double present = 0;
            for (const auto& meter : played.meters) present += meter.running_ns() + meter.waiting_ns();
            double latencies = 0;
            for (const auto& request : played.requests) latencies += static_cast<double>(request.latency().ns());
            text << played.requests.size() << ' ' << present - latencies << ' ' << (latencies > 1e9);
          }) == "150 0 1");
  }
}

TEST_CASE("engines: every token is computed once unless somebody is preempted or an end is seen late") {
  // Prompt tokens and every output token but the last. Two steps deep SGLang computes at most one row a request more.
  std::uint32_t again = 0;
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    CAPTURE(seed);
    std::uint64_t expected = 0;
    for (const auto& row : rows_of(seed)) expected += row.prompt + row.output - 1;
    const SmallCluster cluster = cluster_of(seed);
    const bool late = cluster.depth == 2 && std::holds_alternative<policy::SglangSpec>(cluster.rules);
    const std::string answer = told(cluster, seed, [&](std::ostream& text, const Played& played) {
      std::uint64_t computed = 0;
      std::uint64_t preemptions = 0;
      for (const auto& meter : played.meters) {
        computed += meter.decode_tokens + meter.prefill_tokens;
        preemptions += meter.preemptions;
      }
      const bool right = late ? computed > expected && computed <= expected + 150 : computed == expected;
      text << (preemptions == 0 ? right : computed > expected) << (preemptions == 0 ? "" : " again");
    });
    again += answer == "1 again" ? 1U : 0U;
    CHECK((answer == "1" || (may_run_out(seed) && answer == "1 again")));
  }
  CHECK(again >= 2);  // of the six with few blocks
}

TEST_CASE("engines: gaps add up to the time between first and last tokens though decodes pause") {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    CAPTURE(seed);
    CHECK(told(cluster_of(seed), seed, [](std::ostream& text, const Played& played) {
            std::int64_t spans = 0;
            std::uint64_t tokens = 0;
            for (const metrics::RequestRecord& request : played.requests) {
              spans += (request.last_token - request.first_token).ns();
              tokens += request.output_tokens - 1;
            }
            double sum = 0;
            std::uint64_t count = 0;
            for (const auto& meter : played.meters) {
              if (meter.gaps().count() == 0) continue;
              count += meter.gaps().count();
              sum += meter.gaps().mean().value() * static_cast<double>(meter.gaps().count());
            }
            // Rounding of a mean a meter.
            text << (count == tokens) << ' ' << (std::abs(sum / (static_cast<double>(spans) * 1e-9) - 1) < 1e-12);
          }) == "1 1");
  }
}

namespace {

/// Prefill and decode apart, with few blocks on the decode side where the rules retract or pause.
SmallCluster split_cluster(std::uint64_t seed) {
  SmallCluster cluster = cluster_of(seed);
  cluster.decode_instances = 1 + static_cast<std::uint32_t>(seed / 5 % 2);
  cluster.decode_first = std::holds_alternative<policy::SglangSpec>(cluster.rules);
  if (auto* sglang = std::get_if<policy::SglangSpec>(&cluster.rules)) sglang->num_reserved_decode_tokens = 20;
  if (may_run_out(seed)) cluster.blocks = 24;
  cluster.bytes_per_token = Bytes{1e5};
  return cluster;
}

}  // namespace

TEST_CASE("engines: apart every request ends with all its tokens and gaps that add up") {
  std::uint64_t preempted = 0;
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    CAPTURE(seed);
    const std::string answer = told(split_cluster(seed), seed, [](std::ostream& text, const Played& played) {
      std::int64_t spans = 0;
      std::uint64_t tokens = 0;
      bool in_order = true;
      std::uint64_t preemptions = 0;
      for (const metrics::RequestRecord& r : played.requests) {
        spans += (r.last_token - r.first_token).ns();
        tokens += r.output_tokens - 1;
        preemptions += r.preemptions;
        for (const SimTime part :
             {r.queue, r.prefill, r.kv_wait, r.kv_transfer, r.decode_wait, r.decode, r.preempted}) {
          in_order = in_order && part >= SimTime{};
        }
        in_order = in_order && r.first_token >= r.arrival + r.queue + r.prefill + r.kv_transfer;
      }
      double sum = 0;
      std::uint64_t count = 0;
      for (const auto& meter : played.meters) {
        if (meter.gaps().count() == 0) continue;
        count += meter.gaps().count();
        sum += meter.gaps().mean().value() * static_cast<double>(meter.gaps().count());
      }
      const bool adds_up =
          std::abs(sum / (static_cast<double>(spans) * 1e-9) - 1) < 1e-12;  // a mean's rounding a meter
      text << preemptions << ' ' << played.requests.size() << ' ' << in_order << (count == tokens) << adds_up;
    });
    CHECK(answer.substr(answer.find(' ')) == " 150 111");
    preempted += std::stoull(answer);
  }
  CHECK(preempted > 0);
}

TEST_CASE("engines: apart decode runs equal single steps bit for bit") {
  for (std::uint64_t seed = 31; seed <= 54; ++seed) {
    CAPTURE(seed);
    SmallCluster cluster = split_cluster(seed);
    if (seed % 3 == 0) cluster.caching = kv::PrefixCacheSpec{};
    const auto all = [](std::ostream& text, const Played& played) { text << digest(played); };
    const std::string runs = told(cluster, seed, all);
    cluster.step_by_step = true;
    CHECK(runs == told(cluster, seed, all));
    CHECK(runs.size() > 150 * 20);
  }
}

TEST_CASE("engines: decode runs equal single steps bit for bit") {
  for (std::uint64_t seed = 31; seed <= 54; ++seed) {
    CAPTURE(seed);
    SmallCluster cluster = cluster_of(seed);
    if (seed % 3 == 0) {
      cluster.front_end = {.per_request = SimTime{1'500'000},
                           .per_prompt_token = SimTime{7'000},
                           .per_output_token = SimTime{300'000},
                           .workers = 2};
    }
    const auto all = [](std::ostream& text, const Played& played) { text << digest(played); };
    const std::string runs = told(cluster, seed, all);
    cluster.step_by_step = true;
    CHECK(runs == told(cluster, seed, all));
    CHECK(runs.size() > 150 * 20);
  }
}

TEST_CASE("engines: decode runs equal single steps bit for bit with a radix tree and with block reuse") {
  std::uint64_t hits = 0;
  for (std::uint64_t seed = 61; seed <= 84; ++seed) {
    CAPTURE(seed);
    SmallCluster cluster = cluster_of(seed);
    cluster.caching = kv::PrefixCacheSpec{};
    const auto all = [](std::ostream& text, const Played& played) {
      std::uint64_t found = 0;
      for (const metrics::RequestRecord& request : played.requests) found += request.cached_tokens;
      text << found << '\n' << digest(played);
    };
    const std::string runs = told(cluster, seed, all);
    cluster.step_by_step = true;
    CHECK(runs == told(cluster, seed, all));
    hits += std::stoull(runs);
  }
  CHECK(hits > 10'000);
}

namespace {

/// Caches of few blocks with all kinds of tiers behind them, by the rules of the engine.
SmallCluster with_tiers(std::uint64_t seed, kv::TierStore& pool) {
  SmallCluster cluster = cluster_of(seed);
  const bool sglang = std::holds_alternative<policy::SglangSpec>(cluster.rules);
  const bool trtllm = std::holds_alternative<policy::TrtllmSpec>(cluster.rules);
  cluster.blocks = 18;
  cluster.caching = kv::PrefixCacheSpec{};
  kv::TierSpec host{.kind = kv::TierKind::Host,
                    .capacity = Bytes{60e6},
                    .read = BytesPerSecond{1e9},
                    .write = BytesPerSecond{5e8},
                    .latency = Seconds{20e-6}};
  if (!trtllm && seed % 3 == 0) host.policy = kv::WritePolicy::Through;
  if (!trtllm && seed % 3 == 1) host.policy = kv::WritePolicy::Selective;
  cluster.tiers = kv::TiersSpec{.tiers = {host}, .when_faster = seed % 2 == 0};
  if (sglang) {
    cluster.tiers->rules = {.with_step = true,
                            .by_layer = true,
                            .layers = 30,
                            .keeps_copies = true,
                            .chains = true,
                            .waits_for_writes = true};
  }
  if (trtllm) cluster.tiers->rules = {.with_step = true, .moves = true, .waits_for_writes = true};
  if (!trtllm && seed % 5 != 0) {
    cluster.shared_tier = &pool;
    cluster.tiers->tiers.push_back({.kind = kv::TierKind::Pool,
                                    .capacity = Bytes{200e6},
                                    .read = BytesPerSecond{3e8},
                                    .write = BytesPerSecond{3e8}});
    constexpr kv::PrefetchPolicy kPolicies[] = {kv::PrefetchPolicy::BestEffort, kv::PrefetchPolicy::WaitComplete,
                                                kv::PrefetchPolicy::Timeout};
    if (sglang || seed % 4 == 1) {
      cluster.tiers->prefetch = kv::PrefetchSpec{
          .policy = kPolicies[seed % 3], .threshold = 16, .timeout_base = SimTime{2'000'000}, .timeout_per_1024 = {}};
    }
  }
  return cluster;
}

}  // namespace

namespace {

/// Every request ends, what is found in tiers has been read, and runs equal steps.
void tiers_hold(bool on_links) {
  std::uint64_t read = 0;
  for (std::uint64_t seed = 101; seed <= 148; ++seed) {
    CAPTURE(seed);
    const auto play_once = [&](bool step_by_step) {
      kv::TierStore pool(200);
      SmallCluster cluster = with_tiers(seed, pool);
      cluster.tiers_on_links = on_links;
      cluster.step_by_step = step_by_step;
      return told(cluster, seed, [](std::ostream& text, const Played& played) {
        std::uint64_t blocks = 0;
        bool same = true;
        double present = 0;
        double latencies = 0;
        for (const auto& meter : played.meters) {
          // A host is read for admissions alone; what a later admission of a preempted request reads counts too.
          same = same && meter.cached.found_in_tier[0] <= 16 * meter.cached.read_blocks[0];
          blocks += meter.cached.read_blocks[0];
          present += meter.running_ns() + meter.waiting_ns();
        }
        for (const auto& request : played.requests) latencies += static_cast<double>(request.latency().ns());
        text << blocks << ' ' << played.requests.size() << ' ' << same << ' ' << present - latencies << '\n'
             << digest(played);
      });
    };
    const std::string runs = play_once(false);
    CHECK(runs.substr(runs.find(' ') + 1, runs.find('\n') - runs.find(' ') - 1) == "150 1 0");
    CHECK(runs == play_once(true));
    read += std::stoull(runs);
  }
  CHECK(read > 1'000);
}

}  // namespace

TEST_CASE("engines: with tiers every request ends and what is found there has been read and runs equal steps") {
  tiers_hold(false);
}

TEST_CASE("engines: with tiers on the machine's links every request ends and runs equal steps") { tiers_hold(true); }
