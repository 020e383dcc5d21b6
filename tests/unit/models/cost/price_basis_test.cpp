#include "models/base/price_basis.hpp"
#include "models/cost/step_cost.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;

namespace {

std::uint64_t all_outside(const PriceBasis& basis) {
  return std::accumulate(basis.outside.begin(), basis.outside.end(), std::uint64_t{0});
}

PriceBasis basis_of(const StepCostSpec& spec, const StepShape& shape) {
  return make_kernel_sum(spec)->basis({&shape, 1});
}

/// Products and attention of the tiny dense model measured for up to `tokens` tokens and contexts of 100 to 1,000.
StepCostSpec measured_spec(double tokens) {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  const auto bf16 = static_cast<std::size_t>(models::Dtype::Bf16);
  models::KernelSet& kernels = spec.chip.kernels;
  kernels.gemm[static_cast<std::size_t>(models::GemmKind::Bf16)]->provenance = {
      .source = "a table", .error_p50 = 0.05, .valid = {{"m", 1, tokens}, {"n", 1024, 8192}, {"k", 1024, 4096}}};
  kernels.decode_attention[bf16]->provenance = {
      .source = "a table", .error_p50 = 0.05, .valid = {{"sequences", 1, 64}, {"context", 100, 1000}}};
  kernels.context_attention[bf16]->provenance = {.source = "a table", .error_p50 = 0.05, .valid = {{"tokens", 1, 512}}};
  kernels.small.other.provenance = {.source = "a table", .error_p50 = 0.05};
  return spec;
}

}  // namespace

TEST_CASE("provenance: a shape is covered within every range and never without a measurement") {
  const models::Provenance table{.source = "a table", .valid = {{"m", 1, 64}, {"n", 512, 1024}}};
  CHECK(table.covers({{"m", 64}, {"n", 512}}));
  CHECK(table.covers({{"m", 64}, {"k", 7}}));  // nobody said anything about k
  CHECK_FALSE(table.covers({{"m", 65}, {"n", 512}}));
  CHECK_FALSE(table.covers({{"m", 1}, {"n", 511}}));
  CHECK_FALSE(models::Provenance{.source = "assumed"}.covers({{"m", 1}}));
}

TEST_CASE("price basis: a step of nothing but assumed figures rests on none that was measured") {
  // Every part of it is outside, so that the families add up to the price; each of nine is rounded by itself.
  for (const StepShape& shape :
       {StepShape{.decodes = 16, .decode_context = 16'000},
        StepShape{
            .decodes = 4, .decode_context = 900, .chunks = 2, .prefill_tokens = 700, .prefill_area_x2 = 300'000}}) {
    for (const models::LlmSpec& llm : {test::tiny_dense(), test::tiny_moe()}) {
      const StepCostSpec spec = test::round_cost(llm, {.tensor = 2});
      const auto price = static_cast<std::int64_t>(make_kernel_sum(spec)->step(shape).ns());
      CHECK(std::abs(static_cast<std::int64_t>(all_outside(basis_of(spec, shape))) - price) <= 5);
    }
  }
}

TEST_CASE("price basis: inside of what was measured only the sampling is left") {
  const PriceBasis basis = basis_of(measured_spec(64), {.decodes = 16, .decode_context = 16 * 500});
  PriceBasis sampling;
  sampling.of(PriceFamily::Head) = 15'000;  // the round chip's 15 us
  // Its head product has n = 8000: inside.
  CHECK(basis == sampling);
}

TEST_CASE("price basis: products of more tokens than were measured are outside and attention is not") {
  const StepCostSpec spec = measured_spec(8);
  const PriceBasis basis = basis_of(spec, {.decodes = 16, .decode_context = 16 * 500});
  std::uint64_t products = 0;
  for (const CostLine& line : explain_step(spec, std::array{StepShape{.decodes = 16, .decode_context = 16 * 500}})) {
    const bool other = line.name == "small kernels" || line.name == "decode attention" || line.name == "sampling";
    if (!other) products += static_cast<std::uint64_t>(line.time.value() * 1e9 + 0.5);
  }
  CHECK(products > 0);
  CHECK(std::abs(static_cast<std::int64_t>(basis.outside[static_cast<std::size_t>(PriceFamily::Products)]) -
                 static_cast<std::int64_t>(products)) <= 5);  // rounded a line at a time
  CHECK(basis.outside[static_cast<std::size_t>(PriceFamily::DecodeAttention)] == 0);
}

TEST_CASE("price basis: attention is outside by sequences and by mean context and by chunk") {
  const StepCostSpec spec = measured_spec(100'000);
  const auto outside = [&](const StepShape& shape, PriceFamily family) {
    return basis_of(spec, shape).outside[static_cast<std::size_t>(family)] > 0;
  };
  CHECK_FALSE(outside({.decodes = 64, .decode_context = 64'000}, PriceFamily::DecodeAttention));
  CHECK(outside({.decodes = 64, .decode_context = 64'001}, PriceFamily::DecodeAttention));
  CHECK(outside({.decodes = 65, .decode_context = 65 * 500}, PriceFamily::DecodeAttention));
  CHECK(outside({.decodes = 10, .decode_context = 990}, PriceFamily::DecodeAttention));
  CHECK_FALSE(
      outside({.chunks = 2, .prefill_tokens = 1024, .prefill_area_x2 = 500'000}, PriceFamily::ContextAttention));
  CHECK(outside({.chunks = 1, .prefill_tokens = 1024, .prefill_area_x2 = 1'000'000}, PriceFamily::ContextAttention));
}

TEST_CASE("price basis: that of a run is the sum of its steps also across the end of a range") {
  const StepCostSpec spec = measured_spec(8);
  const auto cost = make_kernel_sum(spec);
  constexpr std::uint32_t n = 16;
  for (const std::uint64_t first : {std::uint64_t{n} * 500, std::uint64_t{n} * 990, std::uint64_t{n} * 95}) {
    PriceBasis sum;
    StepShape shape{.decodes = n, .decode_context = first};
    for (int i = 0; i < 20; ++i, shape.grow()) sum += cost->basis({&shape, 1});
    CHECK(cost->decode_run_basis({.decodes = n, .decode_context = first}, 20) == sum);
  }
}
