#pragma once

#include "models/base/units.hpp"
#include "models/device/kernels.hpp"

#include <algorithm>

namespace tokenyard::cost {

/// Work of a prompt's attention kernel on one chip: its products, tile by tile where the kernel's tiles are known, and
/// what it reads and writes of activations. models::ContextAttentionCoefficients has the formula.
class ContextTiles {
 public:
  struct Rates {
    Seconds per_area_x2;  ///< products of one query with half a key, all heads, the whole chip at work
    Seconds per_token;    ///< activations in and out
    double heads = 0.0;
    double head_dim = 0.0;  ///< what a head counts in the products, softmax_dim included
  };
  ContextTiles(const Rates& rates, const models::ContextAttentionCoefficients& c, double multiprocessors);

  /// Of `tokens` that see `area_x2`, at most `longest` keys one of them. Grows with each of the three.
  [[nodiscard]] Seconds work(double tokens, double area_x2, double longest) const {
    if (tokens <= 0.0) return Seconds{};
    const double products = per_area_x2_ * (area_x2 + tile_area_x2_ * tokens);
    const double alone = per_key_alone_ * (longest + 0.5 * tile_area_x2_);
    const double waves = waves_per_token_ * tokens;
    const double walk = std::max(alone, products + last_tiles_ * alone * std::clamp(waves - 1.0, 0.0, 1.0));
    return Seconds{walk + per_token_ * tokens};
  }

 private:
  double per_area_x2_;
  double per_token_;
  double tile_area_x2_;           // a token pays for besides what it sees
  double per_key_alone_ = 0.0;    // of one tile on one multiprocessor; 0: tiles do not count
  double waves_per_token_ = 0.0;  // of tiles
  double last_tiles_;
};

}  // namespace tokenyard::cost
