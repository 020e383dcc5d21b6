#include "topologies/torus.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cstddef>
#include <map>

namespace tokenyard::topologies {
namespace {

std::uint32_t block_along(std::uint32_t dim) { return dim % 4 == 0 ? 4 : dim % 2 == 0 ? 2 : 1; }

/// Bytes over the busiest link, each way, when every one of k chips in a row sends one byte spread evenly over the row.
double row_load(double k, bool ring, bool even) {
  if (ring) return even ? k / 8.0 : (k * k - 1.0) / (8.0 * k);
  return even ? k / 4.0 : (k * k - 1.0) / (4.0 * k);
}

}  // namespace

std::uint32_t TorusGrid::hops(const TorusPlace& a, const TorusPlace& b) const {
  std::uint32_t sum = 0;
  for (std::size_t d = 0; d < 3; ++d) {
    const std::uint32_t there = a.at[d] > b.at[d] ? a.at[d] - b.at[d] : b.at[d] - a.at[d];
    sum += is_ring(d) ? std::min(there, dims[d] - there) : there;
  }
  return sum;
}

TorusPlace torus_place(std::uint32_t index, const std::array<std::uint32_t, 3>& dims) {
  std::array<std::uint32_t, 3> block{};
  std::array<std::uint32_t, 3> blocks{};
  for (std::size_t d = 0; d < 3; ++d) {
    block[d] = block_along(dims[d]);
    blocks[d] = dims[d] / block[d];
  }
  const std::uint32_t slice = dims[0] * dims[1] * dims[2];
  const std::uint32_t in_block = block[0] * block[1] * block[2];
  TorusPlace place{.at = {}, .slice = index / slice};
  std::uint32_t number = index % slice % in_block;
  const std::uint32_t which = index % slice / in_block;
  place.at = {which / (blocks[1] * blocks[2]) * block[0], which / blocks[2] % blocks[1] * block[1],
              which % blocks[2] * block[2]};
  for (std::uint32_t bit = 1; bit < 4; bit *= 2) {
    for (std::size_t d = 0; d < 3; ++d) {
      if (block[d] <= bit) continue;
      place.at[d] += number % 2 * bit;
      number /= 2;
    }
  }
  return place;
}

double exchange_links(const TorusGrid& grid, std::span<const TorusPlace> places) {
  expect(places.size() >= 2, "an exchange has two chips");
  double busiest = 0.0;
  for (std::size_t d = 0; d < 3; ++d) {
    std::uint32_t low = places[0].at[d];
    std::uint32_t high = low;
    for (const TorusPlace& place : places) {
      low = std::min(low, place.at[d]);
      high = std::max(high, place.at[d]);
    }
    const std::uint32_t extent = high - low + 1;
    if (extent < 2) continue;
    busiest = std::max(busiest, row_load(extent, grid.is_ring(d) && extent == grid.dims[d], extent % 2 == 0));
  }
  const auto chips = static_cast<double>(places.size());
  return (chips - 1.0) / chips / busiest;
}

double paired_flows(const TorusGrid& grid, std::span<const TorusPlace> from, std::span<const TorusPlace> to) {
  expect(from.size() == to.size(), "every chip sends to one");
  struct Cable {
    TorusPlace at;
    std::size_t dimension;
    bool upwards;
    auto operator<=>(const Cable&) const = default;
  };
  std::map<Cable, double> flows;
  double most = 0.0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    expect(from[i].slice == to[i].slice, "ways stay in a slice");
    TorusPlace corner = from[i];
    for (std::size_t d = 0; d < 3; ++d) {
      const std::uint32_t size = grid.dims[d];
      const auto walk = [&](bool upwards, std::uint32_t steps, double share) {
        TorusPlace here = corner;
        for (std::uint32_t step = 0; step < steps; ++step) {
          most = std::max(most, flows[{here, d, upwards}] += share);
          here.at[d] = (here.at[d] + (upwards ? 1 : size - 1)) % size;
        }
      };
      const std::uint32_t up = (to[i].at[d] + size - corner.at[d]) % size;
      const std::uint32_t down = (size - up) % size;
      if (!grid.is_ring(d)) {
        const bool upwards = to[i].at[d] > corner.at[d];
        walk(upwards, upwards ? up : down, 1.0);
      } else if (up == down) {
        walk(true, up, 0.5);
        walk(false, down, 0.5);
      } else {
        walk(up < down, std::min(up, down), 1.0);
      }
      corner.at[d] = to[i].at[d];
    }
  }
  return most;
}

}  // namespace tokenyard::topologies
