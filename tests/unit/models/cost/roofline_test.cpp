#include "models/cost/roofline.hpp"

#include "models/cost/step_cost.hpp"
#include "models/llm/architecture.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using doctest::Approx;
using models::Dtype;
using models::GemmKind;

namespace {

const models::AcceleratorSpec kChip = test::round_chip();  // 100 TFLOP/s in BF16, 200 in FP8, 1 TB/s

Roofline sum(const std::vector<CostLine>& lines) {
  Roofline all;
  for (const CostLine& line : lines) all += line.roofline;
  return all;
}

Roofline of(const std::vector<CostLine>& lines, const std::string& name) {
  for (const CostLine& line : lines) {
    if (line.name == name) return line.roofline;
  }
  FAIL("no line of this name: " << name);
  return {};
}

}  // namespace

TEST_CASE("roofline: a product reads weights and activations in its format and writes BF16") {
  // 64 x 512 by 512 x 1024: 2 * 64 * 1024 * 512 = 67,108,864 FLOP.
  const GemmShape shape{.m = 64, .n = 1024, .k = 512};
  const Roofline bf16 = product_roofline(shape, GemmKind::Bf16, kChip);
  CHECK(bf16.flop.value() == 67'108'864.0);
  CHECK(bf16.bytes.value() == 2.0 * 1024 * 512 + 2.0 * 64 * 512 + 2.0 * 64 * 1024);
  CHECK(bf16.compute.value() == Approx(67'108'864.0 / 100e12));
  CHECK(bf16.memory.value() == Approx(bf16.bytes.value() / 1e12));
  // A byte a weight and an activation in FP8, twice the peak.
  const Roofline fp8 = product_roofline(shape, GemmKind::Fp8, kChip);
  CHECK(fp8.flop.value() == bf16.flop.value());
  CHECK(fp8.bytes.value() == 1024.0 * 512 + 64.0 * 512 + 2.0 * 64 * 1024);
  CHECK(fp8.compute.value() == Approx(0.5 * bf16.compute.value()));
  // One for each of 8 heads.
  const Roofline heads = product_roofline({.m = 64, .n = 1024, .k = 512, .batch = 8}, GemmKind::Bf16, kChip);
  CHECK(heads.flop.value() == 8.0 * bf16.flop.value());
  CHECK(heads.bytes.value() == 8.0 * bf16.bytes.value());
}

TEST_CASE("roofline: decode attention reads the cache once whatever the group of query heads") {
  // 4 sequences, 4,000 tokens in all, 8 query heads on 2 KV heads of 128.
  const DecodeAttentionShape shape{.sequences = 4, .context = 4'000, .heads = 8, .kv_heads = 2, .head_dim = 128};
  const Roofline bf16 = attention_roofline(shape, Dtype::Bf16, kChip);
  CHECK(bf16.flop.value() == 4.0 * 8 * 128 * 4'000);  // each query times key and each weight times value: 2 FLOP
  const double io = 2.0 * 2.0 * 4 * 8 * 128;          // queries in, outputs out
  CHECK(bf16.bytes.value() == 4'000.0 * 2 * 2 * 128 * 2 + io);
  const Roofline fp8 = attention_roofline(shape, Dtype::Fp8, kChip);
  CHECK(fp8.bytes.value() == 4'000.0 * 2 * 2 * 128 + io);
  CHECK(fp8.compute.value() == Approx(0.5 * bf16.compute.value()));  // multiplied in FP8
  // Latent: one row of 128 + 32 elements a token for all heads; 2 * (160 + 128) FLOP a head and token.
  const MlaDecodeShape latent{.sequences = 4, .context = 4'000, .heads = 8, .kv_rank = 128, .rope_dim = 32};
  CHECK(attention_roofline(latent, Dtype::Bf16, kChip).flop.value() == 2.0 * 8 * (160 + 128) * 4'000);
  CHECK(attention_roofline(latent, Dtype::Bf16, kChip).bytes.value() == 4'000.0 * 160 * 2 + 2.0 * 4 * 8 * (160 + 128));
}

TEST_CASE("roofline: a prompt computes below its diagonal and reads what is cached before it") {
  // 100 tokens: 100 * 101 / 2 pairs count as 100 * 100 / 2 here; 4 * 128 FLOP a pair and head.
  const ContextAttentionShape shape{
      .tokens = 100, .area_x2 = 10'000, .longest = 100, .heads = 8, .kv_heads = 2, .head_dim = 128};
  const Roofline whole = attention_roofline(shape, 0.0, Dtype::Bf16, kChip);
  CHECK(whole.flop.value() == 5'000.0 * 8 * 4 * 128);
  // Queries and outputs of 8 heads; keys and values of 2, read and written into the cache.
  CHECK(whole.bytes.value() == 100.0 * (2 * 8 + 4 * 2) * 128 * 2);
  const Roofline behind = attention_roofline(shape, 300.0, Dtype::Fp8, kChip);
  CHECK(behind.bytes.value() - whole.bytes.value() == 300.0 * 2 * 2 * 128);
}

TEST_CASE("roofline: experts read the weights of those that are hit") {
  // 32 tokens to 2 of 16 experts of 1024 x 512 on 4 ranks: 16 rows on each, 4 experts hit.
  const MoeShape shape{.tokens = 32, .hidden = 1024, .inner = 512, .experts = 16, .top_k = 2, .expert_ranks = 4};
  const Roofline one = experts_roofline(shape, {.rows = 1.0, .hit = 4.0}, GemmKind::Bf16, kChip);
  CHECK(one.flop.value() == 2.0 * 3 * 16 * 1024 * 512);
  const double weights = 3.0 * 4 * 1024 * 512 * 2;
  const double moved = 16.0 * (2 * 1024 * 2 + 8 * 512 + 4 * 1024) + 4.0 * 1024 * 32;
  CHECK(one.bytes.value() == weights + moved);
  // The busiest of uneven ranks has twice the rows.
  CHECK(experts_roofline(shape, {.rows = 2.0, .hit = 4.0}, GemmKind::Bf16, kChip).flop.value() ==
        2.0 * one.flop.value());
}

TEST_CASE("roofline: the FLOP of a step's lines are those of its parameters and of its contexts") {
  // Of a token 2 FLOP a parameter it meets, and so much a cached token; a chip has its share of both where nothing
  // stands on all of them (tiny_dense has 2 KV heads).
  const StepShape decodes{.decodes = 20, .decode_context = 20'000};
  for (const std::uint32_t tensor : {1U, 2U}) {
    const models::LlmSpec llm = test::tiny_dense();
    const double flop =
        20.0 * matmul_flop_per_token(llm).value() + 20'000.0 * attention_flop_per_context_token(llm).value();
    const auto lines = explain_step(test::round_cost(llm, {.tensor = tensor}), std::array{decodes});
    CHECK(sum(lines).flop.value() == Approx(flop / tensor));
  }
  const models::LlmSpec moe = test::tiny_moe();
  const double flop =
      20.0 * matmul_flop_per_token(moe).value() + 20'000.0 * attention_flop_per_context_token(moe).value();
  CHECK(sum(explain_step(test::round_cost(moe), std::array{decodes})).flop.value() == Approx(flop));
}

TEST_CASE("roofline: the bytes of a step's lines are its traffic and what it moves of activations") {
  const StepCostSpec spec = test::round_cost(test::tiny_dense());
  const auto cost = make_kernel_sum(spec);
  const auto bytes = [&](const StepShape& shape) {
    return sum(explain_step(spec, std::array{shape})).bytes.value() - cost->traffic(std::array{shape}).value();
  };
  // Traffic is of weights and cache alone. What is left grows with the tokens and not with the context.
  const double one = bytes({.decodes = 1, .decode_context = 1'000});
  CHECK(one > 0.0);
  CHECK(bytes({.decodes = 1, .decode_context = 7'000}) == Approx(one));
  CHECK(bytes({.decodes = 32, .decode_context = 32'000}) == Approx(32.0 * one));
}

TEST_CASE("roofline: nothing is faster than the rates of the chip and waits have none") {
  for (const auto& spec : {test::round_cost(test::tiny_dense(), {.tensor = 4}),
                           test::round_cost(test::tiny_moe(), {.tensor = 2, .expert = 2})}) {
    const auto lines = explain_step(spec, std::array{StepShape{.decodes = 64,
                                                               .decode_context = 100'000,
                                                               .chunks = 1,
                                                               .prefill_tokens = 3'000,
                                                               .prefill_area_x2 = 9'000'000}});
    for (const CostLine& line : lines) {
      CAPTURE(line.name);
      CHECK(line.time >= line.roofline.compute);
      CHECK(line.time >= line.roofline.memory);
    }
    CHECK(of(lines, "all-reduce").bytes == Bytes{});
    CHECK(of(lines, spec.llm.mla ? "latent down" : "qkv").flop > Flop{});
  }
}

TEST_CASE("roofline: a draft computes a layer of its own and a head") {
  models::LlmSpec llm = test::tiny_dense();
  llm.mtp_layers = 1;
  StepCostSpec spec = test::round_cost(llm);
  spec.speculation = {.tokens = 1, .acceptance = {0.5}};
  // 8 sequences verify 2 tokens each: a layer over 16 tokens whose embedding and state are joined, 4 FLOP an element of
  // 8 heads, cached token and query, and one proposal a sequence.
  const double h = 1024.0;
  const double layer = 2.0 * (2.0 * h * h + 2.0 * h * 256.0 + 3.0 * h * 4096.0);
  const double expected = 16.0 * (layer + 2.0 * 2.0 * h * h) + 8'000.0 * 2.0 * 4.0 * h + 8.0 * 2.0 * h * 8000.0;
  const auto lines = explain_step(spec, std::array{StepShape{.decodes = 8, .decode_context = 8'000}});
  CHECK(of(lines, "drafts").flop.value() == Approx(expected));
}

TEST_CASE("roofline: two half batches compute what one does and read weights twice") {
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 2, .expert = 2});
  const std::vector<StepShape> ranks(2, {.decodes = 8, .decode_context = 8'000});
  const Roofline whole = sum(explain_step(spec, ranks));
  spec.two_batch.decode = true;
  const Roofline halves = sum(explain_step(spec, ranks));
  CHECK(halves.flop.value() == Approx(whole.flop.value()));
  CHECK(halves.bytes > whole.bytes);  // weights are read twice
}

TEST_CASE("roofline: with attention and FFN apart each side has its own work of a micro-batch") {
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 4});
  spec.ffn = FfnSide{.chip = test::round_chip(), .plan = {.attention_data = 8, .expert = 8}, .micro_batches = 2};
  spec.network.ffn = test::one_domain(12, BytesPerSecond{100e9});
  const std::vector<StepShape> ranks(4, {.decodes = 32, .decode_context = 32'000});
  const auto lines = explain_step(spec, ranks);
  // Of 128 tokens in two micro-batches, 16 a rank on 4 chips, 64 on 8: together all products of both and the head.
  const double products = matmul_flop_per_token(spec.llm).value();
  const double attention = 32'000.0 * attention_flop_per_context_token(spec.llm).value();
  const double of_all =
      2.0 * (4.0 * of(lines, "attention chips").flop.value() + 8.0 * of(lines, "ffn chips").flop.value()) +
      4.0 * of(lines, "head").flop.value();
  CHECK(of_all == Approx(128.0 * products + 4.0 * attention));
}
