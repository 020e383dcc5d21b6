#include "models/llm/parallel_plan.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::models;

namespace {

const LlmSpec kLlama70b{.name = "llama-3.1-70b",
                        .layers = 80,
                        .hidden = 8192,
                        .vocab = 128256,
                        .max_context = 131072,
                        .ffn = 28672,
                        .gqa = GqaSpec{.heads = 64, .kv_heads = 8, .head_dim = 128}};

const LlmSpec kR1{
    .name = "deepseek-r1",
    .layers = 61,
    .hidden = 7168,
    .vocab = 129280,
    .max_context = 163840,
    .ffn = 18432,
    .mla = MlaSpec{.heads = 128, .q_rank = 1536, .kv_rank = 512, .rope_dim = 64, .nope_dim = 128, .v_dim = 128},
    .moe = MoeSpec{.experts = 256, .top_k = 8, .expert_ffn = 2048, .shared_ffn = 2048, .dense_layers = 3}};

constexpr Precision kBf16{};
constexpr Precision kBlockFp8{.weights = GemmKind::Fp8Block, .experts = GemmKind::Fp8Block, .kv = Dtype::Bf16};

std::string refusal(const ParallelPlan& plan, const LlmSpec& llm) {
  try {
    validate(plan, llm);
  } catch (const SpecError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("plan: chips are tensor times attention ranks times stages") {
  constexpr ParallelPlan plan{.tensor = 4, .pipeline = 2, .attention_data = 8, .expert = 16};
  CHECK(plan.stage_chips() == 32);
  CHECK(plan.chips() == 64);
  CHECK(plan.expert_tensor() == 2);
}

TEST_CASE("plan: what divides the model is accepted") {
  CHECK(refusal({.tensor = 8}, kLlama70b) == "accepted");
  CHECK(refusal({.tensor = 16, .pipeline = 80}, kLlama70b) == "accepted");  // KV heads replicated twice
  CHECK(refusal({.attention_data = 32, .expert = 32}, kR1) == "accepted");
  CHECK(refusal({.tensor = 8}, kR1) == "accepted");
}

TEST_CASE("plan: a tensor width that does not divide is refused with those that do") {
  CHECK(refusal({.tensor = 3}, kLlama70b) ==
        "tensor: 3 does not divide the 64 heads; these work: 1, 2, 4, 8, 16, 32, 64");
  LlmSpec six = kLlama70b;
  six.gqa = GqaSpec{.heads = 24, .kv_heads = 6, .head_dim = 128};
  // of 1 2 3 4 6 8 12 24: 4 and 8 fail on the 6 KV heads, 3 6 12 24 on the FFN of 28672 = 2^12 * 7
  CHECK(refusal({.tensor = 4}, six) ==
        "tensor: 4 neither divides the 6 KV heads nor is a multiple of them; these work: 1, 2");
  CHECK(refusal({.tensor = 6}, six) == "tensor: 6 does not divide the dense FFN of 28672; these work: 1, 2");
}

TEST_CASE("plan: at most one pipeline stage a layer") {
  CHECK(refusal({.pipeline = 81}, kLlama70b) == "pipeline: at most one stage a layer: llama-3.1-70b has 80");
  CHECK(refusal({.pipeline = 0}, kLlama70b) == "pipeline: must be at least 1");
}

TEST_CASE("plan: a dense model has no expert groups") {
  CHECK(refusal({.tensor = 2, .expert = 2}, kLlama70b) == "expert: llama-3.1-70b is a dense model; it must be 1");
}

TEST_CASE("plan: expert groups that do not divide are refused with those that do") {
  CHECK(refusal({.attention_data = 32, .expert = 5}, kR1) ==
        "expert: 5 does not divide the 32 chips of a stage (tensor * context * attention_data); these work: 1, 2, 4, "
        "8, 16, 32");
  // 384 = 3 * 128 chips: 384 does not divide 256 experts; a split by 3 does not divide 2048
  CHECK(refusal({.attention_data = 384, .expert = 384}, kR1) ==
        "expert: 384 does not divide the 256 experts; no value fits this stage: change tensor or attention_data");
  LlmSpec odd = kR1;
  odd.moe->expert_ffn = 2880;  // 2^6 * 45: a split by 128 leaves a half
  CHECK(refusal({.attention_data = 128, .expert = 1}, odd) ==
        "expert: with 128 chips in a stage every expert is split 128 ways, which do not divide its inner size of 2880; "
        "these work: 2, 4, 8, 16, 32, 64, 128");
}

TEST_CASE("plan: weights of Llama 70B on 4 chips are a quarter of the model") {
  // 80 layers of 150,994,944 + 704,643,072, embedding and head of 1,050,673,152 each: 70,552,387,584 x 2 B / 4
  CHECK(weight_bytes_per_chip(kLlama70b, {.tensor = 4}, kBf16).value() == 35'276'193'792.0);
}

TEST_CASE("plan: on 16 chips every chip keeps one whole K and V head") {
  // a layer: Q and O 134,217,728/16, K and V of one head 2,097,152, FFN 704,643,072/16 = 54,525,952
  // 80 layers and 2,101,346,304/16 of embedding and head, 2 B each
  CHECK(weight_bytes_per_chip(kLlama70b, {.tensor = 16}, kBf16).value() == 8'986'820'608.0);
  // K and V, 80 layers, head size 128, 2 B: two heads on 4 chips, one on 8, still one on 16
  CHECK(kv_bytes_per_token_per_chip(kLlama70b, {.tensor = 4}, Dtype::Bf16).value() == 81'920.0);
  CHECK(kv_bytes_per_token_per_chip(kLlama70b, {.tensor = 8}, Dtype::Bf16).value() == 40'960.0);
  CHECK(kv_bytes_per_token_per_chip(kLlama70b, {.tensor = 16}, Dtype::Bf16).value() == 40'960.0);
  CHECK(kv_bytes_per_token_per_chip(kLlama70b, {.tensor = 16}, Dtype::Fp8).value() == 20'480.0);
}

TEST_CASE("plan: R1 on 32 ranks holds everything but its share of the routed experts") {
  // In FP8 with a scale for 16,384 weights (x 4097/4096): attention 61 x 187,105,280, dense FFN 3 x 396,361,728,
  // shared experts 58 x 44,040,192, 8 of 256 experts 58 x 8 x 44,040,192: 35,591,487,488 -> 35,600,176,816 B.
  // In BF16: routers 58 x 7168 x 256 and embedding and head 2 x 926,679,040: 212,860,928 + 3,706,716,160 B.
  constexpr ParallelPlan plan{.attention_data = 32, .expert = 32};
  CHECK(weight_bytes_per_chip(kR1, plan, kBlockFp8).value() == 39'519'753'904.0);
  // the latent of 512 and its rotary 64, 61 layers, 2 B
  CHECK(kv_bytes_per_token_per_chip(kR1, plan, Dtype::Bf16).value() == 70'272.0);
}

TEST_CASE("plan: R1 on 8 tensor ranks replicates the latent and the way down to it") {
  // a layer: 7168 x (1536 + 576) whole = 15,138,816, the other 171,966,464 by 8 = 21,495,808: 36,634,624
  // 61 x 36,634,624 + 3 x 396,361,728/8 + 58 x (44,040,192/8 + 32 x 44,040,192) in FP8 blocks; routers whole;
  // embedding and head by 8
  const double fp8 = 61.0 * 36'634'624 + 3.0 * 49'545'216 + 58.0 * (5'505'024 + 32.0 * 44'040'192);
  const double bf16 = 58.0 * 1'835'008 * 2 + 2.0 * 926'679'040 / 8 * 2;
  for (const std::uint32_t expert : {1U, 8U}) {  // whole experts or slices of all: the same bytes
    const Bytes weights = weight_bytes_per_chip(kR1, {.tensor = 8, .expert = expert}, kBlockFp8);
    CHECK(weights.value() == doctest::Approx(fp8 * 4097 / 4096 + bf16).epsilon(1e-12));  // order of the sums
  }
  CHECK(kv_bytes_per_token_per_chip(kR1, {.tensor = 8}, Dtype::Bf16).value() == 70'272.0);
}

TEST_CASE("plan: experts may be stored in another format than the rest") {
  constexpr Precision mixed{.weights = GemmKind::Bf16, .experts = GemmKind::W4a16, .kv = Dtype::Bf16};
  const double all_bf16 = weight_bytes_per_chip(kR1, {.attention_data = 32, .expert = 32}, kBf16).value();
  const double with_fp4 = weight_bytes_per_chip(kR1, {.attention_data = 32, .expert = 32}, mixed).value();
  // 58 layers of 8 experts: 2 B become 0.53125 B
  CHECK(all_bf16 - with_fp4 == doctest::Approx(58.0 * 8 * 44'040'192 * (2.0 - 0.53125)).epsilon(1e-12));
}

TEST_CASE("plan: FFN and the projection behind attention may have formats of their own") {
  constexpr ParallelPlan plan{.tensor = 8, .expert = 8};
  const auto saved = [&](const Precision& precision) {
    return weight_bytes_per_chip(kR1, plan, kBf16).value() - weight_bytes_per_chip(kR1, plan, precision).value();
  };
  // NVFP4 has a scale of a byte for 16 weights: 2 B become 0.5625 B.
  const double less = 2.0 - 0.5625;
  // 3 dense FFN of 396,361,728 and 58 shared experts of 44,040,192, an eighth of each
  CHECK(saved({.ffn = GemmKind::Nvfp4}) ==
        doctest::Approx((3.0 * 396'361'728 + 58.0 * 44'040'192) / 8.0 * less).epsilon(1e-9));
  // 61 projections of 128 heads x 128 to 7,168, an eighth of each
  CHECK(saved({.attention_output = GemmKind::Nvfp4}) ==
        doctest::Approx(61.0 * 128 * 128 * 7168 / 8.0 * less).epsilon(1e-9));
  // Of grouped-query attention: 80 projections of 64 heads x 128 to 8,192 on one chip of eight.
  const double dense = weight_bytes_per_chip(kLlama70b, {.tensor = 8}, kBf16).value();
  const double output = weight_bytes_per_chip(kLlama70b, {.tensor = 8}, {.attention_output = GemmKind::Nvfp4}).value();
  CHECK(dense - output == doctest::Approx(80.0 * 8192 * 8192 / 8.0 * less).epsilon(1e-9));
}

TEST_CASE("plan: the fullest stage counts") {
  // 61 layers on 2 stages: 31 and 30. The second has only MoE layers (28 to 30 expert layers decide), the first 31.
  const Parameters p = count_parameters(kR1);
  const double dense_layer = 2 * (p.attention_per_layer + p.dense_ffn_per_layer);
  const double moe_layer = 2 * (p.attention_per_layer + p.shared_per_layer + p.router_per_layer + 256 * p.expert);
  const double first = 3 * dense_layer + 28 * moe_layer + 2 * p.embedding;
  const double second = 30 * moe_layer + 2 * p.head;
  CHECK(second > first);
  CHECK(weight_bytes_per_chip(kR1, {.pipeline = 2}, kBf16).value() == doctest::Approx(second).epsilon(1e-12));
  CHECK(kv_bytes_per_token_per_chip(kR1, {.pipeline = 2}, Dtype::Bf16).value() == 31.0 * 576 * 2);
}
