#include "models/cost/context_tiles.hpp"

#include "models/base/errors.hpp"

namespace tokenyard::cost {

ContextTiles::ContextTiles(const Rates& rates, const models::ContextAttentionCoefficients& c, double multiprocessors)
    : per_area_x2_(rates.per_area_x2.value()),
      per_token_(rates.per_token.value()),
      tile_area_x2_(2.0 * c.tile_keys * (1.0 + c.tile_dim / rates.head_dim)),
      last_tiles_(c.last_tiles) {
  expect(rates.head_dim > 0.0, "a head has a size");
  if (c.tile_rows <= 0.0 || multiprocessors <= 0.0) return;
  expect(rates.heads > 0.0, "a prompt has heads");
  per_key_alone_ = c.alone * multiprocessors * 2.0 * c.tile_rows * per_area_x2_ / rates.heads;
  waves_per_token_ = rates.heads / (c.tile_rows * multiprocessors);
}

}  // namespace tokenyard::cost
