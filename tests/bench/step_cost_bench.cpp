// What the simulator pays for the price of one step.
#include "models/cost/kernel_profile.hpp"
#include "models/cost/step_cost.hpp"
#include "tests/support/tiny_specs.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <vector>

namespace tokenyard {
namespace {

constexpr std::uint32_t kBatch = 64;

/// Decode steps as a run of them asks: the context grows by the batch at each. GQA's norm is not linear (p = 1/2).
void price_decodes(benchmark::State& state, const cost::StepCostSpec& spec) {
  const auto cost = cost::make_kernel_sum(spec);
  cost::StepShape shape{.decodes = kBatch, .decode_context = 64'000};
  for (auto _ : state) {
    benchmark::DoNotOptimize(cost->step(shape));
    shape.decode_context = shape.decode_context < 200'000'000 ? shape.decode_context + kBatch : 64'000;
  }
}

void decode_dense(benchmark::State& state) {
  cost::StepCostSpec spec = test::round_cost(test::tiny_dense(), {.tensor = 2});
  spec.precision.kv = models::Dtype::Fp8;
  spec.graph_sizes = {16, 32, 64, 128};
  price_decodes(state, spec);
}
BENCHMARK(decode_dense);

void decode_moe(benchmark::State& state) { price_decodes(state, test::round_cost(test::tiny_moe(), {.tensor = 2})); }
BENCHMARK(decode_moe);

/// The same with decode attention from a table of the user's: 10 batches, 12 contexts.
void decode_table(benchmark::State& state) {
  cost::StepCostSpec spec = test::round_cost(test::tiny_dense(), {.tensor = 2});
  cost::KernelProfile profile;
  for (double sequences = 1; sequences <= 512; sequences *= 2) {
    for (double context = 128; context <= 262'144; context *= 2) {
      profile.add("attention_decode.bf16", std::array{sequences, context, 4.0, 1.0, 128.0},
                  5e-6 + 1e-12 * sequences * context * 512);
    }
  }
  profile.close();
  spec.profile = &profile;
  price_decodes(state, spec);
}
BENCHMARK(decode_table);

/// What the price of a step rests on, asked once a booked step.
void decode_basis(benchmark::State& state) {
  const auto cost = cost::make_kernel_sum(test::round_cost(test::tiny_dense(), {.tensor = 2}));
  const cost::StepShape shape{.decodes = kBatch, .decode_context = 64'000};
  for (auto _ : state) benchmark::DoNotOptimize(cost->basis({&shape, 1}));
}
BENCHMARK(decode_basis);

void mixed_dense(benchmark::State& state) {
  const auto cost = cost::make_kernel_sum(test::round_cost(test::tiny_dense()));
  cost::StepShape shape{
      .decodes = kBatch, .decode_context = 64'000, .chunks = 2, .prefill_tokens = 2048, .prefill_area_x2 = 4'000'000};
  for (auto _ : state) {
    benchmark::DoNotOptimize(cost->step(shape));
    shape.prefill_tokens = 2048 + (shape.prefill_tokens + 17) % 4096;
  }
}
BENCHMARK(mixed_dense);

void decode_sixteen_ranks(benchmark::State& state) {
  const auto cost = cost::make_kernel_sum(test::round_cost(test::tiny_moe(), {.attention_data = 16, .expert = 16}));
  const std::vector<cost::StepShape> ranks(16, {.decodes = kBatch, .decode_context = 64'000});
  for (auto _ : state) benchmark::DoNotOptimize(cost->step(ranks));
}
BENCHMARK(decode_sixteen_ranks);

/// The same of ranks that hold different numbers of sequences, as routers leave them.
void decode_uneven_ranks(benchmark::State& state) {
  const auto cost = cost::make_kernel_sum(test::round_cost(test::tiny_moe(), {.attention_data = 16, .expert = 16}));
  std::vector<cost::StepShape> ranks;
  for (std::uint32_t i = 0; i < 16; ++i) {
    const std::uint32_t decodes = kBatch - 3 + i * 7 % 6;
    ranks.push_back({.decodes = decodes, .decode_context = 1'000 * decodes + 17 * i});
  }
  for (auto _ : state) benchmark::DoNotOptimize(cost->step(ranks));
}
BENCHMARK(decode_uneven_ranks);

void compile(benchmark::State& state) {
  const cost::StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 16, .expert = 16});
  for (auto _ : state) benchmark::DoNotOptimize(cost::make_kernel_sum(spec));
}
BENCHMARK(compile)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tokenyard
