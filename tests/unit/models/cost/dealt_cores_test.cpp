// Two half batches on cores of their own, and shared experts on ranks of their own.
#include "models/base/errors.hpp"
#include "models/cost/exchange.hpp"
#include "models/cost/kernels.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/two_batch.hpp"
#include "models/llm/parallel_plan.hpp"
#include "tests/support/steps.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;
using test::decodes;
using test::us;

namespace {

StepCostSpec dealt(double attention_cores) {
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 8, .expert = 8});
  spec.two_batch = {.decode = true, .prefill = true, .attention_cores = attention_cores};
  return spec;
}

/// 16 routed experts on a rank each and 4 ranks with a copy of the shared one.
StepCostSpec apart() {
  return test::round_cost(test::tiny_moe(), {.attention_data = 20, .expert = 20, .shared_expert_ranks = 4});
}

std::string refusal(const models::ParallelPlan& plan, const models::LlmSpec& llm) {
  try {
    models::validate(plan, llm);
  } catch (const SpecError& error) {
    return error.field() + ": " + error.why();
  }
  return "none";
}

}  // namespace

TEST_CASE("dealt cores: the layers take twice the longer stream and one layer of the shorter") {
  // Attention 10, experts and exchange 4 + 3, 5 layers: 2 * 10 + 7/5; attention 5: 2 * 7 + 5/5.
  const auto half = [](double attention) {
    return TwoBatchTime{.rank = {.attend = attention, .ffn = 1},
                        .experts = 3,
                        .dispatch = 1,
                        .combine = 2,
                        .layers = 5,
                        .order = TwoBatchTime::Order::Dealt};
  };
  CHECK(half(10).total() == Approx(21.4));
  CHECK(half(5).total() == Approx(15.0));
  CHECK(half(5).hidden() == Approx(24.0 - 15.0));
}

TEST_CASE("dealt cores: each stream has its share of the peak and all of the bandwidth") {
  const StepCostSpec whole = dealt(0.0);
  const StepCostSpec part = with_cores(whole, 0.25);
  CHECK(part.chip.peak_of(models::Dtype::Bf16).value() == Approx(25e12));
  CHECK(part.chip.memory_bandwidth.value() == whole.chip.memory_bandwidth.value());
  // A product of 512 x 512 x 1,024 in BF16: 2 us + 0.1 us + FLOP/50T + bytes/800G, its FLOP four times as long.
  const GemmShape shape{.m = 512, .n = 512, .k = 1024};
  const double more = 3.0 * 2 * 512 * 512 * 1024 / 50e12 * 1e6;
  CHECK(us(gemm_time(shape, models::GemmKind::Bf16, part.chip)) ==
        Approx(us(gemm_time(shape, models::GemmKind::Bf16, whole.chip)) + more));
}

TEST_CASE("dealt cores: a step is attention of one half beside the experts of the other") {
  const StepCostSpec spec = dealt(0.75);
  const StepParts parts(spec);
  const StepParts attention(with_cores(spec, 0.75));
  const StepParts rest(with_cores(spec, 0.25));
  const std::vector<StepShape> ranks(8, decodes(64, 64'000));
  // Three of four layers are MoE layers; latent attention of 32,000 tokens reads longer than it computes, even on three
  // quarters of the cores: 16 us + 32,000 * 320 B / 800G a layer.
  const double first = 3 * (16.0 + 32'000.0 * 320 / 800e3) + 0.75 * us(total(attention.latents({.rows = 32}))) +
                       us(total(attention.local_attention(32)));
  const double second = us(total(rest.local_ffn(32))) + us(total(rest.experts(256))) + us(total(parts.exchange(256)));
  const double unsplit = us(total(parts.local(64, {.dense = 1}))) + us(total(parts.head(64))) + 16.0 +
                         64'000.0 * 320 / 800e3 + 0.25 * us(total(parts.latents({.rows = 64})));
  CHECK(us(make_kernel_sum(spec)->step(ranks)) ==
        Approx(unsplit + 2 * std::max(first, second) + std::min(first, second) / 3).epsilon(1e-5));
}

TEST_CASE("dealt cores: attention and FFN of the MoE layers are all that the layers compute") {
  const StepParts parts(dealt(0.0));
  CHECK(us(total(parts.local_attention(48))) + us(total(parts.local_ffn(48))) ==
        Approx(us(total(parts.local(48, {.moe = 3})))));
}

TEST_CASE("dealt cores: the lines of explain add up and prompts keep the whole chip") {
  const StepCostSpec spec = dealt(0.6);
  const auto cost = make_kernel_sum(spec);
  for (const StepShape& shape : {decodes(5, 9'000), decodes(64, 400'000)}) {
    const std::vector<StepShape> ranks(8, shape);
    double sum = 0.0;
    for (const CostLine& line : explain_step(spec, ranks)) sum += us(line.time);
    CHECK(sum == Approx(us(cost->step(ranks))).epsilon(1e-4));
    CHECK(cost->exposed(ranks) >= SimTime{0});
    CHECK(cost->exposed(ranks) < cost->step(ranks));
  }
  const std::vector<StepShape> prompts(
      8, {.chunks = 1, .prefill_tokens = 900, .prefill_area_x2 = std::uint64_t{900} * 900});
  CHECK(cost->step(prompts) == make_kernel_sum(dealt(0.0))->step(prompts));
}

TEST_CASE("dealt cores: a chip whose thread blocks are counted has none to deal out") {
  StepCostSpec spec = dealt(0.5);
  spec.chip.kernels.multiprocessors = 132;
  CHECK_THROWS_WITH_AS(static_cast<void>(make_kernel_sum(spec)),
                       doctest::Contains("whose thread blocks are not counted"), SpecError);
}

TEST_CASE("shared expert ranks: their rows are those of all tokens and nobody else computes them") {
  const StepCostSpec spec = apart();
  const StepParts parts(spec);
  // 640 tokens: 2 of 16 experts each make 80 rows a routed rank, 4 copies of the shared one 160. 30 us + 1 us for the
  // one expert held + 160 rows through 3 matrices of 1,024 x 512 in BF16 and what moves.
  MoeShape shape = expert_shape(spec.llm, spec.plan);
  shape.tokens = 640;
  CHECK(shape.expert_ranks == 16);
  const Seconds layer = moe_time(shape, {.rows = 2.0, .hit = 1.0}, models::GemmKind::Bf16, spec.chip);
  CHECK(us(total(parts.experts(640))) == Approx(3 * us(layer)));
  for (const Part& part : parts.local(32)) CHECK(part.name != "shared experts");
  // One expert of 3 * 1,024 * 512 weights on each of 20 ranks, in three layers.
  CHECK(parts.expert_weights(640).value() == Approx(3.0 * 20 * 3 * 1024 * 512 * 2));
}

TEST_CASE("shared expert ranks: a token is sent to one more expert and the fullest port decides") {
  StepCostSpec spec = apart();
  const StepParts parts(spec);
  // 640 tokens * 3 copies over 20 ranks: 96 a rank in the mean, 160 to a rank with the shared expert.
  const ExchangeShape sent = dispatch_shape(spec.llm, spec.plan, spec.precision, spec.network.expert, 640 * 160 / 96.0);
  CHECK(sent.choices == 3);
  const Seconds out =
      exchange_time(sent, spec.network.expert, spec.chip.kernels.collectives.exchange(false), Direction::Dispatch);
  const std::vector<Part> exchange = parts.exchange(640);
  CHECK(us(exchange[0].time) == Approx(3 * us(out)));
}

TEST_CASE("shared expert ranks: a rank holds its routed experts or a copy of the shared one") {
  const StepCostSpec spec = apart();
  models::ParallelPlan everywhere = spec.plan;
  everywhere.shared_expert_ranks = 0;
  everywhere.attention_data = everywhere.expert = 16;
  // Of three MoE layers the shared expert is gone from the other ranks: 3 * 3 * 1,024 * 512 weights of 2 bytes.
  CHECK(models::weight_bytes_per_chip(spec.llm, everywhere, spec.precision).value() -
            models::weight_bytes_per_chip(spec.llm, spec.plan, spec.precision).value() ==
        Approx(3.0 * 3 * 1024 * 512 * 2));
}

TEST_CASE("shared expert ranks: a plan that has no room for them is refused") {
  const models::LlmSpec moe = test::tiny_moe();
  CHECK(refusal({.attention_data = 20, .expert = 20, .shared_expert_ranks = 4}, moe) == "none");
  CHECK(refusal({.shared_expert_ranks = 4}, test::tiny_dense()) ==
        "shared_expert_ranks: tiny-dense is a dense model; it must be 0");
  CHECK(refusal({.attention_data = 40, .expert = 20, .shared_expert_ranks = 4}, moe) ==
        "shared_expert_ranks: needs a group of experts a chip: expert must be 40, not 20");
  CHECK(refusal({.attention_data = 4, .expert = 4, .shared_expert_ranks = 4}, moe)
            .find("leaves no rank for routed experts") != std::string::npos);
  CHECK(refusal({.attention_data = 20, .expert = 20, .shared_expert_ranks = 5}, moe)
            .find("less shared_expert_ranks it is 15, which does not divide the 16 experts") != std::string::npos);
  models::LlmSpec wide = moe;
  wide.moe->shared_ffn = 1024;
  CHECK(refusal({.attention_data = 20, .expert = 20, .shared_expert_ranks = 4}, wide) ==
        "shared_expert_ranks: needs shared experts of the size of a routed one (512); those of tiny-moe have 1024");
}
