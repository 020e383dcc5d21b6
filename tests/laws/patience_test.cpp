#include "tests/support/child.hpp"
#include "tests/support/dice_acceptance.hpp"
#include "tests/support/digest.hpp"
#include "tests/support/drawn_rows.hpp"
#include "workloads/random_stream.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

// Users who give up at random, in clusters of all kinds. That no block is kept for them and that every request has
// ended is asked at the end of every run (Serving::finish).

namespace {

constexpr std::int64_t kMs = 1'000'000;

/// Whole milliseconds: patience then often ends at the end of a step.
FormulaCost round_cost(std::int64_t stages) {
  return FormulaCost(
      [](const cost::StepShape& shape) {
        return 2 * kMs + kMs * static_cast<std::int64_t>(shape.tokens() / 32) +
               kMs / 2 * static_cast<std::int64_t>(shape.decode_context / 512);
      },
      stages);
}

/// 120 requests of few texts; a third of the users wait, the others leave some time after they have asked.
std::vector<ScriptedSource::Row> impatient_rows(std::uint64_t seed, bool impatient = true) {
  workloads::RandomStream dice{seed, "patience"};
  auto rows = drawn_rows({.seed = seed, .count = 120, .rate = 60, .prompt_max = 150, .output_max = 100});
  for (ScriptedSource::Row& row : rows) {
    row.arrival_ns = row.arrival_ns / kMs * kMs;
    std::uint64_t chain = 1;
    for (std::uint32_t i = 0; i < (row.prompt + 15) / 16; ++i) {
      row.ids.push_back(chain = chain * 131 + (dice.uniform01() < 0.2 ? 1U : 2U));
    }
    const SimTime first{static_cast<std::int64_t>(dice.integer(1, 300)) * kMs};
    const SimTime answer{static_cast<std::int64_t>(dice.integer(1, 900)) * kMs};
    if (!impatient) continue;
    if (dice.uniform01() < 0.3) row.patience.first_token = first;
    if (dice.uniform01() < 0.5) row.patience.answer = answer;
    row.patience.seen_enough = dice.uniform01() < 0.5;
  }
  return rows;
}

/// "finished timed_out cancelled lost_tokens" and then the digest.
std::string told(SmallCluster cluster, std::uint64_t seed, bool step_by_step, bool drafts) {
  return in_child([&] {
    cluster.step_by_step = step_by_step;
    ScriptedSource source{impatient_rows(seed)};
    DiceAcceptance acceptance(2, 0.6, seed);
    if (drafts) cluster.acceptance = &acceptance;
    const FormulaCost cost = round_cost(cluster.stages);
    const Played played = play(cluster, source, cost);
    const metrics::Recorder& recorder = *played.recorder;
    std::ostringstream text;
    text << recorder.finished << ' ' << recorder.gone.timed_out << ' ' << recorder.gone.cancelled << ' '
         << recorder.gone.output_tokens << '\n'
         << digest(played);
    return text.str();
  });
}

/// Every request ends in exactly one way, and some in each; runs of decode steps are what single steps are.
void holds(const SmallCluster& cluster, std::uint64_t first_seed, bool drafts = false) {
  std::uint64_t all_finished = 0;
  std::uint64_t all_timed_out = 0;
  std::uint64_t all_cancelled = 0;
  std::uint64_t all_lost = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + 8; ++seed) {
    CAPTURE(seed);
    const std::string runs = told(cluster, seed, false, drafts);
    CHECK(runs == told(cluster, seed, true, drafts));
    std::istringstream text(runs);
    std::uint64_t finished = 0;
    std::uint64_t timed_out = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t lost = 0;
    text >> finished >> timed_out >> cancelled >> lost;
    CHECK(finished + timed_out + cancelled == 120);
    all_finished += finished;
    all_timed_out += timed_out;
    all_cancelled += cancelled;
    all_lost += lost;
  }
  CHECK(all_finished > 0);
  CHECK(all_timed_out > 0);
  CHECK(all_cancelled > 0);
  CHECK(all_lost > 0);
}

const policy::VllmSpec kFew{.max_num_seqs = 6, .max_num_batched_tokens = 64};

}  // namespace

TEST_CASE("patience: every request ends in one way on one instance whose blocks run out") {
  holds({.rules = policy::VllmSpec{.max_num_seqs = 8, .max_num_batched_tokens = 96, .reserve_full_prompt = false},
         .blocks = 28},
        1);
}

TEST_CASE("patience: every request ends in one way with ranks in lockstep behind a router that looks at their load") {
  holds({.rules = kFew, .instances = 2, .ranks = 2, .blocks = 60, .router = policy::RouterKind::LeastOutstandingTokens},
        21);
}

TEST_CASE("patience: every request ends in one way with prefix caches") {
  holds({.rules = kFew, .instances = 2, .blocks = 40, .caching = kv::PrefixCacheSpec{}}, 41);
}

TEST_CASE("patience: every request ends in one way with KV read from tiers") {
  const kv::TierSpec host{.kind = kv::TierKind::Host,
                          .capacity = Bytes{4e8},
                          .read = BytesPerSecond{1e9},
                          .write = BytesPerSecond{1e9},
                          .latency = Seconds{5e-3},
                          .policy = kv::WritePolicy::Through};
  holds({.rules = kFew,
         .blocks = 40,
         .caching = kv::PrefixCacheSpec{},
         .tiers = kv::TiersSpec{.tiers = {host}, .when_faster = false}},
        61);
}

TEST_CASE("patience: every request ends in one way while the machine's links bring what a step or a prefetch needs") {
  const kv::TierSpec host{.kind = kv::TierKind::Host,
                          .capacity = Bytes{6e7},
                          .read = BytesPerSecond{2e8},
                          .write = BytesPerSecond{2e8},
                          .latency = Seconds{1e-3},
                          .policy = kv::WritePolicy::Back};
  SmallCluster onboard{
      .rules = policy::TrtllmSpec{.max_batch_size = 8, .max_num_tokens = 256}, .ranks = 2, .blocks = 60};
  onboard.caching = kv::PrefixCacheSpec{};
  onboard.tiers = kv::TiersSpec{
      .tiers = {host}, .when_faster = false, .rules = {.with_step = true, .moves = true, .waits_for_writes = true}};
  onboard.tiers_on_links = true;
  holds(onboard, 241);
  kv::TierStore pool(2'000);
  SmallCluster ahead{.rules = policy::SglangSpec{.max_running_requests = 8, .chunked_prefill_size = 64}, .blocks = 60};
  ahead.caching = kv::PrefixCacheSpec{};
  ahead.tiers = kv::TiersSpec{.tiers = {host},
                              .when_faster = false,
                              .rules = {.with_step = true,
                                        .by_layer = true,
                                        .layers = 30,
                                        .keeps_copies = true,
                                        .chains = true,
                                        .waits_for_writes = true}};
  ahead.tiers->tiers.push_back({.kind = kv::TierKind::Pool,
                                .capacity = Bytes{2e9},
                                .read = BytesPerSecond{1e8},
                                .write = BytesPerSecond{1e9},
                                .latency = Seconds{5e-3}});
  ahead.tiers->prefetch = kv::PrefetchSpec{.policy = kv::PrefetchPolicy::WaitComplete, .threshold = 16};
  ahead.shared_tier = &pool;
  ahead.tiers_on_links = true;
  holds(ahead, 261);
}

TEST_CASE("patience: every request ends in one way when KV is pulled") {
  holds({.rules = kFew, .instances = 2, .blocks = 40, .decode_instances = 2, .bytes_per_token = Bytes{2e5}}, 81);
}

TEST_CASE("patience: every request ends in one way when KV is pushed") {
  SmallCluster cluster{.rules = kFew, .instances = 2, .blocks = 40, .decode_instances = 2};
  cluster.bytes_per_token = Bytes{2e5};
  cluster.push = true;
  holds(cluster, 101);
}

TEST_CASE("patience: every request ends in one way when KV follows the prefill and both sides have prefix caches") {
  SmallCluster cluster{.rules = kFew, .instances = 2, .blocks = 60, .decode_instances = 1};
  cluster.caching = kv::PrefixCacheSpec{};
  cluster.bytes_per_token = Bytes{2e5};
  cluster.push = true;
  cluster.with_prefill = true;
  cluster.layers = 4;
  holds(cluster, 121);
}

TEST_CASE("patience: every request ends in one way behind a front end") {
  SmallCluster cluster{.rules = kFew, .instances = 2};
  cluster.front_end = {.per_request = SimTime{5 * kMs},
                       .per_prompt_token = SimTime{100'000},
                       .per_output_token = SimTime{300'000},
                       .workers = 2};
  holds(cluster, 141);
}

TEST_CASE("patience: every request ends in one way in a pipeline") {
  holds({.rules = kFew, .stages = 3, .blocks = 60}, 161);
}

TEST_CASE("patience: every request ends in one way with drafts") { holds({.rules = kFew, .blocks = 60}, 181, true); }

TEST_CASE("patience: every request ends in one way under the rules of SGLang and of TensorRT-LLM") {
  holds({.rules = policy::SglangSpec{.max_running_requests = 8, .chunked_prefill_size = 64},
         .blocks = 1500,
         .block_tokens = 1},
        201);
  holds({.rules = policy::TrtllmSpec{.max_batch_size = 8, .max_num_tokens = 256}, .blocks = 100}, 221);
}

TEST_CASE("patience: every request ends in one way where SGLang or TensorRT-LLM hand it off") {
  SmallCluster cluster{
      .rules =
          policy::SglangSpec{.max_running_requests = 8, .chunked_prefill_size = 64, .num_reserved_decode_tokens = 16},
      .blocks = 700,
      .block_tokens = 1,
      .decode_instances = 1,
      .bytes_per_token = Bytes{3e5},
      .decode_first = true};
  holds(cluster, 241);
  cluster.front_end = {.per_request = SimTime{3 * kMs}, .per_output_token = SimTime{kMs / 10}, .workers = 2};
  holds(cluster, 261);
  cluster = {.rules = policy::TrtllmSpec{.max_batch_size = 8, .max_num_tokens = 256},
             .blocks = 60,
             .decode_instances = 1,
             .bytes_per_token = Bytes{3e5}};
  holds(cluster, 281);
}

TEST_CASE("patience: who waits longer than anything takes changes nothing") {
  const auto digest_of = [](bool impatient) {
    return in_child([&] {
      auto rows = impatient_rows(7, false);
      for (ScriptedSource::Row& row : rows) {
        if (impatient) row.patience = {.first_token = SimTime{3'600'000 * kMs}, .answer = SimTime{3'600'000 * kMs}};
      }
      ScriptedSource source{rows};
      const FormulaCost cost = round_cost(1);
      return digest(play({.rules = kFew, .instances = 2, .blocks = 40}, source, cost));
    });
  };
  CHECK(digest_of(true) == digest_of(false));  // nor do alarms that nobody needs lengthen the run
}

TEST_CASE("patience: tokens of a request that is given up are those of the steps that ended before") {
  // Alone: a step of 2 ms computes the prompt of 8, each further one a token. At 11 ms steps have ended at 2, 4, 6, 8
  // and 10 ms: 5 tokens. At 10 ms sharp the fifth has just come.
  for (const std::int64_t gone : {10, 11}) {
    CAPTURE(gone);
    CHECK(in_child([&] {
            ScriptedSource source{{{0, 8, 50, {}, 0, 0, {.answer = SimTime{gone * kMs}}}}};
            const FormulaCost cost = round_cost(1);
            const Played played = play({.rules = kFew}, source, cost);
            const metrics::GivenUp& of_class = played.recorder->by_class[0].given_up;
            std::ostringstream text;
            text << played.recorder->finished << ' ' << of_class.timed_out << ' ' << of_class.output_tokens;
            return text.str();
          }) == "0 1 5");
  }
}

TEST_CASE("patience: a first token that comes at the very end of patience is in time") {
  const auto ended = [](std::int64_t patience_ns) {
    return in_child([&] {
      ScriptedSource source{{{0, 8, 3, {}, 0, 0, {.first_token = SimTime{patience_ns}}}}};
      const FormulaCost cost = round_cost(1);
      return std::to_string(play({.rules = kFew}, source, cost).recorder->finished);
    });
  };
  CHECK(ended(2 * kMs) == "1");
  CHECK(ended(2 * kMs - 1) == "0");
}
