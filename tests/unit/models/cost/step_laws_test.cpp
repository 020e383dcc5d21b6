// What must hold of any price, whatever its coefficients.
#include "models/cost/step_cost.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;

namespace {

/// Both models, every kind of split, one and two domains.
std::vector<StepCostSpec> many_specs() {
  models::LlmSpec windowed = test::tiny_dense();
  windowed.gqa->window = 256;
  windowed.gqa->windowed_layers = 2;
  std::vector<StepCostSpec> specs{test::round_cost(test::tiny_dense()),
                                  test::round_cost(test::tiny_dense(), {.tensor = 4}),
                                  test::round_cost(test::tiny_dense(), {.tensor = 2, .pipeline = 2}),
                                  test::round_cost(windowed),
                                  test::round_cost(test::tiny_moe()),
                                  test::round_cost(test::tiny_moe(), {.tensor = 4, .expert = 2}),
                                  test::round_cost(test::tiny_moe(), {.tensor = 8, .expert = 8})};
  for (const models::ParallelPlan& plan :
       {models::ParallelPlan{.tensor = 4}, models::ParallelPlan{.tensor = 8, .expert = 8}}) {
    StepCostSpec spec = test::round_cost(test::tiny_moe(), plan);
    for (GroupLinks* links : {&spec.network.tensor, &spec.network.expert}) {
      links->domains = 2;
      links->uplink = 25_GBps;
    }
    specs.push_back(std::move(spec));
  }
  specs.push_back(specs[1]);
  specs.back().precision = {
      .weights = models::GemmKind::Fp8, .experts = models::GemmKind::Fp8, .kv = models::Dtype::Fp8};
  specs.push_back(specs[1]);
  specs.back().one_attention_kernel = true;
  specs.push_back(test::round_cost(windowed));
  specs.back().one_attention_kernel = true;
  return specs;
}

std::array<GroupLinks*, 3> groups(NetworkFigures& network) {
  return {&network.tensor, &network.expert, &network.pipeline};
}

const std::vector<StepShape>& many_shapes() {
  static const std::vector<StepShape> shapes{
      {.decodes = 1, .decode_context = 1},
      {.decodes = 3, .decode_context = 900},
      {.decodes = 256, .decode_context = 1'000'000},
      {.chunks = 1, .prefill_tokens = 4096, .prefill_area_x2 = 4096ULL * 4096},
      {.decodes = 64, .decode_context = 64'000, .chunks = 2, .prefill_tokens = 1500, .prefill_area_x2 = 5'000'000}};
  return shapes;
}

}  // namespace

TEST_CASE("step law: no step is free and none takes no time") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  CHECK(make_kernel_sum(spec)->step({.decodes = 1, .decode_context = 1}) > SimTime{0});
}

TEST_CASE("step law: never falls when a context grows") {
  for (const StepCostSpec& spec : many_specs()) {
    CAPTURE(spec.llm.name);
    const auto cost = make_kernel_sum(spec);
    bool falls = false;
    for (const std::uint32_t sequences : {1U, 7U, 200U}) {
      SimTime last;
      for (std::uint64_t context = sequences; context < 20'000'000; context += sequences + context / 500) {
        StepShape shape{.decodes = sequences, .decode_context = context};
        const SimTime now = cost->step(shape);
        falls = falls || now < last;
        last = now;
        shape.longest_context = static_cast<std::uint32_t>(context);  // all that the sum holds in one of them
        falls = falls || cost->step(shape) < now;
      }
    }
    CHECK_FALSE(falls);
  }
}

TEST_CASE("step law: beside a prompt never falls when a context or a longest grows") {
  for (const StepCostSpec& spec : many_specs()) {
    CAPTURE(spec.llm.name);
    const auto cost = make_kernel_sum(spec);
    bool falls = false;
    for (const std::uint32_t sequences : {1U, 7U, 200U}) {
      SimTime last;
      for (std::uint64_t context = sequences; context < 20'000'000; context += sequences + context / 20) {
        StepShape shape{.decodes = sequences, .decode_context = context};
        shape.add_chunk(300, 500);
        const SimTime alike = cost->step(shape);
        falls = falls || alike < last;
        last = alike;
        shape.longest_context = static_cast<std::uint32_t>(context);
        falls = falls || cost->step(shape) < alike;
      }
    }
    CHECK_FALSE(falls);
  }
}

TEST_CASE("step law: more of any resource is never slower") {
  const std::vector<std::pair<std::string, std::function<void(StepCostSpec&)>>> resources{
      {"bf16 peak", [](StepCostSpec& s) { *s.chip.peak[static_cast<std::size_t>(models::Dtype::Bf16)] *= 1.7; }},
      {"fp8 peak", [](StepCostSpec& s) { *s.chip.peak[static_cast<std::size_t>(models::Dtype::Fp8)] *= 1.7; }},
      {"memory bandwidth", [](StepCostSpec& s) { s.chip.memory_bandwidth *= 1.7; }},
      {"ports",
       [](StepCostSpec& s) {
         for (GroupLinks* g : groups(s.network)) g->port *= 1.7;
       }},
      {"uplinks",
       [](StepCostSpec& s) {
         for (GroupLinks* g : groups(s.network)) g->uplink *= 1.7;
       }},
      {"latency", [](StepCostSpec& s) {
         for (GroupLinks* g : groups(s.network)) g->latency *= 0.5;
       }}};
  for (const StepCostSpec& before : many_specs()) {
    const auto slow = make_kernel_sum(before);
    for (const auto& [name, improve] : resources) {
      StepCostSpec after = before;
      improve(after);
      const auto fast = make_kernel_sum(after);
      for (const StepShape& shape : many_shapes()) {
        CAPTURE(name);
        CAPTURE(before.llm.name);
        CAPTURE(before.plan.tensor);
        CHECK(fast->step(shape) <= slow->step(shape));
      }
    }
  }
}

TEST_CASE("step law: a resource that decides makes a step shorter") {
  // A prompt of 4,096 computes, 256 decodes of 4,000 read the cache.
  const StepCostSpec before = test::round_cost(test::tiny_dense(), {.tensor = 4});
  StepCostSpec compute = before;
  *compute.chip.peak[static_cast<std::size_t>(models::Dtype::Bf16)] *= 2.0;
  CHECK(make_kernel_sum(compute)->step(many_shapes()[3]) < make_kernel_sum(before)->step(many_shapes()[3]));
  StepCostSpec memory = before;
  memory.chip.memory_bandwidth *= 2.0;
  CHECK(make_kernel_sum(memory)->step(many_shapes()[2]) < make_kernel_sum(before)->step(many_shapes()[2]));
  StepCostSpec port = before;
  port.network.tensor.port *= 2.0;
  CHECK(make_kernel_sum(port)->step(many_shapes()[3]) < make_kernel_sum(before)->step(many_shapes()[3]));
}

TEST_CASE("step law: more tokens without padding are never faster") {
  const auto cost = make_kernel_sum(test::round_cost(test::tiny_moe(), {.tensor = 2}));
  SimTime last;
  bool falls = false;
  for (std::uint32_t tokens = 1; tokens <= 8192; tokens += 1 + tokens / 64) {
    const SimTime now = cost->step({.chunks = 1, .prefill_tokens = tokens, .prefill_area_x2 = 1ULL * tokens * tokens});
    falls = falls || now < last;
    last = now;
  }
  CHECK_FALSE(falls);
}
