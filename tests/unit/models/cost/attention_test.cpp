#include "models/cost/attention.hpp"

#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using doctest::Approx;

namespace {

models::LlmSpec windowed() {
  models::LlmSpec llm = test::tiny_dense();
  llm.gqa->window = 128;
  llm.gqa->windowed_layers = 3;
  return llm;
}

/// All layers from the formulas, in ns.
double formula_ns(const StepCostSpec& spec, const AttentionWork& work) {
  double seconds = 0.0;
  for (const AttentionLayers& group : attention_layers(spec.llm)) {
    if (work.sequences > 0) {
      seconds += group.layers * decode_layer_time(spec, group, work.sequences, work.context).value();
    }
    if (work.tokens > 0) seconds += group.layers * context_layer_time(spec, group, work).value();
  }
  return seconds * 1e9;
}

}  // namespace

TEST_CASE("attention: layers fall into those with a window and those without") {
  CHECK(attention_layers(test::tiny_dense()).size() == 1);
  CHECK(attention_layers(test::tiny_moe()).size() == 1);
  const std::vector<AttentionLayers> groups = attention_layers(windowed());
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].layers == 1);
  CHECK(groups[1].layers == 3);
  CHECK(groups[1].window == 128);
}

TEST_CASE("attention: a window limits what a decode and what a prompt sees") {
  const AttentionLayers layers{.layers = 1, .window = 128};
  CHECK(layers.seen_context(4, 400) == 400);       // 100 a sequence
  CHECK(layers.seen_context(4, 4000) == 512);      // 1,000 a sequence: 4 * 128
  CHECK(layers.seen_area_x2(100, 1e4) == 1e4);     // a triangle below the window
  CHECK(layers.seen_area_x2(1000, 1e6) == 256e3);  // 1,000 tokens of 128 keys each, twice
}

TEST_CASE("attention: compiled as the formulas say") {
  std::vector<StepCostSpec> specs{test::round_cost(test::tiny_dense(), {.tensor = 2}), test::round_cost(windowed()),
                                  test::round_cost(test::tiny_moe(), {.tensor = 2})};
  specs.push_back(specs[0]);
  specs.back().precision.kv = models::Dtype::Fp8;  // p = 1/2
  for (const StepCostSpec& spec : specs) {
    const Attention attention(spec);
    for (const AttentionWork& work :
         {AttentionWork{.sequences = 1, .context = 1}, AttentionWork{.sequences = 64, .context = 96'000},
          AttentionWork{.tokens = 2048, .area_x2 = 2048.0 * 2048},
          AttentionWork{.sequences = 8, .context = 1e6, .tokens = 512, .area_x2 = 512.0 * 4096}}) {
      CAPTURE(spec.llm.name);
      CAPTURE(work.context);
      CHECK(attention(work) == Approx(formula_ns(spec, work)).epsilon(1e-4));  // the norm's table
    }
  }
}

TEST_CASE("attention: layers with a window have a kernel of their own where the chip has one") {
  StepCostSpec spec = test::round_cost(windowed());  // 3 of 4 layers see 128 tokens; heads of 64 in groups
  const auto bf16 = static_cast<std::size_t>(models::Dtype::Bf16);
  models::KernelSet& kernels = spec.chip.kernels;
  spec.llm.gqa->head_dim = 64;
  kernels.attention_split = {.keys = 128, .blocks = 200, .whole_context = true};
  kernels.decode_by_heads[static_cast<std::size_t>(models::DecodeHeads::Heads64Window)][bf16] = {
      .t0 = Seconds{3e-6}, .eff_bw = 1.0, .p = 2.0, .per_head = Seconds{20e-9}, .provenance = {.source = "made up"}};
  kernels.context_by_heads[static_cast<std::size_t>(models::ContextHeads::Window)][bf16] = {
      .t0 = Seconds{5e-6}, .eff_flops = 0.4, .eff_io = 1.0, .tile_keys = 64, .provenance = {.source = "made up"}};
  const Attention attention(spec);
  const std::vector<AttentionLayers> groups = attention_layers(spec.llm);
  CHECK(decode_kernel(spec, groups[1]).p == 2.0);
  CHECK(decode_kernel(spec, groups[0]).p == 1.0);
  CHECK(context_kernel(spec, groups[1]).tile_keys == 64.0);
  for (const AttentionWork& work :
       {AttentionWork{.sequences = 16, .context = 16 * 1000.0}, AttentionWork{.sequences = 16, .context = 16 * 1e6},
        AttentionWork{.tokens = 2048, .area_x2 = 2048.0 * 2048}}) {
    CAPTURE(work.context);
    CHECK(attention(work) == Approx(formula_ns(spec, work)).epsilon(1e-4));  // the norm's table
  }
  // 16 decodes of 2 KV heads, 128 tokens seen: longer contexts start more thread blocks, up to the 200 of the chip.
  const auto layer = [&](double context) { return decode_layer_time(spec, groups[1], 16, 16 * context).value(); };
  CHECK(layer(512) > layer(128));
  CHECK(layer(1e6) == Approx(layer(1e5)).epsilon(1e-12));
  kernels.attention_split.whole_context = false;
  CHECK(layer(1e6) == Approx(layer(128)).epsilon(1e-12));
}

TEST_CASE("attention: where contexts stay whole the longest decode is waited for") {
  StepCostSpec spec = test::round_cost(test::tiny_dense(), {.tensor = 2});  // one KV head a chip
  spec.chip.kernels.attention_skew[static_cast<std::size_t>(models::Dtype::Bf16)] = {
      .per_key = Seconds{10e-9}, .unsplit = 30, .provenance = {.source = "made up"}};
  const Attention attention(spec);
  const double alike = attention({.sequences = 40, .context = 40'000});
  // 4 layers of 10 ns for each of the 2,500 tokens that the longest is above the mean of 1,000
  CHECK(attention({.sequences = 40, .context = 40'000, .longest_context = 3500}) == Approx(alike + 4 * 10.0 * 2500));
  CHECK(attention({.sequences = 40, .context = 40'000, .longest_context = 1000}) == alike);
  CHECK(attention.decode(40, 40'000, 3500) == attention({.sequences = 40, .context = 40'000, .longest_context = 3500}));
  // 29 blocks are still split: nobody waits.
  CHECK(attention({.sequences = 29, .context = 29'000, .longest_context = 3500}) ==
        attention({.sequences = 29, .context = 29'000}));
  // On one chip there are two KV heads, and 15 decodes are 30 blocks.
  StepCostSpec whole = test::round_cost(test::tiny_dense());
  whole.chip = spec.chip;
  CHECK(Attention(whole)({.sequences = 15, .context = 15'000, .longest_context = 3500}) ==
        Approx(Attention(whole)({.sequences = 15, .context = 15'000}) + 4 * 10.0 * 2500));
}

TEST_CASE("attention: a window bounds the longest decode as well") {
  StepCostSpec spec = test::round_cost(windowed());  // 3 of 4 layers see 128 tokens
  spec.chip.kernels.attention_skew[static_cast<std::size_t>(models::Dtype::Bf16)] = {
      .per_key = Seconds{10e-9}, .unsplit = 0, .provenance = {.source = "made up"}};
  const Attention attention(spec);
  const double alike = attention({.sequences = 40, .context = 40'000});
  // In those all contexts are cut to the same 128; the fourth waits.
  CHECK(attention({.sequences = 40, .context = 40'000, .longest_context = 3500}) == Approx(alike + 10.0 * 2500));
}

TEST_CASE("attention: many chunks launch one kernel") {
  const StepCostSpec spec = test::round_cost(test::tiny_dense());
  const Attention attention(spec);
  // Two prompts of 256 have half the area of one of 512; the floor of 4 * 20 us is paid once either way.
  const double one = attention({.tokens = 512, .area_x2 = 512.0 * 512});
  const double two = attention({.tokens = 512, .area_x2 = 2 * 256.0 * 256});
  // 4 layers * 2 * 8 * 128 FLOP * 131,072 at 50 TFLOP/s
  CHECK(one - two == Approx(4 * 2.0 * 8 * 128 * 131'072 / 50e12 * 1e9));
}

TEST_CASE("attention: a tensor rank holds its share of the heads") {
  // 8 heads and 2 KV heads on 2 chips: half the bytes. 10 us + (4 * 1000 * 128 + 4 * 4 * 128) B at 800 GB/s, 4 layers.
  const Attention attention(test::round_cost(test::tiny_dense(), {.tensor = 2}));
  const double layer_us = 10.0 + (4.0 * 1000 * 128 + 4.0 * 4 * 128) / 800e3;
  CHECK(attention({.sequences = 1, .context = 1000}) == Approx(4e3 * layer_us).epsilon(1e-4));
}
