#include "models/cost/step_cost.hpp"

#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;

namespace {

double sum_us(const std::vector<CostLine>& lines) {
  double sum = 0.0;
  for (const CostLine& line : lines) sum += line.time.value() * 1e6;
  return sum;
}

const CostLine* line_of(const std::vector<CostLine>& lines, const std::string& name) {
  for (const CostLine& line : lines) {
    if (line.name == name) return &line;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("explain: the lines add up to the step") {
  std::vector<StepCostSpec> specs{
      test::round_cost(test::tiny_dense()), test::round_cost(test::tiny_dense(), {.tensor = 4}),
      test::round_cost(test::tiny_dense(), {.pipeline = 2}), test::round_cost(test::tiny_moe(), {.tensor = 2}),
      test::round_cost(test::tiny_moe(), {.tensor = 2, .expert = 2})};
  for (StepCostSpec& spec : specs) spec.graph_sizes = {1, 8, 64};
  specs.push_back(specs.front());
  specs.back().one_attention_kernel = true;
  specs.push_back(specs.back());
  specs.back().host = {.per_step = 20_ms, .per_sequence = 10_us, .overlapped = true};
  for (const StepCostSpec& spec : specs) {
    const auto cost = make_kernel_sum(spec);
    for (const StepShape& shape : {StepShape{.decodes = 5, .decode_context = 12'345},
                                   StepShape{.chunks = 2, .prefill_tokens = 5003, .prefill_area_x2 = 14'000'000},
                                   StepShape{.decodes = 40,
                                             .decode_context = 99'999,
                                             .chunks = 1,
                                             .prefill_tokens = 2100,
                                             .prefill_area_x2 = 9'000'000}}) {
      CAPTURE(spec.llm.name);
      CAPTURE(shape.decodes);
      const double step_us = static_cast<double>(cost->step(shape).ns()) * 1e-3;
      CHECK(sum_us(explain_step(spec, std::array{shape})) == Approx(step_us).epsilon(1e-3));
    }
  }
}

TEST_CASE("explain: of ranks in lockstep it takes the slowest apart") {
  const StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 2, .expert = 2});
  const std::array<StepShape, 2> ranks{StepShape{.decodes = 4, .decode_context = 4'000},
                                       StepShape{.decodes = 32, .decode_context = 640'000}};
  const std::vector<CostLine> lines = explain_step(spec, ranks);
  const double step_us = static_cast<double>(make_kernel_sum(spec)->step(ranks).ns()) * 1e-3;
  CHECK(sum_us(lines) == Approx(step_us).epsilon(1e-3));
  // Latent attention of the second rank: 4 layers of 16 us + 640,000 * 160 * 2 B at 800 GB/s; compute is shorter,
  // 2 * 640,000 * 8 * 288 FLOP at 50T = 59 us.
  REQUIRE(line_of(lines, "decode attention") != nullptr);
  CHECK(line_of(lines, "decode attention")->time.value() * 1e6 == Approx(4 * (16 + 256)));
}

TEST_CASE("explain: only what the step has is named") {
  const StepCostSpec spec = test::round_cost(test::tiny_dense());
  const std::vector<CostLine> lines = explain_step(spec, std::array{StepShape{.decodes = 1, .decode_context = 10}});
  CHECK(line_of(lines, "context attention") == nullptr);
  CHECK(line_of(lines, "all-reduce") == nullptr);
  CHECK(line_of(lines, "experts") == nullptr);
  CHECK(line_of(lines, "host") == nullptr);
  CHECK(line_of(lines, "qkv") != nullptr);
}

TEST_CASE("explain: the host shows by what it is not hidden") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  const std::array<StepShape, 1> step{StepShape{.decodes = 10, .decode_context = 1'000}};
  const double chips_us = sum_us(explain_step(spec, step));
  spec.host = {.per_step = 5_ms, .per_sequence = 0_s, .overlapped = true};
  REQUIRE(line_of(explain_step(spec, step), "host") != nullptr);
  CHECK(line_of(explain_step(spec, step), "host")->time.value() * 1e6 == Approx(5000.0 - chips_us));
}
