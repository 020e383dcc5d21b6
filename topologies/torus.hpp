#pragma once

#include "models/base/units.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <vector>

namespace tokenyard::topologies {

/// Where a chip stands in its torus.
struct TorusPlace {
  std::array<std::uint32_t, 3> at{};  ///< x, y, z
  std::uint32_t slice = 0;            ///< chips of different slices have no way to each other
  friend auto operator<=>(const TorusPlace&, const TorusPlace&) = default;
};

/// The coordinates of a plane whose chips are cabled as a torus. Distances are counted, not searched.
struct TorusGrid {
  std::array<std::uint32_t, 3> dims{1, 1, 1};
  bool wrap = true;
  Seconds hop;                     ///< latency of one cable
  std::vector<TorusPlace> places;  ///< by ChipId; meaningless for chips without a port

  /// Whether the ends of a dimension are joined: only from three chips on, as two are neighbours already.
  [[nodiscard]] bool is_ring(std::size_t dimension) const { return wrap && dims[dimension] > 2; }
  /// Cables of the shortest way. REQUIRES: both in one slice.
  [[nodiscard]] std::uint32_t hops(const TorusPlace& a, const TorusPlace& b) const;
};

/// Place of the chip numbered `index` among the chips of a plane. Slices are filled one after the other, a slice block
/// by block (z fastest). A block has in each dimension the largest of 4, 2 and 1 chips that divides it; inside, every
/// doubling of the number doubles the sub-block along x, y or z in turn: 4 chips that follow each other are 2 x 2 x 1
/// (a TPU host), 8 are 2 x 2 x 2, 64 are a cube.
[[nodiscard]] TorusPlace torus_place(std::uint32_t index, const std::array<std::uint32_t, 3>& dims);

/// What a chip can send when each of a set sends evenly to all others, in units of one link's rate:
///   (n-1)/n / max over dimensions of f,   ring of k: f = k/8 (k even), (k^2-1)/(8k) (odd);   line of k: f =
///   ceil(k/2)*floor(k/2)/k
/// The set is taken as the smallest box around it; a dimension is a ring where the box spans all of a ring. Shortest
/// ways, dimension by dimension, both ways of a tie used alike.
/// Source: load of the busiest link under uniform traffic: Dally, Towles, Principles and Practices of Interconnection
/// Networks, 2004, section 3.3; own derivation for lines (cut in the middle).
/// REQUIRES: at least 2 places, one slice.
[[nodiscard]] double exchange_links(const TorusGrid& grid, std::span<const TorusPlace> places);

/// Most flows over one cable, each way, when every chip of `from` sends to the one in the same place of `to`: 1 between
/// neighbours. Ways as above. REQUIRES: as many of both, each pair in one slice.
[[nodiscard]] double paired_flows(const TorusGrid& grid, std::span<const TorusPlace> from,
                                  std::span<const TorusPlace> to);

}  // namespace tokenyard::topologies
