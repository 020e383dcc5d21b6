#include "topologies/torus.hpp"

#include "tests/support/chip_range.hpp"
#include "topologies/make_topology.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::topologies;
using tokenyard::test::chips;

namespace {

TopologySpec torus(std::array<std::uint32_t, 3> dims, std::uint32_t slices = 1, bool wrap = true) {
  return {
      .name = "torus",
      .groups = {{.name = "", .chip = "toy", .nodes = dims[0] * dims[1] * dims[2] * slices}},
      .chips_per_node = 1,
      .planes = {{.name = "ici", .wiring = TorusWiring{.dims = dims, .wrap = wrap}, .link = 100_GBps, .latency = 1_us},
                 {.name = "dcn",
                  .wiring = LeafSpineWiring{.radix = 64},
                  .link = 10_GBps,
                  .latency = 2_us,
                  .latency_across = 3_us}}};
}

/// Busiest link, in bytes each way, when every chip sends one byte spread evenly over all chips of the grid, itself
/// included: every pair is walked dimension by dimension, half of it each way round where both are equally long.
double busiest_link(const TorusGrid& grid) {
  std::map<std::pair<std::array<std::uint32_t, 3>, std::pair<std::size_t, bool>>, double> load;
  const auto chips = static_cast<double>(grid.places.size());
  for (const TorusPlace& from : grid.places) {
    for (const TorusPlace& to : grid.places) {
      std::array<std::uint32_t, 3> at = from.at;
      for (std::size_t d = 0; d < 3; ++d) {
        const std::uint32_t size = grid.dims[d];
        const std::uint32_t up = (to.at[d] + size - at[d]) % size;
        const std::uint32_t down = size - up;
        const auto walk = [&](bool upwards, std::uint32_t steps, double bytes) {
          std::array<std::uint32_t, 3> here = at;
          for (std::uint32_t i = 0; i < steps; ++i) {
            load[{here, {d, upwards}}] += bytes;
            here[d] = (here[d] + (upwards ? 1 : size - 1)) % size;
          }
        };
        if (up != 0) {
          const bool line = !grid.is_ring(d);
          const bool only_up = line ? to.at[d] > at[d] : up < down;
          const bool tie = !line && up == down;
          if (tie || only_up) walk(true, up, (tie ? 0.5 : 1.0) / chips);
          if (tie || !only_up) walk(false, down, (tie ? 0.5 : 1.0) / chips);
        }
        at[d] = to.at[d];
      }
    }
  }
  double most = 0.0;
  for (const auto& [link, bytes] : load) most = std::max(most, bytes);
  return most;
}

TorusGrid whole(std::array<std::uint32_t, 3> dims, bool wrap) {
  TorusGrid grid{.dims = dims, .wrap = wrap, .hop = 1_us, .places = {}};
  for (std::uint32_t i = 0; i < dims[0] * dims[1] * dims[2]; ++i) grid.places.push_back(torus_place(i, dims));
  return grid;
}

}  // namespace

TEST_CASE("torus: every chip has a place of its own and hosts and cubes are compact") {
  for (const auto& dims :
       {std::array{4U, 4U, 4U}, std::array{8U, 4U, 12U}, std::array{3U, 2U, 5U}, std::array{16U, 16U, 1U}}) {
    std::set<std::array<std::uint32_t, 3>> seen;
    for (std::uint32_t i = 0; i < dims[0] * dims[1] * dims[2]; ++i) {
      const TorusPlace place = torus_place(i, dims);
      CHECK(place.slice == 0);
      for (std::size_t d = 0; d < 3; ++d) CHECK(place.at[d] < dims[d]);
      seen.insert(place.at);
    }
    CHECK(seen.size() == dims[0] * dims[1] * dims[2]);
  }
  // In a 8 x 4 x 12 torus chips 0-3 are a host of 2 x 2 x 1, 0-7 a 2 x 2 x 2, 0-63 the first cube.
  const std::array dims{8U, 4U, 12U};
  CHECK(torus_place(3, dims).at == std::array{1U, 1U, 0U});
  CHECK(torus_place(7, dims).at == std::array{1U, 1U, 1U});
  CHECK(torus_place(63, dims).at == std::array{3U, 3U, 3U});
  CHECK(torus_place(64, dims).at == std::array{0U, 0U, 4U});
  CHECK(torus_place(384, dims).slice == 1);
}

TEST_CASE("torus: counted distances are the shortest paths of the drawn cables") {
  for (const bool wrap : {true, false}) {
    for (const auto& dims : {std::array{4U, 4U, 4U}, std::array{3U, 2U, 5U}, std::array{6U, 1U, 2U}}) {
      const Topology topology = make_topology(torus(dims, 1, wrap));
      std::vector<Edge> edges;
      for (const DrawnCable& drawn : topology.cables(PlaneId{0})) edges.push_back({drawn.a, drawn.b, 1_us});
      const PlanePaths searched(topology.chip_count(), edges);
      for (std::uint32_t a = 0; a < topology.chip_count(); ++a) {
        for (std::uint32_t b = 0; b < topology.chip_count(); ++b) {
          const std::uint32_t hops = topology.hops(ChipId{a}, ChipId{b}, PlaneId{0});
          CHECK(hops == searched.between(a, b)->hops);
          CHECK(hops == topology.hops(ChipId{b}, ChipId{a}, PlaneId{0}));
        }
      }
    }
  }
}

TEST_CASE("torus: a cube of 4 x 4 x 4 has 192 cables and six ports a chip and is six hops wide") {
  const Topology topology = make_topology(torus({4, 4, 4}));
  CHECK(topology.cable_count(PlaneId{0}) == 3 * 64);  // one towards + in each of three dimensions
  CHECK(topology.switch_count(PlaneId{0}) == 0);
  CHECK(topology.port(ChipId{0}, PlaneId{0}) == 600_GBps);
  CHECK(topology.planes()[0].domains == 1);
  CHECK(topology.view(chips(0, 64), PlaneId{0}).latency.value() == doctest::Approx(6e-6));  // 2 + 2 + 2 hops
  // Every other chip of the host of 2 x 2 x 1: two cables inside it.
  CHECK(topology.view(chips(0, 4), PlaneId{0}).port == 200_GBps);
}

TEST_CASE("torus: slices have no way to each other") {
  const Topology topology = make_topology(torus({4, 4, 4}, 2));
  CHECK(topology.planes()[0].domains == 2);
  CHECK(topology.scale_out() == PlaneId{1});
  const std::array<ChipId, 2> pair{ChipId{0}, ChipId{64}};
  CHECK(topology.view(pair, PlaneId{0}).uplink.value() == 0.0);
}

TEST_CASE("torus: what an even exchange gets is what the busiest link of a walk through all pairs leaves") {
  for (const bool wrap : {true, false}) {
    for (const auto& dims : {std::array{4U, 1U, 1U}, std::array{5U, 1U, 1U}, std::array{4U, 4U, 1U},
                             std::array{6U, 4U, 2U}, std::array{3U, 3U, 3U}, std::array{2U, 1U, 1U}}) {
      const TorusGrid grid = whole(dims, wrap);
      const auto chips = static_cast<double>(grid.places.size());
      CHECK(exchange_links(grid, grid.places) ==
            doctest::Approx((chips - 1.0) / chips / busiest_link(grid)).epsilon(1e-12));  // only rounding
    }
  }
}

TEST_CASE("torus: an exchange over a 4 x 4 x 4 torus gets twice a link less its own share") {
  // f = 4/8 of a link for every byte a chip sends, 63/64 of them to others: 100 GB/s * 2 * 63/64, though 600 leave a
  // chip.
  const Topology topology = make_topology(torus({4, 4, 4}));
  const GroupView view = topology.view(chips(0, 64), PlaneId{0});
  CHECK(view.exchange.value() == doctest::Approx(100e9 * 2.0 * 63.0 / 64.0));
  CHECK(view.port == 600_GBps);
}

TEST_CASE("torus: chips that all send to one k hops on share its cables k ways") {
  // A ring of 8. To the neighbour one flow a cable; three hops on three; to the opposite two, half of each way round.
  const Topology ring = make_topology(torus({8, 1, 1}));
  const TorusGrid& grid = *ring.torus(PlaneId{0});
  const auto flows = [&](std::uint32_t shift) {
    std::vector<TorusPlace> from;
    std::vector<TorusPlace> to;
    for (std::uint32_t x = 0; x < 8; ++x) {
      from.push_back({.at = {x, 0, 0}, .slice = 0});
      to.push_back({.at = {(x + shift) % 8, 0, 0}, .slice = 0});
    }
    return paired_flows(grid, from, to);
  };
  CHECK(flows(1) == 1.0);
  CHECK(flows(3) == 3.0);
  CHECK(flows(4) == 2.0);
  CHECK(flows(7) == 1.0);
}

TEST_CASE("torus: two chips that others lie between send over one cable") {
  const Topology ring = make_topology(torus({8, 1, 1}));
  const GroupView view = ring.view(chips(0, 2), PlaneId{0});
  const std::vector<ChipId> apart{ChipId{0}, ChipId{4}};
  CHECK(ring.view(apart, PlaneId{0}).port == view.port);
  CHECK(ring.view(apart, PlaneId{0}).neighbour == 1_us);
  CHECK(ring.view(apart, PlaneId{0}).latency_inside == ring.latency(ChipId{0}, ChipId{4}, PlaneId{0}));
}
