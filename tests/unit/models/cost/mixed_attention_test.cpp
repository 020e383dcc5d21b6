#include "models/cost/mixed_attention.hpp"

#include "models/cost/attention.hpp"
#include "models/cost/step_cost.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;

namespace {

// 8 query and 2 KV heads of 125 on the round chip (100 TFLOP/s, 1 TB/s): a key of a tile of 64 rows is 4*64*125 =
// 32,000 FLOP, so at 50 TFLOP/s it costs 8 heads 5.12 ns on the whole chip and 64 ns on one hundredth of it. KV of a
// token: 500 B a head, 1,000 B in all.
constexpr auto kBf16 = static_cast<std::size_t>(models::Dtype::Bf16);
constexpr MixedAttentionHeads kHeads{.heads = 8, .kv_heads = 2, .head_dim = 125};

models::MixedAttentionCoefficients plain() {
  return {.t0 = 10_us, .eff_flops = 0.5, .eff_bw = 0.8, .blocks = 100.0, .provenance = {.source = "made up"}};
}

double us(const models::MixedAttentionCoefficients& c, const AttentionWork& work) {
  return 1e-3 * MixedAttention(kHeads, models::Dtype::Bf16, c, test::round_chip())(work);
}

/// `sequences` decodes of `context` each beside one chunk of `tokens` that has nothing before it.
AttentionWork beside(double sequences, double context, double tokens) {
  return {.sequences = sequences,
          .context = sequences * context,
          .chunks = 1,
          .tokens = tokens,
          .area_x2 = tokens * tokens};
}

}  // namespace

TEST_CASE("mixed attention: few blocks run at once and the longest of them decides") {
  // 8 heads * (1 decode + 1.5 tiles) = 20 of 100 blocks: the decode's 1,000 keys at 64 ns; its 1 MB at 800 GB/s.
  CHECK(us(plain(), beside(1, 1000, 64)) == Approx(10.0 + std::hypot(64.0, 1.25)).epsilon(1e-12));
  // Four of them are no slower but for their bytes.
  CHECK(us(plain(), beside(4, 1000, 64)) == Approx(10.0 + std::hypot(64.0, 5.0)).epsilon(1e-12));
}

TEST_CASE("mixed attention: a decode costs a whole tile of rows and the last wave half a block") {
  // 200,000 keys of decodes, 1.5 tiles with 64 keys more each, 64^2/2 = 2,048 of a triangle by rows of 64; then 32 us.
  const double products = 5.12e-3 * (200'000.0 + 1.5 * 64.0 + 2048.0 / 64.0);
  CHECK(us(plain(), beside(200, 1000, 64)) == Approx(10.0 + std::hypot(products + 32.0, 250.0)).epsilon(1e-12));
}

TEST_CASE("mixed attention: packed tiles hold the rows of a group and there are as many as KV heads") {
  models::MixedAttentionCoefficients packed = plain();
  packed.packed = true;
  // 2 lanes, 1.28 ns a key; 64 tokens are 256 rows, 4.5 tiles, their triangle weighs four times as much.
  const double products = 1.28e-3 * (200'000.0 + 4.5 * 64.0 + 4.0 * 2048.0 / 64.0);
  CHECK(us(packed, beside(200, 1000, 64)) == Approx(10.0 + std::hypot(products + 32.0, 250.0)).epsilon(1e-12));
}

TEST_CASE("mixed attention: every tile starts and ends") {
  models::MixedAttentionCoefficients c = plain();
  c.block_keys = 100.0;
  // 201.5 tiles more of 100 keys each, and half of 100 keys more behind the last wave
  const double products = 5.12e-3 * (200'000.0 + 1.5 * 64.0 + 2048.0 / 64.0 + 201.5 * 100.0);
  CHECK(us(c, beside(200, 1000, 64)) == Approx(10.0 + std::hypot(products + 35.2, 250.0)).epsilon(1e-12));
}

TEST_CASE("mixed attention: a long chunk opens empty blocks for every decode") {
  models::MixedAttentionCoefficients c = plain();
  const AttentionWork work = beside(100, 1000, 640);
  const double walk = us(c, work) - 10.0;
  c.per_empty = 1_us;
  // 101 sequences 10 tiles wide, 100 of decodes and 10.5 of the chunk used: 899.5 in each of 8 heads, 100 at once
  const double longer = us(c, work) - 10.0;
  const double memory = 125.0;
  const auto walked = [&](double time) { return std::sqrt(time * time - memory * memory); };
  CHECK(walked(longer) - walked(walk) == Approx(8.0 * 899.5 / 100.0));
}

TEST_CASE("mixed attention: query heads of a group share what they read while it fits") {
  // Memory alone: nothing computed but one tile of a token.
  models::MixedAttentionCoefficients c = plain();
  c.eff_flops = 1e6;
  const auto memory_us = [&](double context) { return us(c, beside(50, context, 1)) - 10.0; };
  CHECK(memory_us(1500) == Approx(75.0 / 0.8).epsilon(1e-6));  // 75 MB
  c.reuse = 25_MB;                                             // 50,000 tokens of a head; 75,000 miss by half
  // 100 blocks at once are 2 of a group's 4 heads for each of 50 decodes: two reads where it does not fit
  CHECK(memory_us(1500) == Approx(1.5 * 75.0 / 0.8).epsilon(1e-6));
  CHECK(memory_us(4000) == Approx(2.0 * 200.0 / 0.8).epsilon(1e-6));
  CHECK(memory_us(1000) == Approx(50.0 / 0.8).epsilon(1e-6));
}

TEST_CASE("mixed attention: equal contexts are never slower than others with the same sum") {
  models::MixedAttentionCoefficients c = plain();
  c.block_keys = 100.0;
  c.reuse = 25_MB;
  for (const double sequences : {2.0, 5.0, 40.0, 300.0}) {
    AttentionWork work = beside(sequences, 900, 300);
    const double equal = us(c, work);
    double last = equal;
    for (double longest = 900; longest <= 900 * sequences; longest *= 1.2) {
      work.longest_context = longest;
      const double now = us(c, work);
      CHECK(now >= last);
      last = now;
    }
  }
}

TEST_CASE("mixed attention: the longest that is not told is that of sequences alike") {
  models::MixedAttentionCoefficients c = plain();
  c.per_empty = 1_us;
  AttentionWork work{.sequences = 3, .context = 3000, .chunks = 2, .tokens = 400, .area_x2 = 2 * 200.0 * 4200.0};
  const double alike = us(c, work);
  work.longest_context = 1000;
  work.longest_chunk = 200;
  work.longest_prompt = 2200;  // 200 * (2 * 2,000 + 200) is the area of each
  CHECK(us(c, work) == Approx(alike).epsilon(1e-12));
}

TEST_CASE("attention: one kernel takes prompts and decodes where the engine and the chip have it") {
  StepCostSpec spec = test::round_cost(test::tiny_dense(), {.tensor = 2});
  const AttentionWork work = beside(30, 2000, 500);
  const double two = Attention(spec)(work);
  CHECK(two == Approx(4e9 * (decode_layer_time(spec, attention_layers(spec.llm)[0], 30, 60'000) +
                             context_layer_time(spec, attention_layers(spec.llm)[0], {.tokens = 500, .area_x2 = 250e3}))
                                .value())
                   .epsilon(1e-4));
  spec.one_attention_kernel = true;
  const MixedAttention kernel({.heads = 4, .kv_heads = 1, .head_dim = 128}, models::Dtype::Bf16,
                              *spec.chip.kernels.mixed_attention[kBf16], spec.chip);
  CHECK(Attention(spec)(work) == Approx(4.0 * kernel(work)).epsilon(1e-12));
  // Decodes alone keep their own.
  CHECK(Attention(spec)({.sequences = 30, .context = 60'000}) ==
        Approx(4e9 * decode_layer_time(spec, attention_layers(spec.llm)[0], 30, 60'000).value()).epsilon(1e-4));
  spec.precision.kv = models::Dtype::Fp8;  // of which the chip has none
  CHECK_FALSE(mixed_attention(spec).has_value());
  spec = test::round_cost(test::tiny_moe());
  spec.one_attention_kernel = true;
  CHECK_FALSE(mixed_attention(spec).has_value());  // latent attention
}

TEST_CASE("attention: a window shortens what a tile walks") {
  models::LlmSpec llm = test::tiny_dense();
  llm.gqa->window = 128;
  llm.gqa->windowed_layers = 4;  // all
  StepCostSpec spec = test::round_cost(llm);
  spec.one_attention_kernel = true;
  AttentionWork work = beside(10, 5000, 1000);
  work.longest_context = 9000;
  work.longest_prompt = 1000;
  AttentionWork seen{.sequences = 10,
                     .context = 1280,
                     .longest_context = 128,
                     .chunks = 1,
                     .tokens = 1000,
                     .area_x2 = 256e3,
                     .longest_chunk = 1000,
                     .longest_prompt = 192};
  const MixedAttention kernel({.heads = 8, .kv_heads = 2, .head_dim = 128}, models::Dtype::Bf16,
                              *spec.chip.kernels.mixed_attention[kBf16], spec.chip);
  work.longest_chunk = 1000;
  CHECK(Attention(spec)(work) == Approx(4.0 * kernel(seen)).epsilon(1e-12));
}
