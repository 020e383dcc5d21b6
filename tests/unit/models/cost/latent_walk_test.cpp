#include "models/cost/latent_walk.hpp"

#include "models/cost/kernels.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <cstddef>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;

TEST_CASE("latent walk: a kernel that splits contexts is priced as it was") {
  const LatentWalk none({}, 20, 100);
  CHECK(none.heads() == 20);
  CHECK(none.pass(3.0, 2, 1e6) == 3.0);
}

TEST_CASE("latent walk: a block takes 64 heads and walks its context alone") {
  const LatentWalk walk({.walk = 0.1_us, .resident = 0.5, .last_walk = 0.8}, 100, 40);  // two blocks each, 20 at once
  CHECK(walk.heads() == 128);
  CHECK(walk.pass(1e-6, 5, 5 * 1000.0) ==
        Approx(100e-6).epsilon(1e-12));  // 1,000 keys, however little the chip has to do
  CHECK(walk.pass(150e-6, 10, 10 * 1000.0) == Approx(150e-6).epsilon(1e-12));  // 20 blocks, all at once
  CHECK(walk.pass(150e-6, 15, 15 * 1000.0) == Approx(190e-6).epsilon(1e-12));  // 1.5 times as many: half of 80 us
  CHECK(walk.pass(150e-6, 80, 80 * 1000.0) == Approx(230e-6).epsilon(1e-12));  // all of it, not more
}

TEST_CASE("latent walk: splitting a context takes longer as its root grows and as long for all of a batch") {
  const LatentWalk walk({.split = 2_us}, 20, 100);
  CHECK(walk.pass(30e-6, 1, 1000) == Approx(32e-6).epsilon(1e-12));
  CHECK(walk.pass(30e-6, 1, 9000) == Approx(36e-6).epsilon(1e-12));
  CHECK(walk.pass(30e-6, 8, 8 * 9000.0) == Approx(36e-6).epsilon(1e-12));
  CHECK(walk.pass(0.0, 0, 1) == 0.0);  // nothing to split
}

TEST_CASE("latent walk: up to 32 heads each 16 read the cache and more are computed in tiles of 128") {
  const auto walk = [](double heads) { return LatentWalk({.another_read = 0.5}, heads, 100); };
  CHECK(walk(8).reads() == 1.0);
  CHECK(walk(16).reads() == 1.0);
  CHECK(walk(32).reads() == 1.5);
  CHECK(walk(32).heads() == 32);
  CHECK(walk(64).reads() == 1.0);
  CHECK(walk(64).heads() == 128);
  CHECK(walk(200).heads() == 256);
  CHECK(walk(64).pass(3.0, 2, 1e6) == 3.0);  // contexts are split
  const LatentWalk plain({}, 32, 100);
  CHECK(plain.reads() == 1.0);
  CHECK(plain.heads() == 32);
}

TEST_CASE("latent walk: a second block of heads costs what it reads and an empty half of a tile what it computes") {
  // 1e6 tokens of 160 elements in BF16 are 320 MB: 400 us at 0.8 of 1 TB/s, 16 us of floor hidden in it (p = 1,000).
  models::AcceleratorSpec chip = test::round_chip();
  auto& kernel = *chip.kernels.mla_decode[static_cast<std::size_t>(models::Dtype::Bf16)];
  const auto time = [&](double heads) {
    const MlaDecodeShape shape{.sequences = 10, .context = 1e6, .heads = heads, .kv_rank = 128, .rope_dim = 32};
    return mla_decode_time(shape, models::Dtype::Bf16, chip).value() * 1e6;
  };
  kernel.p = 1000.0;
  CHECK(time(32) == Approx(400.0));
  // 64 heads: 2 * 1e6 * 64 * 288 FLOP at 50 TFLOP/s.
  CHECK(time(64) == Approx(737.28));
  kernel.another_read = 0.5;
  CHECK(time(16) == Approx(400.0));
  CHECK(time(32) == Approx(600.0));
  CHECK(time(64) == Approx(2.0 * 737.28));
  CHECK(time(128) == Approx(time(64)));
}

TEST_CASE("latent walk: heads that are filled up cost as much as full ones") {
  models::AcceleratorSpec chip = test::round_chip();
  const auto bf16 = static_cast<std::size_t>(models::Dtype::Bf16);
  chip.kernels.mla_decode[bf16]->walk = 0.001_us;
  const auto time = [&](double heads) {
    const MlaDecodeShape shape{.sequences = 10, .context = 1e6, .heads = heads, .kv_rank = 500, .rope_dim = 50};
    return mla_decode_time(shape, models::Dtype::Bf16, chip).value();
  };
  CHECK(time(16) == Approx(time(64)).epsilon(1e-12));
  CHECK(time(65) > time(64));
}
