#include "models/cost/kernel_profile.hpp"

#include "models/cost/kernels.hpp"
#include "models/cost/layer_work.hpp"
#include "models/cost/step_cost.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;

namespace {

/// Products of the tiny dense model, each `factor` times the formula, for 1 to 64 tokens.
KernelProfile products(const StepCostSpec& spec, double factor) {
  KernelProfile profile;
  for (const Product& product : layer_work(spec.llm, spec.plan, spec.precision).products) {
    for (double m = 1; m <= 64; m *= 2) {
      const GemmShape shape{.m = m, .n = product.shape.n, .k = product.shape.k};
      profile.add("gemm.bf16", std::array{m, shape.n, shape.k},
                  factor * gemm_time(shape, product.kind, spec.chip).value());
    }
  }
  profile.close();
  return profile;
}

/// Decode attention of the tiny dense model, `factor` times the formula: 8, 16 and 32 sequences of 256 to 4,096 tokens.
KernelProfile attention(const StepCostSpec& spec, double factor) {
  KernelProfile profile;
  for (const double sequences : {8.0, 16.0, 32.0}) {
    for (double context = 256; context <= 4096; context *= 2) {
      const DecodeAttentionShape shape{
          .sequences = sequences, .context = sequences * context, .heads = 8, .kv_heads = 2, .head_dim = 128};
      profile.add("attention_decode.bf16", std::array{sequences, context, 8.0, 2.0, 128.0},
                  factor * decode_attention_time(shape, models::Dtype::Bf16, spec.chip).value());
    }
  }
  profile.close();
  return profile;
}

std::int64_t price(StepCostSpec spec, const KernelProfile* profile, const StepShape& shape) {
  spec.profile = profile;
  return make_kernel_sum(spec)->step(shape).ns();
}

StepShape decodes(std::uint32_t sequences, std::uint64_t context) {
  return {.decodes = sequences, .decode_context = sequences * context};
}

}  // namespace

TEST_CASE("kernel profile: rows come back as they are and the middle of two is their geometric mean") {
  KernelProfile profile;
  CHECK(profile.add("gemm.bf16", std::array{1.0, 512.0, 1024.0}, 4e-6));
  profile.add("gemm.bf16", std::array{4.0, 512.0, 1024.0}, 9e-6);
  profile.add("gemm.bf16", std::array{4.0, 512.0, 1024.0}, 8e-6);  // the shorter of two counts
  profile.close();
  CHECK(profile.time("gemm.bf16", std::array{1.0, 512.0, 1024.0})->value() == 4e-6);
  CHECK(profile.time("gemm.bf16", std::array{4.0, 512.0, 1024.0})->value() == 8e-6);
  CHECK(profile.time("gemm.bf16", std::array{2.0, 512.0, 1024.0})->value() == Approx(std::sqrt(32.0) * 1e-6));
}

TEST_CASE("kernel profile: a shape beyond the rows has no time in any figure") {
  KernelProfile profile;
  for (const double m : {1.0, 4.0}) {
    for (const double n : {512.0, 2048.0}) profile.add("gemm.bf16", std::array{m, n, 1024.0}, m * n * 1e-9);
  }
  profile.add("all_reduce", std::array{1024.0, 8.0}, 5e-6);
  profile.add("all_reduce", std::array{4096.0, 8.0}, 6e-6);
  CHECK_FALSE(profile.add("norm.bf16", std::array{1.0}, 1e-6));
  profile.close();
  CHECK(profile.time("gemm.bf16", std::array{2.0, 1024.0, 1024.0})->value() == Approx(2.0 * 1024 * 1e-9));
  CHECK_FALSE(profile.time("gemm.bf16", std::array{5.0, 1024.0, 1024.0}).has_value());
  CHECK_FALSE(profile.time("gemm.bf16", std::array{2.0, 4096.0, 1024.0}).has_value());
  CHECK_FALSE(profile.time("gemm.bf16", std::array{2.0, 1024.0, 1025.0}).has_value());
  CHECK_FALSE(profile.time("gemm.fp8", std::array{2.0, 1024.0, 1024.0}).has_value());
  CHECK(profile.time("all_reduce", std::array{2048.0, 8.0}).has_value());
  CHECK_FALSE(profile.time("all_reduce", std::array{2048.0, 4.0}).has_value());  // ranks must be met
}

TEST_CASE("kernel profile: products of twice the formula add one more formula to a step inside and nothing outside") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  spec.llm.vocab = 32'000;  // the head's product is beyond the rows
  const KernelProfile twice = products(spec, 2.0);
  double once = 0.0;  // ns of all products but the head's
  for (const Product& product : layer_work(spec.llm, spec.plan, spec.precision).products) {
    GemmShape shape = product.shape;
    shape.m = 16;
    once += product.layers * gemm_time(shape, product.kind, spec.chip).value() * 1e9;
  }
  const StepShape inside = decodes(16, 500);
  CHECK(std::abs(static_cast<double>(price(spec, &twice, inside) - price(spec, nullptr, inside)) - once) <= 2.0);
  const StepShape outside = decodes(65, 500);
  CHECK(price(spec, &twice, outside) == price(spec, nullptr, outside));
}

TEST_CASE("kernel profile: what a step takes from the table is said to the nanosecond") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  const KernelProfile table = attention(spec, 3.0);
  const StepShape inside = decodes(16, 1024);
  const std::int64_t more = price(spec, &table, inside) - price(spec, nullptr, inside);
  spec.profile = &table;
  const PriceBasis basis = make_kernel_sum(spec)->basis({&inside, 1});
  // The table is three times the formula: two thirds of what it gives are new.
  CHECK(std::abs(static_cast<double>(more) - 2.0 / 3.0 * static_cast<double>(basis.table)) <= 3.0);
  CHECK(basis.outside[static_cast<std::size_t>(PriceFamily::DecodeAttention)] == 0);
}

TEST_CASE("kernel profile: attention of the formula itself changes no price inside or outside") {
  const StepCostSpec spec = test::round_cost(test::tiny_dense());
  const KernelProfile same = attention(spec, 1.0);
  for (const std::uint32_t sequences : {7U, 8U, 16U, 32U, 33U}) {
    for (const std::uint64_t context : {100U, 256U, 1024U, 4096U, 8000U}) {
      const auto with = static_cast<double>(price(spec, &same, decodes(sequences, context)));
      // The compiled formula is within 1e-4 of the one that the rows are made of.
      CHECK(with == Approx(static_cast<double>(price(spec, nullptr, decodes(sequences, context)))).epsilon(1e-4));
    }
  }
}

TEST_CASE("kernel profile: a step never gets cheaper as contexts grow whatever the table says") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  for (const double factor : {0.3, 3.0}) {  // the formula is far above, then far below the table at its ends
    KernelProfile table = attention(spec, factor);
    spec.profile = &table;
    const auto cost = make_kernel_sum(spec);
    for (const std::uint32_t sequences : {8U, 12U, 32U}) {
      SimTime before;
      for (std::uint64_t context = 64; context <= 8192; context += 16) {
        const SimTime now = cost->step(decodes(sequences, context));
        CHECK(now >= before);
        before = now;
      }
    }
  }
}

TEST_CASE("kernel profile: prompts keep what the formula says of a prefix") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  KernelProfile table;
  for (double tokens = 128; tokens <= 1024; tokens *= 2) {
    const ContextAttentionShape shape{
        .tokens = tokens, .area_x2 = tokens * tokens, .heads = 8, .kv_heads = 2, .head_dim = 128};
    table.add("attention_context.bf16", std::array{1.0, tokens, 8.0, 2.0, 128.0},
              2.0 * context_attention_time(shape, models::Dtype::Bf16, spec.chip).value());
  }
  table.close();
  const StepShape behind_prefix{.chunks = 1, .prefill_tokens = 512, .prefill_area_x2 = 512 * (2 * 1000 + 512)};
  const double area = 512.0 * (2 * 1000 + 512);
  const double formula =
      4 * 1e9 *
      context_attention_time({.tokens = 512, .area_x2 = area, .heads = 8, .kv_heads = 2, .head_dim = 128},
                             models::Dtype::Bf16, spec.chip)
          .value();
  const auto more = static_cast<double>(price(spec, &table, behind_prefix) - price(spec, nullptr, behind_prefix));
  CHECK(more == Approx(formula).epsilon(3e-4));  // twice the table's ratio; three compiled look-ups
}
