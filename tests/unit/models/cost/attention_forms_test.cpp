#include "models/cost/attention.hpp"
#include "models/cost/kernels.hpp"
#include "tests/support/steps.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;
using models::Dtype;
using test::us;

namespace {

constexpr auto kBf16 = static_cast<std::size_t>(Dtype::Bf16);

// The terms of the attention kernels that the round chip does without, one at a time. Its own figures are in
// tiny_specs.

constexpr DecodeAttentionShape kDecode{.sequences = 2, .context = 1000, .heads = 8, .kv_heads = 2, .head_dim = 100};
constexpr ContextAttentionShape kPrompt{.tokens = 1000, .area_x2 = 1e6, .heads = 8, .kv_heads = 2, .head_dim = 100};

/// A chip with every term of the attention kernels.
models::AcceleratorSpec full_chip() {
  models::AcceleratorSpec chip = test::round_chip();
  for (const Dtype kv : {Dtype::Bf16, Dtype::Fp8}) {
    const auto at = static_cast<std::size_t>(kv);
    chip.kernels.decode_attention[at]->per_head = 0.02_us;
    chip.kernels.decode_attention[at]->per_part = 0.01_us;
    chip.kernels.decode_attention[at]->resident = 2;
    chip.kernels.decode_attention[at]->last_wave = 0.6;
    chip.kernels.decode_attention[at]->p = 0.7;
    chip.kernels.decode_attention[at]->repeated = {.below = 50_MB, .share = 0.5};
    for (auto* context : {&chip.kernels.context_attention[at], &chip.kernels.mla_context[at]}) {
      (*context)->p = 0.8;
      (*context)->tile_keys = 400;
      (*context)->softmax_dim = 30;
      (*context)->tile_rows = 64;
      (*context)->last_tiles = 0.4;
    }
    chip.kernels.mla_decode[at]->p = 0.8;
    chip.kernels.mla_decode[at]->query_io = 2.0;
  }
  return chip;
}

}  // namespace

TEST_CASE("decode attention: every KV head of every sequence has its own start and end") {
  models::AcceleratorSpec chip = test::round_chip();
  chip.kernels.decode_attention[kBf16]->per_head = 0.5_us;
  // 10 us + 806,400 B at 800 GB/s + 2 sequences * 2 heads * 0.5 us
  CHECK(us(decode_attention_time(kDecode, Dtype::Bf16, chip)) == Approx(10.0 + 1.008 + 2.0).epsilon(1e-12));
}

TEST_CASE("decode attention: each thread block of a split context has a start and an end") {
  models::AcceleratorSpec chip = test::round_chip();
  chip.kernels.decode_attention[kBf16]->per_head = 0.5_us;
  chip.kernels.attention_split = {.keys = 100, .blocks = 16};
  // 1,000 tokens of 2 KV heads make 20 blocks of 100, of which the chip takes 16.
  CHECK(us(decode_attention_time(kDecode, Dtype::Bf16, chip)) == Approx(10.0 + 1.008 + 8.0).epsilon(1e-12));
}

TEST_CASE("context attention: a token pays for keys of its tile that it does not see") {
  models::AcceleratorSpec chip = test::round_chip();
  chip.kernels.context_attention[kBf16]->tile_keys = 500;
  // 1,000 tokens see 500 keys each on average; 500 more double the 32 us of products.
  CHECK(us(context_attention_time(kPrompt, Dtype::Bf16, chip)) == Approx(20.0 + 64.0 + 9.6).epsilon(1e-12));
}

TEST_CASE("context attention: the exponentials count as a larger head in products and not in bytes") {
  models::AcceleratorSpec chip = test::round_chip();
  chip.kernels.context_attention[kBf16]->softmax_dim = 50;  // of a head of 100: half as much again
  CHECK(us(context_attention_time(kPrompt, Dtype::Bf16, chip)) == Approx(20.0 + 48.0 + 9.6).epsilon(1e-12));
}

TEST_CASE("context attention: a tile costs more than the products of its keys, whatever the size of heads") {
  models::AcceleratorSpec chip = test::round_chip();
  auto& c = *chip.kernels.context_attention[kBf16];
  c.softmax_dim = 50;  // a head of 100 counts 150: 48 us for 500 keys a token
  c.tile_keys = 500;   // as many again
  c.tile_dim = 75;     // which count 225
  CHECK(us(context_attention_time(kPrompt, Dtype::Bf16, chip)) == Approx(20.0 + 48.0 + 72.0 + 9.6).epsilon(1e-12));
}

TEST_CASE("context attention: floor and work are joined by a norm") {
  models::AcceleratorSpec chip = test::round_chip();
  chip.kernels.context_attention[kBf16]->p = 0.5;
  const double root = std::sqrt(20.0) + std::sqrt(32.0 + 9.6);
  CHECK(us(context_attention_time(kPrompt, Dtype::Bf16, chip)) == Approx(root * root).epsilon(1e-12));
}

TEST_CASE("latent decode attention: absorbed queries and outputs are read and written") {
  models::AcceleratorSpec chip = test::round_chip();
  chip.kernels.mla_decode[kBf16]->query_io = 5.0;
  const MlaDecodeShape shape{.sequences = 10, .context = 10'000, .heads = 8, .kv_rank = 500, .rope_dim = 50};
  // 10 * 8 * 1,050 elements of 2 B, five times, at 1 TB/s: 0.84 us beside 16 us and the 13.75 us of the cache
  CHECK(us(mla_decode_time(shape, Dtype::Bf16, chip)) == Approx(29.75 + 0.84).epsilon(1e-12));
}

TEST_CASE("repeated reads: a benchmark finds a small cache in the L2 and a step does not") {
  models::AcceleratorSpec chip = test::round_chip();
  auto& c = *chip.kernels.decode_attention[kBf16];
  const double bytes = 806'400.0;  // of kDecode: 1.008 us from memory
  c.repeated = {.below = Bytes{4.0 * bytes}, .share = 0.25};
  CHECK(us(repeated_time(kDecode, Dtype::Bf16, c, chip)) == Approx(10.0 + 0.25 * 1.008).epsilon(1e-12));
  c.repeated.below = Bytes{bytes / 0.75};  // half of the way from half of it to all of it
  CHECK(us(repeated_time(kDecode, Dtype::Bf16, c, chip)) == Approx(10.0 + 0.625 * 1.008).epsilon(1e-12));
  c.repeated.below = Bytes{bytes};
  CHECK(us(repeated_time(kDecode, Dtype::Bf16, c, chip)) == Approx(10.0 + 1.008).epsilon(1e-12));
  c.repeated.below = Bytes{4.0 * bytes};
  CHECK(us(decode_attention_time(kDecode, Dtype::Bf16, chip)) == Approx(10.0 + 1.008).epsilon(1e-12));
}

TEST_CASE("repeated reads: latent attention that computes longer than it reads gains nothing") {
  models::AcceleratorSpec chip = test::round_chip();
  auto& c = *chip.kernels.mla_decode[kBf16];
  c.repeated = {.below = 100_MB, .share = 0.1};
  const MlaDecodeShape few{.context = 10'000, .heads = 8, .kv_rank = 500, .rope_dim = 50};
  const MlaDecodeShape many{.context = 10'000, .heads = 128, .kv_rank = 500, .rope_dim = 50};
  CHECK(us(repeated_time(few, Dtype::Bf16, c, chip)) == Approx(16.0 + 3.36).epsilon(1e-12));  // 13.75 us became 1.375
  CHECK(us(repeated_time(many, Dtype::Bf16, c, chip)) == Approx(69.76).epsilon(1e-12));
}

TEST_CASE("attention: with every term compiled as the formulas say and never falling") {
  for (StepCostSpec spec : {test::round_cost(test::tiny_dense(), {.tensor = 2}), test::round_cost(test::tiny_moe())}) {
    CAPTURE(spec.llm.name);
    spec.chip = full_chip();
    spec.chip.kernels.attention_split = {.keys = 128, .blocks = 500, .root = 8};
    spec.chip.kernels.multiprocessors = 50;
    const Attention attention(spec);
    const double layers = spec.llm.layers;
    double last = 0.0;
    for (double context = 64; context < 1e7; context *= 1.3) {
      const double price = attention({.sequences = 64, .context = context});
      CHECK(price == Approx(layers * decode_layer_time(spec, attention_layers(spec.llm)[0], 64, context).value() * 1e9)
                         .epsilon(1e-4));
      CHECK(price >= last);
      last = price;
    }
    last = 0.0;
    for (double tokens = 1; tokens < 32768; tokens *= 1.7) {
      const double area = tokens * (tokens + 2.0 * 4096);
      const AttentionWork work{.tokens = tokens, .area_x2 = area};
      const double price = attention(work);
      CHECK(price ==
            Approx(layers * context_layer_time(spec, attention_layers(spec.llm)[0], work).value() * 1e9).epsilon(1e-4));
      CHECK(price >= last);
      last = price;
    }
  }
}

TEST_CASE("attention: a better chip is never slower") {
  const models::AcceleratorSpec chip = full_chip();
  models::AcceleratorSpec faster_memory = chip;
  faster_memory.memory_bandwidth *= 2.0;
  models::AcceleratorSpec faster_products = chip;
  *faster_products.peak[kBf16] *= 2.0;
  const MlaDecodeShape latent{.sequences = 8, .context = 9000, .heads = 16, .kv_rank = 500, .rope_dim = 50};
  for (const models::AcceleratorSpec& better : {faster_memory, faster_products}) {
    CHECK(decode_attention_time(kDecode, Dtype::Bf16, better) <= decode_attention_time(kDecode, Dtype::Bf16, chip));
    CHECK(context_attention_time(kPrompt, Dtype::Bf16, better) < context_attention_time(kPrompt, Dtype::Bf16, chip));
    CHECK(mla_decode_time(latent, Dtype::Bf16, better) <= mla_decode_time(latent, Dtype::Bf16, chip));
  }
}
