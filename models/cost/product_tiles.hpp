#pragma once

#include "models/base/units.hpp"
#include "models/device/accelerator.hpp"
#include "models/device/kernels.hpp"

#include <array>
#include <cstddef>

namespace tokenyard::cost {

/// `batch` independent products [m,k] x [k,n], computed by one kernel (batch > 1: one for each attention head).
struct GemmShape {
  double m = 0;  ///< tokens
  double n = 0;
  double k = 0;
  double batch = 1;
};

/// What the thread blocks of a matrix product take on a chip whose multiprocessors are known, where a block's walk is
/// (models::GemmCoefficients has the rule). A library has kernels of several tiles and may have several blocks share
/// the inner size of one; it takes what is quickest, and so does this, over tiles of 64 x 64, 64 x 128, 128 x 128 and
/// 128 x 256, either way round, and over 1, 2, 4, 8 and 16 blocks a tile. Never falls as m, n or k grow.
/// Source of tiles and splits: CUTLASS, media/docs/efficient_gemm.md (threadblock tiles, parallelised reductions) and
/// include/cutlass/gemm/threadblock/threadblock_swizzle.h; which of them a shape gets is no fact but the least of all.
class ProductTiles {
 public:
  /// `peak`: FLOP/s of the whole chip in the format that is multiplied. REQUIRES: multiprocessors > 0; c.walk > 0.
  ProductTiles(const models::GemmCoefficients& c, double peak, double multiprocessors);

  /// Beside `memory`, the time of reading and writing all operands and results once, and `partial`, that of writing
  /// and reading the results of one block for each tile.
  [[nodiscard]] Seconds time(const GemmShape& shape, Seconds memory, Seconds partial) const;

  static constexpr std::size_t kShapes = 6;

 private:
  using Tiled = std::array<double, kShapes>;  // how many tiles of each shape cover a result

  /// Beside memory (`blocks`), and when nothing is read (`starts`), in seconds.
  struct Waves {
    double blocks;
    double starts;
  };

  [[nodiscard]] static Tiled tiled(const GemmShape& shape);
  /// All waves of the blocks of `tiles` tiles of one shape, when `split` blocks share each.
  [[nodiscard]] Waves waves(std::size_t shape, double tiles, double k, double split) const;

  double per_multiprocessor_;
  double per_product_;  // a multiply-add of a tile on one multiprocessor, seconds
  double walk_;         // of one along k at least
  double store_;        // of an element of a tile
  double last_wave_;
  double split_;
  double start_;
  double p_;
};

}  // namespace tokenyard::cost
