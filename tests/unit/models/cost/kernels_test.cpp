#include "models/cost/kernels.hpp"

#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>

using namespace tokenyard;
using namespace tokenyard::cost;
using doctest::Approx;
using models::Dtype;
using models::GemmKind;

namespace {

// Only rounding of doubles separates a formula from its hand-made value.
Approx exactly(double value) { return Approx(value).epsilon(1e-12); }
double us(Seconds time) { return time.value() * 1e6; }

}  // namespace

TEST_CASE("p_norm: sum at 1 and maximum at large p and more than the sum below 1") {
  CHECK(p_norm(3.0, 4.0, 1.0) == exactly(7.0));
  CHECK(p_norm(3.0, 4.0, 2.0) == exactly(5.0));
  CHECK(p_norm(9.0, 16.0, 0.5) == exactly(49.0));  // (3 + 4)^2
  CHECK(p_norm(3.0, 4.0, 1e9) == 4.0);
  CHECK(p_norm(0.0, 4.0, 0.5) == exactly(4.0));
  CHECK(p_norm(0.0, 0.0, 2.0) == 0.0);
}

TEST_CASE("p_norm: huge powers neither overflow nor vanish") {
  CHECK(p_norm(1e200, 1e200, 20.0) == Approx(1e200 * std::pow(2.0, 0.05)).epsilon(1e-12));
}

TEST_CASE("gemm: launch and walk along K and compute and memory add up at p = 1") {
  // M 100, N 1000, K 1000: 2e8 FLOP at 50 TFLOP/s are 4 us; weights 2 MB and 0.2 + 0.2 MB of activations at 800 GB/s
  // are 3 us; launch 2 us; 0.1 us for K.
  CHECK(us(gemm_time({.m = 100, .n = 1000, .k = 1000}, GemmKind::Bf16, test::round_chip())) == exactly(9.1));
}

TEST_CASE("gemm: quantising the activations is paid beside the norm of compute and memory") {
  // M 1000, N 2000, K 1000: 4e9 FLOP at 100 TFLOP/s are 40 us; 2 + 1 + 4 MB at 1 TB/s are 7 us; the pass 4e6 B, 4 us.
  const double expected = 4.0 + std::sqrt(40.0 * 40.0 + 7.0 * 7.0) + 4.0;
  CHECK(us(gemm_time({.m = 1000, .n = 2000, .k = 1000}, GemmKind::Fp8, test::round_chip())) == exactly(expected));
}

TEST_CASE("gemm: a benchmark finds five copies of small weights in the L2 and a step does not") {
  // M 100, N 1000, K 1000: weights of 2 MB, 0.2 MB read and 0.2 MB written beside them, at 800 GB/s; all else of it
  // 2 + 4 + 0.1 us. Five copies, what is read and what is written: 10.4 MB.
  const models::AcceleratorSpec chip = test::round_chip();
  models::GemmCoefficients c = *chip.kernels.gemm[static_cast<std::size_t>(GemmKind::Bf16)];
  const GemmShape shape{.m = 100, .n = 1000, .k = 1000};
  const auto repeated = [&] { return us(repeated_time(shape, GemmKind::Bf16, c, chip)); };
  CHECK(repeated() == exactly(9.1));  // no such thing in the table
  c.repeated = {.below = Bytes{20.8e6}, .share = 0.5};
  CHECK(repeated() == exactly(6.1 + (0.5 * 2.2 + 0.2) / 0.8));
  c.repeated.below = Bytes{10.4e6 / 0.75};  // half of the way from half of it to all of it
  CHECK(repeated() == exactly(6.1 + (0.75 * 2.2 + 0.2) / 0.8));
  c.repeated.below = Bytes{10.4e6};
  CHECK(repeated() == exactly(9.1));
  c.repeated.below = Bytes{20.8e6};
  CHECK(us(gemm_time(shape, GemmKind::Bf16, c, chip)) == exactly(9.1));
}

TEST_CASE("gemm: a batch of products is launched once") {
  // 8 x [10,50] x [50,100]: 8e5 FLOP are 16 ns; 8 * (10,000 + 1,000 + 2,000) B are 130 ns; 2 us and 5 ns for K.
  CHECK(us(gemm_time({.m = 10, .n = 100, .k = 50, .batch = 8}, GemmKind::Bf16, test::round_chip())) == exactly(2.151));
}

TEST_CASE("decode attention: moves the cache and queries and outputs") {
  SUBCASE("bf16, p = 1: 800,000 + 6,400 B at 800 GB/s are 1.008 us after a launch of 10 us") {
    const DecodeAttentionShape shape{.sequences = 2, .context = 1000, .heads = 8, .kv_heads = 2, .head_dim = 100};
    CHECK(decode_attention_bytes(shape, Dtype::Bf16).value() == 806'400.0);
    CHECK(us(decode_attention_time(shape, Dtype::Bf16, test::round_chip())) == exactly(11.008));
  }
  SUBCASE("fp8, p = 1/2: 1.96 + 0.04 MB are 2 us, (sqrt 8 + sqrt 2)^2 = (3 sqrt 2)^2 = 18 us, more than the sum") {
    const DecodeAttentionShape shape{.sequences = 10, .context = 4900, .heads = 10, .kv_heads = 2, .head_dim = 100};
    CHECK(us(decode_attention_time(shape, Dtype::Fp8, test::round_chip())) == exactly(18.0));
  }
}

TEST_CASE("context attention: the causal triangle and what is read and written") {
  // A prompt of 1,000: 4 * 800 * 1000^2 / 2 = 1.6e9 FLOP are 32 us; 1000 * (16 + 8) * 100 * 2 B at 500 GB/s 9.6 us.
  const ContextAttentionShape shape{.tokens = 1000, .area_x2 = 1e6, .heads = 8, .kv_heads = 2, .head_dim = 100};
  CHECK(us(context_attention_time(shape, Dtype::Bf16, test::round_chip())) == exactly(20.0 + 32.0 + 9.6));
}

TEST_CASE("latent decode attention: the slower of compute and cache after a launch") {
  SUBCASE("8 heads: 1.68e8 FLOP are 3.36 us; 10,000 * 550 * 2 B at 800 GB/s are 13.75 us") {
    const MlaDecodeShape shape{.context = 10'000, .heads = 8, .kv_rank = 500, .rope_dim = 50};
    CHECK(us(mla_decode_time(shape, Dtype::Bf16, test::round_chip())) == exactly(29.75));
  }
  SUBCASE("128 heads: 16 times the FLOP, 53.76 us, over the same cache") {
    const MlaDecodeShape shape{.context = 10'000, .heads = 128, .kv_rank = 500, .rope_dim = 50};
    CHECK(us(mla_decode_time(shape, Dtype::Bf16, test::round_chip())) == exactly(69.76));
  }
}

TEST_CASE("latent context attention: keys and values are expanded") {
  // 8 * 1e6 * 250 = 2e9 FLOP are 40 us; 1000 * 8 * 4 * 250 B at 500 GB/s are 16 us.
  const MlaContextShape shape{
      .tokens = 1000, .area_x2 = 1e6, .heads = 8, .nope_dim = 100, .rope_dim = 50, .v_dim = 100};
  CHECK(us(mla_context_time(shape, Dtype::Bf16, test::round_chip())) == exactly(76.0));
}

TEST_CASE("moe: launch and experts and products and passes over the rows add up at p = 1") {
  // 16 experts, 2 chosen: 6e6 FLOP are 0.12 us; 2 experts of 3 MB at 800 GB/s are 7.5 us; two passes over
  // 2 * (4,000 + 4,000 + 4,000) + 4,000 B are 0.056 us; 30 us and 1 us for each of the 16.
  const MoeShape shape{.tokens = 1, .hidden = 1000, .inner = 500, .experts = 16, .top_k = 2};
  CHECK(us(moe_time(shape, {.rows = 1.0, .hit = 2.0}, GemmKind::Bf16, test::round_chip())) == exactly(53.676));
  CHECK(moe_weight_bytes(shape, {.rows = 1.0, .hit = 2.0}, GemmKind::Bf16) == Bytes{6e6});
}

TEST_CASE("moe: the busiest rank has more rows and its hit experts cost a group and a tile each") {
  models::AcceleratorSpec chip = test::round_chip();
  auto& moe = *chip.kernels.moe[static_cast<std::size_t>(GemmKind::Bf16)];
  moe.per_hit_expert = Seconds{0.5e-6};
  moe.per_token = Seconds{1e-9};
  moe.tile_rows = 4;
  // 4 groups, 16 tokens of 2 choices: 8 rows a group, 16 on the busiest, 3 experts hit. 6 * (16 + 3 * 4) * 5e5 = 84e6
  // FLOP are 1.68 us; passes 2 * (16 * 12,000 + 64,000) B are 0.512 us; 3 * 3 MB at 800 GB/s are 11.25 us; 30 + 4 us
  // and 3 * 0.5 + 16 * 0.001 us.
  const MoeShape shape{.tokens = 16, .hidden = 1000, .inner = 500, .experts = 16, .top_k = 2, .expert_ranks = 4};
  CHECK(us(moe_time(shape, {.rows = 2.0, .hit = 3.0}, GemmKind::Bf16, chip)) ==
        exactly(30.0 + 4.0 + 1.5 + 0.016 + 1.68 + 11.25 + 0.512));
}

TEST_CASE("moe: the kernel of a library counts up to the rows it was measured with") {
  models::AcceleratorSpec chip = test::round_chip();
  const auto kind = static_cast<std::size_t>(GemmKind::Bf16);
  models::MoeCoefficients library = *chip.kernels.moe[kind];
  library.t0 = Seconds{1e-6};
  library.most_rows = 64;
  chip.kernels.moe_in_use[kind] = library;
  MoeShape shape{.tokens = 64, .hidden = 1000, .inner = 500, .experts = 16, .top_k = 2, .expert_ranks = 4};
  const ExpertLoad even{.rows = 1.0, .hit = 3.0};     // 32 rows a rank
  const ExpertLoad crowded{.rows = 2.5, .hit = 3.0};  // 80
  CHECK(moe_kernel(shape, even, GemmKind::Bf16, chip).t0 == library.t0);
  CHECK(moe_kernel(shape, crowded, GemmKind::Bf16, chip).t0 == chip.kernels.moe[kind]->t0);
  CHECK(moe_time(shape, even, GemmKind::Bf16, chip) == moe_time(shape, even, GemmKind::Bf16, library, chip));
  CHECK(moe_time(shape, crowded, GemmKind::Bf16, chip) ==
        moe_time(shape, crowded, GemmKind::Bf16, *chip.kernels.moe[kind], chip));
}

TEST_CASE("moe: where tokens are dispatched a chip adds up its own results only") {
  // 2 activation passes over 4 B * 1024 * T: 64 tokens against 64 / 8.
  const models::AcceleratorSpec chip = test::round_chip();
  MoeShape shape{.tokens = 64, .hidden = 1024, .inner = 512, .experts = 16, .top_k = 2, .expert_ranks = 8};
  const ExpertLoad load{.rows = 1.0, .hit = 2.0};
  const Seconds all = moe_time(shape, load, models::GemmKind::Bf16, chip);
  shape.gathered = 1.0 / 8;
  const double saved_us = (all - moe_time(shape, load, models::GemmKind::Bf16, chip)).value() * 1e6;
  CHECK(saved_us == doctest::Approx(2.0 * 4 * 1024 * (64 - 8) / 1e6));
}
