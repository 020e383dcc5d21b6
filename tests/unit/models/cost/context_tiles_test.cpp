#include "models/cost/context_tiles.hpp"

#include "models/cost/attention.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::cost;
using doctest::Approx;

namespace {

constexpr ContextTiles::Rates kRates{
    .per_area_x2 = Seconds{1e-9}, .per_token = Seconds{1e-6}, .heads = 4, .head_dim = 128};
constexpr double kMultiprocessors = 20;

/// 1,000 tokens without a prefix but for the activations, in us.
double products_us(const models::ContextAttentionCoefficients& c, double tokens, double longest) {
  return 1e6 * ContextTiles(kRates, c, kMultiprocessors).work(tokens, tokens * longest, longest).value() - tokens;
}

}  // namespace

TEST_CASE("context tiles: without them products are in proportion to the area") {
  CHECK(products_us({}, 1000, 1000) == Approx(1000.0).epsilon(1e-12));
  CHECK(products_us({.tile_keys = 500}, 1000, 1000) == Approx(2000.0).epsilon(1e-12));  // every token sees 500 more
  CHECK(ContextTiles(kRates, {.tile_rows = 100}, 0).work(1000, 1e6, 1000).value() == Approx(2e-3).epsilon(1e-12));
}

TEST_CASE("context tiles: the last tile walks all keys alone on its multiprocessor") {
  // 100 of 1,000 tokens: 4 heads * 1 tile on 20 multiprocessors. A tile's area is 2 * 100 * 1,000, of one of 4 heads.
  // 1e-9 s * 200,000 / 4 * 20 = 1,000 us, where the area of all is 100 us.
  CHECK(products_us({.tile_rows = 100}, 100, 1000) == Approx(1000.0).epsilon(1e-12));
  CHECK(products_us({.tile_keys = 500, .tile_rows = 100}, 100, 1000) == Approx(1500.0).epsilon(1e-12));
}

TEST_CASE(
    "context tiles: a tile that has its multiprocessor to itself may take longer than its share of the chip's rate") {
  // As above: 1,000 us, and half as much again.
  CHECK(products_us({.tile_rows = 100, .alone = 1.5}, 100, 1000) == Approx(1500.0).epsilon(1e-12));
  // 2,000 tokens keep all multiprocessors busy with several tiles: only the last of them are alone, for half of 3,000
  // us.
  CHECK(products_us({.tile_rows = 100, .alone = 1.5}, 2000, 2000) == Approx(4000.0).epsilon(1e-12));
  CHECK(products_us({.tile_rows = 100, .last_tiles = 0.5, .alone = 1.5}, 2000, 2000) ==
        Approx(4000.0 + 1500.0).epsilon(1e-12));
}

TEST_CASE("context tiles: more tiles than run at once wait for the last of them") {
  // 600 tokens are 24 tiles, 1.2 times 20: a fifth of half of the 600 us of the longest besides their 360 us, which is
  // still less than that one takes; 2,000 tokens are four times as many and wait for half of 2,000 us.
  const models::ContextAttentionCoefficients c{.tile_rows = 100, .last_tiles = 0.5};
  CHECK(products_us(c, 600, 600) == Approx(600.0).epsilon(1e-12));
  CHECK(products_us(c, 2000, 2000) == Approx(4000.0 + 1000.0).epsilon(1e-12));
}

TEST_CASE("context tiles: nothing to do takes nothing") {
  CHECK(ContextTiles(kRates, {.tile_keys = 500, .tile_rows = 100}, 20).work(0, 0, 0) == Seconds{});
}

TEST_CASE("context tiles: chunks that are all alike end where their area says") {
  // Two chunks of 200 behind 2,000: 400 * (2 * 2,000 + 200) of area
  CHECK(longest_prompt({.chunks = 2, .tokens = 400, .area_x2 = 400.0 * 4200}) == 2200);
  CHECK(longest_prompt({.chunks = 2, .tokens = 400, .area_x2 = 400.0 * 4200, .longest_prompt = 3000}) == 3000);
  CHECK(longest_prompt({}) == 0);
}
