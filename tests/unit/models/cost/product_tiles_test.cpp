#include "models/cost/product_tiles.hpp"
#include "models/cost/kernels.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::literals;
using cost::GemmShape;
using cost::ProductTiles;
using doctest::Approx;

namespace {

/// Of a chip of 10 multiprocessors and 20 TFLOP/s: a multiply-add a picosecond on each, a tile of 64 x 64 4.096 ns of
/// K.
constexpr double kPeak = 20e12;
constexpr double kMultiprocessors = 10;

models::GemmCoefficients plain() {
  return {.eff_flops = 1.0,
          .p = 1e9,
          .walk = Seconds{1e-12},
          .split = Seconds{1.0}};  // no walk is slower than products, no split pays
}

double seconds(const models::GemmCoefficients& c, const GemmShape& shape, double memory = 0.0, double partial = 0.0) {
  return ProductTiles(c, kPeak, kMultiprocessors).time(shape, Seconds{memory}, Seconds{partial}).value();
}

}  // namespace

TEST_CASE("product tiles: blocks run in waves and a part of one waits for a whole block") {
  models::GemmCoefficients c = plain();
  c.last_wave = 1.0;
  const double block = 64 * 64 * 1e-12 * 1000;
  CHECK(seconds(c, {.m = 64, .n = 64, .k = 1000}) == Approx(block));       // alone on the chip
  CHECK(seconds(c, {.m = 1, .n = 64, .k = 1000}) == Approx(block));        // a token fills a tile
  CHECK(seconds(c, {.m = 64, .n = 640, .k = 1000}) == Approx(block));      // one wave of ten
  CHECK(seconds(c, {.m = 64, .n = 641, .k = 1000}) == Approx(2 * block));  // the eleventh runs after them
  CHECK(seconds(c, {.m = 64, .n = 64, .k = 1000, .batch = 11}) == Approx(2 * block));
  c.last_wave = 0.3;
  CHECK(seconds(c, {.m = 64, .n = 641, .k = 1000}) == Approx(1.3 * block));  // it runs beside what they leave
  CHECK(seconds(c, {.m = 64, .n = 64 * 16, .k = 1000}) == Approx(1.6 * block));
}

TEST_CASE("product tiles: the tile that suits is taken, and several blocks share one where that is quicker") {
  models::GemmCoefficients c = plain();
  c.last_wave = 1.0;
  // 192 columns are three tiles of 64 in one wave or two of 128: the smaller end first.
  CHECK(seconds(c, {.m = 64, .n = 192, .k = 1000}) == Approx(64 * 64 * 1e-9));
  // A walk of 8.192 ns at least a step of K: tiles of 64 x 128 do twice the work in it, so 20 of 64 need one wave, not
  // two.
  c.walk = Seconds{1000 * 8.192e-9};
  CHECK(seconds(c, {.m = 64, .n = 64 * 20, .k = 1000}) == Approx(8.192e-6));
  // Ten blocks may share one tile: 8 of them take an eighth, and add up what each has made.
  c.split = Seconds{1e-6};
  const double shared = 8.192e-6 / 8 + 1e-6 + 8 * 0.05e-6;
  CHECK(seconds(c, {.m = 64, .n = 64, .k = 1000}, 0.0, 0.05e-6) == Approx(shared));
  c.store = Seconds{1e-9};  // of 1,000 elements; blocks do not share a tile's end
  CHECK(seconds(c, {.m = 64, .n = 64, .k = 1000}, 0.0, 0.05e-6) == Approx(shared + 4.096e-9));
}

TEST_CASE("product tiles: each wave of blocks starts once beside memory and blocks") {
  models::GemmCoefficients c = plain();
  c.last_wave = 0.3;
  c.start = Seconds{4e-6};
  const double block = 64 * 64 * 1e-12 * 1000;
  CHECK(seconds(c, {.m = 64, .n = 64, .k = 1000}) == Approx(block + 4e-6));
  CHECK(seconds(c, {.m = 64, .n = 640, .k = 1000}) == Approx(block + 4e-6));
  CHECK(seconds(c, {.m = 64, .n = 640, .k = 1000}, 20e-6) == Approx(20e-6 + 4e-6));  // nothing is read meanwhile
  // Eleven tiles of 64 columns start twice and take 1.3 blocks of 4.1 us; six of 128 start once and take two.
  CHECK(seconds(c, {.m = 64, .n = 641, .k = 1000}) == Approx(2 * block + 4e-6));
  c.start = Seconds{0.5e-6};  // now a second start costs less than what larger tiles compute
  CHECK(seconds(c, {.m = 64, .n = 641, .k = 1000}) == Approx(1.3 * block + 2 * 0.5e-6));
}

TEST_CASE("product tiles: memory bounds them, and a price never falls as a shape grows") {
  models::GemmCoefficients c = plain();
  CHECK(seconds(c, {.m = 64, .n = 64, .k = 1000}, 1.0) == Approx(1.0));
  models::AcceleratorSpec chip = test::round_chip();
  chip.kernels.multiprocessors = 13;
  c = {.t0 = 2_us,
       .eff_flops = 0.8,
       .eff_bw = 0.9,
       .p = 2.0,
       .walk = 1.5_us,
       .store = Seconds{20e-9},
       .last_wave = 0.25,
       .split = 2_us,
       .start = 3_us};
  const auto price = [&](double m, double n, double k) {
    return cost::gemm_time({.m = m, .n = n, .k = k}, models::GemmKind::Bf16, c, chip).value();
  };
  for (const double n : {64.0, 200.0, 1000.0, 5000.0}) {
    for (const double k : {256.0, 1000.0, 9000.0}) {
      c.start = n < 300.0 ? 3_us : 0.2_us;
      double last = 0.0;
      bool falls = false;
      for (double m = 1; m < 3000; m += 7) {
        const double now = price(m, n, k);
        falls = falls || now < last * (1.0 - 1e-12) || price(m, n + 50, k) < now * (1.0 - 1e-12) ||
                price(m, n, k + 50) < now * (1.0 - 1e-12);
        last = now;
      }
      CAPTURE(n);
      CAPTURE(k);
      CHECK_FALSE(falls);
    }
  }
  c.walk = Seconds{};  // blocks do not count: products at the peak's share and bytes
  CHECK(price(3000, 5000, 9000) ==
        Approx(2e-6 + cost::p_norm(2.0 * 3000 * 5000 * 9000 / (100e12 * 0.8),
                                   2.0 * (5000.0 * 9000 + 3000.0 * 9000 + 3000.0 * 5000) / (1000e9 * 0.9), 2.0)));
}
