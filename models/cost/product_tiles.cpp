#include "models/cost/product_tiles.hpp"

#include "models/base/errors.hpp"
#include "models/cost/kernels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace tokenyard::cost {
namespace {

struct Tile {
  double rows, columns;
};
constexpr std::array<Tile, ProductTiles::kShapes> kTiles{
    {{64, 64}, {64, 128}, {128, 64}, {128, 128}, {128, 256}, {256, 128}}};
constexpr std::array<double, 5> kSplits{1, 2, 4, 8, 16};
constexpr double kRounding = 1e-9;  // of a wave: what divisions leave of a full one

}  // namespace

ProductTiles::ProductTiles(const models::GemmCoefficients& c, double peak, double multiprocessors)
    : per_multiprocessor_(1.0 / multiprocessors),
      per_product_(2.0 * multiprocessors / (peak * c.eff_flops)),
      walk_(c.walk.value() / 1000.0),
      store_(c.store.value() / 1000.0),
      last_wave_(c.last_wave),
      split_(c.split.value()),
      start_(c.start.value()),
      p_(c.p) {
  expect(multiprocessors > 0.0 && walk_ > 0.0, "tiles count where multiprocessors and a walk are known");
}

ProductTiles::Tiled ProductTiles::tiled(const GemmShape& s) {
  Tiled tiles;
  for (std::size_t i = 0; i < kTiles.size(); ++i) {
    tiles[i] = s.batch * std::ceil(s.m / kTiles[i].rows) * std::ceil(s.n / kTiles[i].columns);
  }
  return tiles;
}

ProductTiles::Waves ProductTiles::waves(std::size_t shape, double tiles, double k, double split) const {
  const double waves = tiles * split * per_multiprocessor_;
  const auto full = static_cast<double>(static_cast<std::int64_t>(waves + kRounding));  // no wave is negative
  const double last = waves - full;
  const bool begun = last > kRounding;
  const double count = full + (begun ? (full > 0.0 ? std::max(last, last_wave_) : 1.0) : 0.0);
  const double elements = kTiles[shape].rows * kTiles[shape].columns;
  const double block = std::max(elements * per_product_, walk_) * k / split + store_ * elements;
  return {.blocks = count * block, .starts = start_ * (begun ? full + 1.0 : full)};
}

Seconds ProductTiles::time(const GemmShape& s, Seconds memory, Seconds partial) const {
  const Tiled tiles = tiled(s);
  double least = std::numeric_limits<double>::max();
  for (const double split : kSplits) {
    const double added = split > 1.0 ? split_ + split * partial.value() : 0.0;
    if (memory.value() + added >= least) break;  // a norm is no less than either, and more blocks write more
    for (std::size_t i = 0; i < tiles.size(); ++i) {
      const Waves taken = waves(i, tiles[i], s.k, split);
      const double apart = taken.starts + added;
      if (std::max(taken.blocks, memory.value()) + apart >= least) continue;
      least = std::min(least, p_norm(taken.blocks, memory.value(), p_) + apart);
    }
  }
  return Seconds{least};
}

}  // namespace tokenyard::cost
