#include "tests/support/child.hpp"
#include "tests/support/digest.hpp"
#include "tests/support/drawn_rows.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

// What no correct simulator may break, on random runs.

namespace {

FormulaCost uneven_cost(std::int64_t per_mille = 1000) {
  return FormulaCost([per_mille](const cost::StepShape& shape) {
    const std::int64_t ns = 2'000'000 + 11'000 * static_cast<std::int64_t>(shape.tokens()) +
                            100 * static_cast<std::int64_t>(shape.decode_context) +
                            static_cast<std::int64_t>(shape.prefill_area_x2);
    return ns * per_mille / 1000;
  });
}

Drawn traffic(std::uint64_t seed) {
  return {.seed = seed, .count = 150, .rate = 20, .prompt_max = 150, .output_max = 100};
}

/// Clusters of all kinds: one or two steps deep, one or two ranks, one to three instances, blocks in plenty or not.
SmallCluster cluster_of(std::uint64_t seed) {
  return {
      .rules = policy::VllmSpec{.max_num_seqs = 8, .max_num_batched_tokens = 96, .reserve_full_prompt = seed % 2 == 0},
      .instances = 1 + static_cast<std::uint32_t>(seed % 3),
      .ranks = 1 + static_cast<std::uint32_t>(seed / 2 % 2),
      .blocks = seed % 5 == 0 ? 24U : 2000U,
      .depth = 1 + static_cast<std::uint32_t>(seed / 3 % 2),
      .router = seed % 2 == 0 ? policy::RouterKind::RoundRobin : policy::RouterKind::LeastOutstandingTokens};
}

/// Plays it in a process of its own and gives what `tell` says of it.
template <class Tell>
std::string told(const SmallCluster& cluster, const std::vector<ScriptedSource::Row>& rows, Tell tell,
                 std::int64_t per_mille = 1000) {
  return in_child([&] {
    ScriptedSource source{rows};
    const FormulaCost cost = uneven_cost(per_mille);
    std::ostringstream text;
    text.precision(17);
    tell(text, play(cluster, source, cost));
    return text.str();
  });
}

double mean_latency_s(const Played& played) {
  double sum = 0;
  for (const metrics::RequestRecord& request : played.requests) sum += request.latency().seconds().value();
  return sum / static_cast<double>(played.requests.size());
}

}  // namespace

TEST_CASE("Little's law: time integral of requests present equals the sum of their latencies") {
  // A request is waiting or running, preempted ones waiting, from its arrival to its last token. Whole nanoseconds
  // times whole requests, below 2^53: equal, not just close.
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const auto rows = drawn_rows(traffic(seed));
    CHECK(told(cluster_of(seed), rows, [](std::ostream& text, const Played& played) {
            double present = 0;
            for (const auto& meter : played.meters) present += meter.running_ns() + meter.waiting_ns();
            double latencies = 0;
            for (const auto& request : played.requests) latencies += static_cast<double>(request.latency().ns());
            text << played.requests.size() << ' ' << present - latencies << ' ' << (latencies > 1e9);
          }) == "150 0 1");
  }
}

TEST_CASE("conservation: every token is computed once unless somebody is preempted") {
  // Prompt tokens and every output token but the last go through the model. Whoever is preempted computes some twice.
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const auto rows = drawn_rows(traffic(seed));
    std::uint64_t expected = 0;
    for (const auto& row : rows) expected += row.prompt + row.output - 1;
    const std::string answer = told(cluster_of(seed), rows, [&](std::ostream& text, const Played& played) {
      std::uint64_t computed = 0;
      std::uint64_t preemptions = 0;
      std::uint64_t bins = 0;
      for (const auto& meter : played.meters) {
        computed += meter.decode_tokens + meter.prefill_tokens;
        preemptions += meter.preemptions;
        for (const metrics::Bin& bin : meter.bins()) bins += bin.decode_tokens + bin.prefill_tokens;
      }
      text << (preemptions == 0 ? "once" : "again") << ' '
           << (preemptions == 0 ? computed == expected : computed > expected) << ' ' << (bins == computed);
    });
    CHECK(answer == (seed % 5 == 0 ? "again 1 1" : "once 1 1"));  // 24 blocks are too few
  }
}

TEST_CASE(
    "conservation: with prefill and decode apart the last prompt token is computed on both sides and flows carry the "
    "KV") {
  // Prefill side: prompts. Decode side: the last prompt token again and output - 1 more. Flows: 1 kB a prompt token,
  // once; the same bytes leave the prefill side and reach the decode side.
  for (std::uint64_t seed = 21; seed <= 28; ++seed) {
    CAPTURE(seed);
    const auto rows = drawn_rows(traffic(seed));
    std::uint64_t prompts = 0;
    std::uint64_t outputs = 0;
    for (const auto& row : rows) {
      prompts += row.prompt;
      outputs += row.output;
    }
    SmallCluster cluster = cluster_of(seed);
    cluster.blocks = 2000;
    cluster.decode_instances = 2;
    cluster.bytes_per_token = Bytes{1000};
    const std::string answer = told(cluster, rows, [&](std::ostream& text, const Played& played) {
      std::uint64_t first = 0;
      std::uint64_t second = 0;
      for (std::size_t i = 0; i < played.meters.size(); ++i) {
        (i < cluster.instances ? first : second) += played.meters[i].decode_tokens + played.meters[i].prefill_tokens;
      }
      double up = 0;
      double down = 0;
      for (const engine::LinkUse& link : played.links) {
        (link.link.ends_with(" up") ? up : down) += link.carried.value();
      }
      text << first - prompts << ' ' << second - outputs << ' ' << up - 1000.0 * static_cast<double>(prompts) << ' '
           << down - up;
    });
    CHECK(answer == "0 0 0 0");
  }
}

TEST_CASE("monotone: a single slot with steps a tenth cheaper ends every request sooner") {
  // Lindley's recursion grows with every service time.
  const auto ends = [](std::ostream& text, const Played& played) {
    for (const auto& request : played.requests) text << request.last_token.ns() << ' ';
  };
  for (std::uint64_t seed = 31; seed <= 36; ++seed) {
    CAPTURE(seed);
    SmallCluster cluster = cluster_of(6);
    cluster.ranks = 1;
    std::get<policy::VllmSpec>(cluster.rules).max_num_seqs = 1;
    const auto rows = drawn_rows({.seed = seed, .count = 150, .rate = 2.5, .prompt_max = 150, .output_max = 100});
    std::istringstream slow{told(cluster, rows, ends)};
    std::istringstream fast{told(cluster, rows, ends, 900)};
    std::int64_t slow_end = 0;
    std::int64_t fast_end = 0;
    std::size_t sooner = 0;
    while (slow >> slow_end && fast >> fast_end) sooner += fast_end < slow_end ? 1U : 0U;
    CHECK(sooner == 150);
  }
}

TEST_CASE("monotone: steps a tenth cheaper make the mean latency of a batching instance shorter") {
  // Not a theorem for every batch, but a tenth is far more than what another grouping of prompts can cost here.
  const auto mean = [](std::ostream& text, const Played& played) { text << mean_latency_s(played); };
  for (std::uint64_t seed = 41; seed <= 52; ++seed) {
    CAPTURE(seed);
    SmallCluster cluster = cluster_of(seed);
    cluster.instances = 1;
    cluster.blocks = 2000;
    const auto rows = drawn_rows(traffic(seed));
    CHECK(std::stod(told(cluster, rows, mean, 900)) < std::stod(told(cluster, rows, mean)));
  }
}

TEST_CASE("monotone: more bandwidth never makes a KV cache arrive later") {
  // Decode steps of 1 us, so that a fetch begins within 2 us of the hand-off whatever else the decode side does;
  // prefills do not depend on the network at all. All KV caches go to one decode instance and share its link max-min
  // fairly: with every rate multiplied, whatever was sent by an instant is sent by it, up to those 2 us and the
  // rounding to whole ns.
  const FormulaCost cost([](const cost::StepShape& shape) {
    return shape.prefill_tokens > 0 ? 1'000'000 + 100'000 * std::int64_t{shape.prefill_tokens} : 1'000;
  });
  const auto rows =
      drawn_rows({.seed = 55, .count = 150, .rate = 100, .prompt_min = 2, .prompt_max = 100, .output_max = 3});
  std::vector<std::int64_t> before;
  std::int64_t total_before = 0;
  for (const double bandwidth : {2e9, 3e9, 5e9, 8e9, 50e9}) {
    CAPTURE(bandwidth);
    std::istringstream text{in_child([&] {
      ScriptedSource source{rows};
      const Played played = play({.rules = policy::VllmSpec{.max_num_seqs = 200, .max_num_batched_tokens = 200},
                                  .instances = 2,
                                  .decode_instances = 1,
                                  .bandwidth = BytesPerSecond{bandwidth}},
                                 source, cost);
      std::ostringstream arrivals;
      for (const auto& r : played.requests)
        arrivals << (r.arrival + r.queue + r.prefill + r.kv_wait + r.kv_transfer).ns() << ' ';
      return arrivals.str();
    })};
    std::vector<std::int64_t> now;
    for (std::int64_t at = 0; text >> at;) now.push_back(at);
    REQUIRE(now.size() == rows.size());
    const std::int64_t total = std::accumulate(now.begin(), now.end(), std::int64_t{0});
    std::size_t later = 0;
    for (std::size_t i = 0; i < before.size(); ++i) later += now[i] > before[i] + 2'100 ? 1U : 0U;
    CHECK(later == 0);
    if (!before.empty()) CHECK(total < total_before);
    before = now;
    total_before = total;
  }
}

TEST_CASE("reproducible: the same seed gives the same run and another seed another") {
  const auto all = [](std::ostream& text, const Played& played) { text << digest(played); };
  const std::string once = told(cluster_of(5), drawn_rows(traffic(61)), all);
  CHECK(once == told(cluster_of(5), drawn_rows(traffic(61)), all));
  CHECK(once != told(cluster_of(5), drawn_rows(traffic(62)), all));
}

TEST_CASE("symmetry: turning the order of equal instances changes no request's stamps") {
  // Round robin over three. Requests that come and go before the others turn the order by one or two.
  const auto stamps = [](std::ostream& text, const Played& played) {
    for (const auto& r : played.requests) {
      if (r.arrival < SimTime{1'000'000'000}) continue;
      text << r.admitted.ns() << ' ' << r.first_token.ns() << ' ' << r.last_token.ns() << ' ' << r.preemptions << '\n';
    }
  };
  const auto rows_after = [](std::size_t guests) {
    std::vector<ScriptedSource::Row> rows(guests, {0, 1, 1});
    for (ScriptedSource::Row row : drawn_rows(traffic(71))) {
      row.arrival_ns += 1'000'000'000;
      rows.push_back(row);
    }
    return rows;
  };
  SmallCluster cluster = cluster_of(20);
  REQUIRE(cluster.instances == 3);
  const std::string straight = told(cluster, rows_after(0), stamps);
  CHECK(straight == told(cluster, rows_after(1), stamps));
  CHECK(straight == told(cluster, rows_after(2), stamps));
  CHECK(straight.size() > 150 * 30);
}

TEST_CASE("conservation: what blocks hold and what they lack is all of their places whatever the block") {
  // One request of 40 prompt and 30 output tokens alone, a step of 1 ms: tokens in the cache while it runs are 40 in
  // the first step, then one more each step up to 69, whatever the block. With blocks of 1 every place is filled.
  const auto unfilled_and_used = [](std::uint32_t block_tokens) {
    return told({.block_tokens = block_tokens, .depth = 1}, {{.arrival_ns = 0, .prompt = 40, .output = 30}},
                [block_tokens](std::ostream& text, const Played& played) {
                  const auto& meter = played.meters[0];
                  text << meter.block_ns() * block_tokens - meter.unfilled_ns() << ' ' << (meter.unfilled_ns() > 0);
                });
  };
  const std::string whole = unfilled_and_used(1);
  CHECK(whole.ends_with(" 0"));
  for (const std::uint32_t block_tokens : {2U, 3U, 16U, 64U, 128U}) {
    CAPTURE(block_tokens);
    CHECK(unfilled_and_used(block_tokens) == whole.substr(0, whole.size() - 1) + "1");
  }
}

TEST_CASE("fragmentation: is below a block for each request that runs and 0 with blocks of one token") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    for (const std::uint32_t block_tokens : {1U, 16U}) {
      CAPTURE(block_tokens);
      SmallCluster cluster = cluster_of(seed);
      cluster.block_tokens = block_tokens;
      cluster.blocks = 20'000;
      CHECK(told(cluster, drawn_rows(traffic(seed)), [block_tokens](std::ostream& text, const Played& played) {
              bool below = true;
              double unfilled = 0;
              for (const auto& meter : played.meters) {
                below = below && meter.unfilled_ns() <= (block_tokens - 1) * meter.running_ns();
                unfilled += meter.unfilled_ns();
              }
              text << below << ' ' << (unfilled > 0);
            }) == (block_tokens == 1 ? "1 0" : "1 1"));
    }
  }
}
