#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

// KV flows and collectives on the same links, worked out by hand. Steps with prompt take 1 ms and 0.1 ms a token, steps
// of decodes 2 ms; KV is 1 MB a token, 1 ms of set-up, links of 1 GB/s. The collectives of a step send 1 MB a token out
// of every port, to one peer at a time: 1 ms of it are the wire's.
namespace {

constexpr std::int64_t kMs = 1'000'000;

SimTime ms(double milliseconds) { return SimTime::from(Seconds{milliseconds * 1e-3}); }

Played play_shared(bool contention, std::vector<ScriptedSource::Row> rows, double flows = 1.0, bool push = false) {
  const SmallCluster cluster{
      .depth = 1, .log_steps = true, .decode_instances = 1, .push = push, .contention = contention};
  ScriptedSource source{std::move(rows)};
  FormulaCost cost([](const cost::StepShape& shape) {
    return shape.prefill_tokens > 0 ? kMs + kMs / 10 * std::int64_t{shape.prefill_tokens} : 2 * kMs;
  });
  cost.sent_per_token = Bytes{1e6};
  cost.flows = flows;
  return play(cluster, source, cost);
}

/// Ends of the decode instance's steps.
std::vector<SimTime> decode_ends(const Played& played) {
  std::vector<SimTime> ends;
  for (const metrics::StepRecord& step : played.steps) {
    if (step.prefill_tokens == 0) ends.push_back(step.end);
  }
  return ends;
}

}  // namespace

TEST_CASE("contention: a KV flow and the steps of its decode instance slow each other by fair shares") {
  // A(10,40): prefill 0 to 2, KV from 3 to 13 at 1 GB/s. Its decode steps of 2 ms start at 13.
  // B(10,2) arrives at 14, prefill to 16; asked for at 17, its KV flows from 18 on. That is in A's step 17 to 19, half
  // done: beside one flow a step takes 2 + 1 ms, so it ends at 18 + 1 * 3/2 = 19.5, and the steps behind it
  // at 22.5, 25.5, 28.5. They leave B's flow 1 GB/s - 1 MB / 3 ms = 2/3 GB/s: 10 MB take 15 ms, until 33. In the step
  // from 31.5 to 34.5 half is left then, and takes 1 ms again: it ends at 34, and takes B in.
  const Played played = play_shared(true, {{0, 10, 40}, {14 * kMs, 10, 2}});
  const auto& b = played.requests.at(1);
  CHECK(b.kv_transfer.ns() == doctest::Approx(16.0 * kMs).epsilon(1e-6));  // ns of rounding
  const std::vector<SimTime> ends = decode_ends(played);
  CHECK(ends.at(0) == ms(15));
  CHECK(ends.at(1) == ms(17));
  CHECK(ends.at(2) == ms(19.5));
  CHECK(ends.at(3) == ms(22.5));
  CHECK(ends.at(6) == ms(31.5));
  CHECK(ends.at(7).ns() == doctest::Approx(34.0 * kMs).epsilon(1e-6));
  // Without contention the flow takes 10 ms and steps go on every 2 ms.
}

TEST_CASE("contention: off leaves flows and steps as on idle links") {
  const Played played = play_shared(false, {{0, 10, 40}, {14 * kMs, 10, 2}});
  CHECK(played.requests.at(1).kv_transfer == ms(11));
  for (std::size_t i = 0; i < 8; ++i) CHECK(decode_ends(played).at(i) == ms(15.0 + 2.0 * static_cast<double>(i)));
}

TEST_CASE("contention: a collective to many peers at once holds on to more of its link") {
  // 4 peers: beside one flow a step takes 2 + 1/4 ms, and leaves 1 - 1 / 2.25 GB/s: 10 MB take 18 ms.
  const Played played = play_shared(true, {{0, 10, 40}, {14 * kMs, 10, 2}}, 4.0);
  CHECK(decode_ends(played).at(2) == ms(19.125));
  CHECK(decode_ends(played).at(3) == ms(19.125 + 2.25));
  CHECK(played.requests.at(1).kv_transfer.ns() == doctest::Approx(19.0 * kMs).epsilon(1e-6));
}
