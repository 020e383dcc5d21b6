#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

constexpr std::int64_t kMs = 1'000'000;

Played play_flat(const SmallCluster& cluster, std::vector<ScriptedSource::Row> rows) {
  ScriptedSource source{std::move(rows)};
  const FormulaCost cost([](const cost::StepShape&) { return 40 * kMs; }, cluster.stages);
  return play(cluster, source, cost);
}

}  // namespace

TEST_CASE("pipeline: a lone request takes the whole pass for every token") {
  // Steps of 40 ms on four stages of 10 ms: prompt until 40, tokens at 80 and 120.
  const Played played = play_flat({.stages = 4}, {{0, 16, 3}});
  CHECK(played.requests[0].first_token.ns() == 40 * kMs);
  CHECK(played.requests[0].last_token.ns() == 120 * kMs);
}

TEST_CASE("pipeline: a full one delivers a batch every stage time") {
  // Four requests go to four lanes and follow each other into the first stage every 10 ms; each comes round in 40 ms.
  const Played played = play_flat({.stages = 4}, {{0, 16, 3}, {0, 16, 3}, {0, 16, 3}, {0, 16, 3}});
  for (std::size_t i = 0; i < 4; ++i) {
    const auto late = static_cast<std::int64_t>(i) * 10 * kMs;
    CHECK(played.requests[i].first_token.ns() == 40 * kMs + late);
    CHECK(played.requests[i].last_token.ns() == 120 * kMs + late);
  }
}

TEST_CASE("pipeline: batches beyond the lanes wait for their lane") {
  // A fifth request, of the same lane as the first, which is in flight: it joins at 40, when that lane composes anew.
  const Played played = play_flat({.stages = 4}, {{0, 16, 9}, {0, 16, 9}, {0, 16, 9}, {0, 16, 9}, {5 * kMs, 16, 1}});
  CHECK(played.requests[4].admitted.ns() == 40 * kMs);
  CHECK(played.requests[4].first_token.ns() == 80 * kMs);
}

TEST_CASE("pipeline: chunks of one prompt follow each other through the stages") {
  // 256 tokens in chunks of 64: in at 0, 10, 20, 30, out at 40 ... 70. Its next token needs the first: 110.
  const Played played = play_flat({.stages = 4, .log_steps = true}, {{0, 256, 2}});
  REQUIRE(played.steps.size() == 5);
  CHECK(played.steps[3].start.ns() == 30 * kMs);
  CHECK(played.requests[0].first_token.ns() == 70 * kMs);
  CHECK(played.requests[0].last_token.ns() == 110 * kMs);
}

TEST_CASE("pipeline: no more steps are in flight than it has stages") {
  // A prompt of 640 in 10 chunks on 4 stages: the fifth is composed when the first comes out at 40.
  const Played played = play_flat({.stages = 4, .log_steps = true}, {{0, 640, 1}});
  REQUIRE(played.steps.size() == 10);
  for (std::size_t i = 4; i < 10; ++i) CHECK(played.steps[i].composed == played.steps[i - 4].end);
  CHECK(played.requests[0].first_token.ns() == 130 * kMs);  // 40 + 9 * 10
}

TEST_CASE("pipeline: a prefill instance keeps its stages full with one lane") {
  // Four whole prompts of 64 fill a step each: out at 40, 50, 60, 70.
  const Played played = play_flat({.stages = 4, .log_steps = true, .decode_instances = 1},
                                  {{0, 64, 2}, {0, 64, 2}, {0, 64, 2}, {0, 64, 2}});
  std::vector<std::int64_t> ends;
  for (const auto& step : played.steps) {
    if (step.prefill_tokens == 64) ends.push_back(step.end.ns());
  }
  CHECK(ends == std::vector<std::int64_t>{40 * kMs, 50 * kMs, 60 * kMs, 70 * kMs});
}

TEST_CASE("pipeline: busy time is the time in which steps come out") {
  // Two lanes of one request of three tokens each on two stages of 20 ms: in flight from 0 to 140 without a gap.
  const Played played = play_flat({.stages = 2}, {{0, 16, 3}, {0, 16, 3}});
  CHECK((played.meters[0].decode_busy + played.meters[0].mixed_busy).ns() == 140 * kMs);
  CHECK(played.requests[1].last_token.ns() == 140 * kMs);
}

TEST_CASE("pipeline: steps of different length pass the stages as jobs of a flow shop") {
  // 4 ms a token on four stages: a step of t tokens takes t ms in each. Reference: job k leaves stage s at
  // max(job k-1 leaves s, job k leaves s-1) + t, and enters the first when it is composed or later.
  std::vector<ScriptedSource::Row> rows;
  std::uint32_t state = 7;
  for (std::int64_t i = 0; i < 60; ++i) {
    state = state * 1'664'525U + 1'013'904'223U;
    rows.push_back({i * 30 * kMs, 1 + (state >> 8) % 90, 1 + (state >> 16) % 12});
  }
  ScriptedSource source{rows};
  const FormulaCost cost([](const cost::StepShape& shape) { return 4 * kMs * std::int64_t{shape.tokens()}; }, 4);
  const Played played =
      play({.rules = policy::VllmSpec{.max_num_seqs = 3, .max_num_batched_tokens = 48}, .stages = 4, .log_steps = true},
           source, cost);
  std::vector<metrics::StepRecord> steps = played.steps;
  std::sort(steps.begin(), steps.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
  REQUIRE(steps.size() > 100);
  std::vector<std::int64_t> leaves(4, 0);
  for (const metrics::StepRecord& step : steps) {
    const std::int64_t time = kMs * (step.decodes + step.prefill_tokens);
    CHECK(step.start.ns() == std::max(step.composed.ns(), leaves[0]));
    std::int64_t at = step.composed.ns();
    for (std::int64_t& stage : leaves) at = stage = std::max(stage, at) + time;
    CHECK(step.end.ns() == at);
  }
}
