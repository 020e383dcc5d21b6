#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

constexpr std::int64_t kMs = 1'000'000;

Played play_flat(const SmallCluster& cluster, std::vector<ScriptedSource::Row> rows) {
  ScriptedSource source{std::move(rows)};
  const FormulaCost cost([](const cost::StepShape&) { return 10 * kMs; });
  return play(cluster, source, cost);
}

}  // namespace

TEST_CASE("instance: attention ranks run in lockstep at the pace of the slowest") {
  // 1 ms a token. A(10,3) goes to the first rank, B(4,3), finding one waiting there, to the second. Their first step
  // takes max(10, 4) = 10 ms for both. C(6,1) comes at 2 and goes to the first of two equally loaded ranks; it is
  // admitted at 10, its rank then has 1 + 6 tokens: until 17, for B too, whose rank has 1. Then 1 ms: A and B end
  // at 18.
  ScriptedSource source{{{0, 10, 3}, {0, 4, 3}, {2 * kMs, 6, 1}}};
  const FormulaCost cost([](const cost::StepShape& shape) { return kMs * std::int64_t{shape.tokens()}; });
  const Played played = play({.ranks = 2, .depth = 1, .log_steps = true}, source, cost);
  REQUIRE(played.steps.size() == 3);
  CHECK(played.requests[0].first_token.ns() == 10 * kMs);
  CHECK(played.requests[1].first_token.ns() == 10 * kMs);
  CHECK(played.requests[2].admitted.ns() == 10 * kMs);
  CHECK(played.requests[2].last_token.ns() == 17 * kMs);
  CHECK(played.requests[0].last_token.ns() == 18 * kMs);
  CHECK(played.requests[1].last_token.ns() == 18 * kMs);
  CHECK(played.steps[1].decodes == 2);
  CHECK(played.steps[1].prefill_tokens == 6);
}

TEST_CASE("instance: who comes in the middle of a decode run enters at the next step boundary") {
  // Steps of 10 ms, synchronous. B comes at 204.5, during the step that ends at 210: it is in the step from 210 to 220.
  // C comes at 410 sharp: arrivals precede the ends of steps of their instant, so it is in the step from 410 to 420.
  const Played played = play_flat({.depth = 1}, {{0, 16, 100}, {204'500'000, 16, 3}, {410 * kMs, 16, 3}});
  CHECK(played.requests[1].admitted.ns() == 210 * kMs);
  CHECK(played.requests[1].first_token.ns() == 220 * kMs);
  CHECK(played.requests[2].admitted.ns() == 410 * kMs);
  CHECK(played.requests[2].first_token.ns() == 420 * kMs);
  CHECK(played.requests[0].last_token.ns() == 1000 * kMs);
  CHECK(played.events < 25);  // of 100 steps: the run is not played step by step
}

TEST_CASE("instance: two steps deep it enters the step after the next") {
  // At 204.5 the step from 210 to 220 is composed already. B is taken at 210 into the step from 220 to 230.
  const Played played = play_flat({.depth = 2}, {{0, 16, 100}, {204'500'000, 16, 3}});
  CHECK(played.requests[1].admitted.ns() == 210 * kMs);
  CHECK(played.requests[1].first_token.ns() == 230 * kMs);
  CHECK(played.requests[1].last_token.ns() == 250 * kMs);
  CHECK(played.requests[0].last_token.ns() == 1000 * kMs);
}

TEST_CASE("instance: arrivals of one instant share the first step") {
  const Played played =
      play_flat({.depth = 2, .log_steps = true}, {{7 * kMs, 8, 2}, {7 * kMs, 9, 2}, {7 * kMs, 10, 2}});
  REQUIRE(played.steps.size() == 2);
  CHECK(played.steps[0].composed.ns() == 7 * kMs);
  CHECK(played.steps[0].chunks == 3);
  CHECK(played.steps[0].prefill_tokens == 27);
  // From idle the second step is composed at the same instant, to run behind the first.
  CHECK(played.steps[1].composed.ns() == 7 * kMs);
  CHECK(played.steps[1].start.ns() == 17 * kMs);
  for (const auto& request : played.requests) CHECK(request.last_token.ns() == 27 * kMs);
}

TEST_CASE("instance: an idle one starts at the nanosecond of an arrival") {
  const Played played = play_flat({.depth = 2}, {{0, 16, 2}, {1'000'000'003, 16, 2}});
  CHECK(played.requests[0].last_token.ns() == 20 * kMs);
  CHECK(played.requests[1].admitted.ns() == 1'000'000'003);
  CHECK(played.requests[1].first_token.ns() == 1'010'000'003);
}

TEST_CASE("instance: two steps deep a queue of prompts that fill the budget is composed one step ahead") {
  // Prompts of 64 with a budget of 64 and one output token: a step each. The second is composed behind the first at
  // once, the third when the first has ended.
  const Played played = play_flat({.depth = 2, .log_steps = true}, {{0, 64, 1}, {0, 64, 1}, {0, 64, 1}});
  REQUIRE(played.steps.size() == 3);
  CHECK(played.steps[0].composed.ns() == 0);
  CHECK(played.steps[1].composed.ns() == 0);
  CHECK(played.steps[2].composed.ns() == 10 * kMs);
  CHECK(played.requests[1].admitted.ns() == 0);
  CHECK(played.requests[2].admitted.ns() == 10 * kMs);
  CHECK(played.requests[2].last_token.ns() == 30 * kMs);
}
