#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

/// The toy of the scheduling study, section 8: a step costs 2,000,000 + 10,000 T + 1,000 S + 5 sum of k(2 computed + k)
/// ns, T tokens, S summed contexts of decodes with the new token, k chunk lengths. Budget 64, 4 slots, blocks of 16.
FormulaCost toy_cost() {
  return FormulaCost([](const cost::StepShape& shape) {
    return 2'000'000 + 10'000 * static_cast<std::int64_t>(shape.tokens()) +
           1'000 * static_cast<std::int64_t>(shape.decode_context) +
           5 * static_cast<std::int64_t>(shape.prefill_area_x2);
  });
}

ScriptedSource toy_source() {
  return ScriptedSource({{0, 40, 4},
                         {0, 100, 6},
                         {1'000'000, 20, 3},
                         {5'000'000, 64, 5},
                         {5'000'000, 16, 1},
                         {9'000'000, 33, 8},
                         {12'000'000, 48, 2},
                         {30'000'000, 10, 4}});
}

void check_stamps(const Played& played, const std::vector<std::int64_t>& first, const std::vector<std::int64_t>& last) {
  REQUIRE(played.requests.size() == first.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    CAPTURE(i);
    CHECK(played.requests[i].first_token.ns() == first[i]);
    CHECK(played.requests[i].last_token.ns() == last[i]);
  }
}

}  // namespace

TEST_CASE("vllm rules: the toy oracle A (synchronous, blocks without end) to the nanosecond") {
  // Hand check of its step 1: T 64, S 41, chunk 63 at 24: 2,000,000 + 640,000 + 41,000 + 5*63*(48+63) = 2,715,965.
  auto source = toy_source();
  const auto cost = toy_cost();
  const Played played = play({.depth = 1, .log_steps = true}, source, cost);
  check_stamps(played, {2650880, 8067500, 8067500, 10618480, 12998760, 15817410, 18249725, 32887225},
               {10618480, 20546725, 12998760, 20546725, 12998760, 30786725, 20546725, 38953225});
  REQUIRE(played.steps.size() == 17);
  CHECK(played.steps[1].end.ns() == 5366845);
}

TEST_CASE("vllm rules: the toy oracle B (asynchronous, two steps deep) to the nanosecond") {
  auto source = toy_source();
  const auto cost = toy_cost();
  const Played played = play({.depth = 2, .log_steps = true}, source, cost);
  check_stamps(played, {2650880, 7763000, 7763000, 12762480, 15111760, 17637205, 20364725, 34887225},
               {10586605, 20364725, 12762480, 22546725, 15111760, 32786725, 22546725, 40953225});
  // Step 4 of the oracle: composed at 7,763,000, runs from 10,586,605 to 12,762,480 with 2 decodes and 3 prompt tokens.
  REQUIRE(played.steps.size() == 18);
  CHECK(played.steps[4].composed.ns() == 7763000);
  CHECK(played.steps[4].start.ns() == 10586605);
  CHECK(played.steps[4].end.ns() == 12762480);
  CHECK(played.steps[4].decodes == 2);
  CHECK(played.steps[4].prefill_tokens == 3);
}

TEST_CASE("vllm rules: the toy oracle C (synchronous, 14 blocks, preemption by recompute) to the nanosecond") {
  auto source = toy_source();
  const auto cost = toy_cost();
  const Played played = play({.blocks = 14, .depth = 1}, source, cost);
  check_stamps(played, {2650880, 8067500, 8067500, 15341260, 15341260, 22438205, 24747225, 33092725},
               {10262500, 19721260, 13045720, 24747225, 15341260, 37234725, 26851225, 39257725});
  CHECK(played.requests[3].preemptions == 1);
}

TEST_CASE("vllm rules: the toy oracle B is the same played step by step") {
  auto source = toy_source();
  const auto cost = toy_cost();
  const Played played = play({.depth = 2, .step_by_step = true}, source, cost);
  check_stamps(played, {2650880, 7763000, 7763000, 12762480, 15111760, 17637205, 20364725, 34887225},
               {10586605, 20364725, 12762480, 22546725, 15111760, 32786725, 22546725, 40953225});
}
