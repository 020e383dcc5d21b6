#include "models/cost/peak_time.hpp"

#include "models/llm/architecture.hpp"
#include "tests/support/steps.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>

using namespace tokenyard;
using namespace tokenyard::cost;
using doctest::Approx;
using test::prompt;

namespace {

double bf16_peak(const StepCostSpec& spec) { return spec.chip.peak_of(models::Dtype::Bf16).value(); }

/// FLOP of a token's products, the head left out.
double flop_per_token(const models::LlmSpec& llm) {
  return models::matmul_flop_per_token(llm).value() - 2.0 * llm.vocab * llm.hidden;
}

}  // namespace

TEST_CASE("peak time: a dense model's FLOP are split over its tensor ranks") {
  for (const std::uint32_t tensor : {1U, 2U}) {
    const StepCostSpec spec = test::round_cost(test::tiny_dense(), {.tensor = tensor});
    // Every pair of a query and a key of its triangle: two products of 128 in each of 8 heads and 4 layers.
    const double attention = 4.0 * 128 * 8 * 4 * 512 * 512 / 2;
    const double flop = (512 * flop_per_token(spec.llm) + attention) / tensor;
    CHECK(PeakTime(spec)(std::array{prompt(512)}).value() == Approx(flop / bf16_peak(spec)).epsilon(1e-9));
  }
}

TEST_CASE("peak time: routed experts compute what all ranks send them") {
  const StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 2, .expert = 2});
  const models::MoeSpec& moe = *spec.llm.moe;
  // Three layers, two experts of three matrices a token; each of two chips has half of them for both ranks' tokens.
  const double routed = 3.0 * 2 * 3 * 2 * moe.expert_ffn * spec.llm.hidden;
  const double own = flop_per_token(spec.llm) - routed;
  const double area = 2.0 * 8 * (64 + 32 + 64) * 4 / 2;  // prompts expand the latent: heads of 64 + 32, values of 64
  const double flop = 300 * own + area * 300 * 300 + routed * (300 + 100) / 2;
  CHECK(PeakTime(spec)(std::array{prompt(100), prompt(300)}).value() == Approx(flop / bf16_peak(spec)).epsilon(1e-9));
}

TEST_CASE("peak time: a window bounds the area and a faster format the time") {
  models::LlmSpec windowed = test::tiny_dense();
  windowed.gqa->window = 100;
  windowed.gqa->windowed_layers = 2;
  const double pair = 4.0 * 128 * 8;
  const double seen = 1000.0 * 100;  // at most the window for each token
  const StepCostSpec plain = test::round_cost(test::tiny_dense());
  const double less = PeakTime(plain)(std::array{prompt(1000)}).value() -
                      PeakTime(test::round_cost(windowed))(std::array{prompt(1000)}).value();
  CHECK(less * bf16_peak(plain) == Approx(2 * pair * (1000.0 * 1000 / 2 - seen)).epsilon(1e-9));

  StepCostSpec fp8 = plain;
  fp8.precision.weights = models::GemmKind::Fp8;
  const double attention = pair * 4 * 512 * 512 / 2 / bf16_peak(plain);
  const auto products = [&](const StepCostSpec& spec) {
    return PeakTime(spec)(std::array{prompt(512)}).value() - attention;
  };
  const double faster = fp8.chip.peak_of(models::Dtype::Fp8).value() / bf16_peak(plain);
  CHECK(products(plain) / products(fp8) == Approx(faster).epsilon(1e-9));
}
