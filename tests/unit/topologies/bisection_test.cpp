#include "topologies/bisection.hpp"

#include "topologies/make_topology.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::topologies;

namespace {

/// Rate between the halves of a machine with one plane that joins everything, in GB/s.
double half(std::uint32_t nodes, std::uint32_t chips_per_node, PlaneSpec plane) {
  plane.name = "net";
  const Topology topology = make_topology({.name = "toy",
                                           .groups = {{.name = "", .chip = "toy", .nodes = nodes}},
                                           .chips_per_node = chips_per_node,
                                           .planes = {std::move(plane)}});
  return bisection(topology, PlaneId{0}).value() * 1e-9;
}

}  // namespace

// Closed forms of each family, n chips with ports of B.

TEST_CASE("bisection: one tier of switches carries half of the ports") {
  // NVL72: 36 * 18 * 50 = 32,400 GB/s
  CHECK(half(18, 4,
             {.wiring = SwitchedWiring{.nodes_per_domain = 18, .switches = 18},
              .link = 50_GBps,
              .links = 18,
              .latency = 1_us}) == doctest::Approx(32'400));
}

TEST_CASE("bisection: a second tier carries half of the ports over its oversubscription") {
  for (const double over : {1.0, 2.0, 4.0}) {
    // 16 nodes of 8 chips with 14 links of 28: 64 * 392 / over
    CHECK(half(16, 8,
               {.wiring = SwitchedWiring{.switches = 7, .spines = 16, .oversubscription = over},
                .link = 28_GBps,
                .links = 14,
                .latency = 1_us,
                .latency_across = 2_us}) == doctest::Approx(64 * 392 / over));
  }
}

TEST_CASE("bisection: leaves and spines carry half of the ports over their oversubscription with rails or without") {
  for (const bool rails : {false, true}) {
    CHECK(half(64, 8,
               {.wiring = LeafSpineWiring{.rails = rails}, .link = 50_GBps, .latency = 1_us, .latency_across = 2_us}) ==
          doctest::Approx(256 * 50));
  }
  // 3:1: leaves of 48 links = 6 nodes; 12 nodes make 2 leaves with 16 cables up each, so one leaf against the other.
  CHECK(half(12, 8,
             {.wiring = LeafSpineWiring{.oversubscription = 3.0},
              .link = 50_GBps,
              .latency = 1_us,
              .latency_across = 2_us}) == doctest::Approx(16 * 50));
}

TEST_CASE("bisection: three tiers carry half of the ports over both oversubscriptions") {
  // Leaves of 8 ports take 4 chips, pods of 4 leaves 16 chips; 64 chips are 4 pods.
  for (const double core : {1.0, 2.0}) {
    CHECK(half(64, 1,
               {.wiring =
                    LeafSpineWiring{
                        .radix = 8, .spine_radix = core > 1.0 ? 6U : 8U, .tiers = 3, .core_oversubscription = core},
                .link = 10_GBps,
                .latency = 1_us,
                .latency_across = 2_us,
                .latency_pods = 3_us}) == doctest::Approx(32 * 10 / core));
  }
}

TEST_CASE("bisection: a mesh of n carries n squared over four links") {
  CHECK(half(1, 8, {.wiring = MeshWiring{}, .link = 64_GBps, .latency = 1_us}) == doctest::Approx(16 * 64));
}

TEST_CASE("bisection: a torus is cut across its longest ring of which two cables a row remain") {
  const auto torus = [](std::array<std::uint32_t, 3> dims, bool wrap) {
    return half(dims[0] * dims[1] * dims[2], 1,
                {.wiring = TorusWiring{.dims = dims, .wrap = wrap}, .link = 50_GBps, .latency = 1_us});
  };
  CHECK(torus({16, 16, 1}, true) == doctest::Approx(2 * 16 * 50));  // 1.6 TB/s: docs.cloud.google.com on TPU v5e
  CHECK(torus({4, 8, 4}, true) == doctest::Approx(2 * 4 * 4 * 50));
  CHECK(torus({4, 8, 4}, false) == doctest::Approx(4 * 4 * 50));  // a line is cut once
}

TEST_CASE("bisection: a dragonfly of nodes carries the cables between its halves") {
  // 4 nodes of 3 chips with 2 global links: 6 links out of a node over 3 others = 2 each; 2 x 2 pairs cross.
  CHECK(half(4, 3, {.wiring = DragonflyWiring{.global_links = 2}, .link = 10_GBps, .latency = 1_us}) ==
        doctest::Approx(2 * 2 * 2 * 10));
}

TEST_CASE("bisection: nodes that share a port carry half of the ports of the nodes") {
  CHECK(half(6, 8, {.wiring = SharedPortWiring{}, .link = 50_GBps, .latency = 1_us, .latency_across = 2_us}) ==
        doctest::Approx(3 * 50));
}

TEST_CASE("bisection: of a plane that joins no two domains it is that of the first domain") {
  const Topology topology = make_topology(
      {.name = "toy",
       .groups = {{.name = "", .chip = "toy", .nodes = 4}},
       .chips_per_node = 8,
       .planes = {
           {.name = "up", .wiring = SwitchedWiring{.switches = 2}, .link = 25_GBps, .links = 4, .latency = 1_us},
           {.name = "out", .wiring = LeafSpineWiring{}, .link = 50_GBps, .latency = 1_us, .latency_across = 2_us}}});
  CHECK(bisection(topology, PlaneId{0}).value() == doctest::Approx(4 * 100e9));
}

TEST_CASE("bisection: what flows between two sets of a ring takes both ways round and passes other chips") {
  // Eight chips in a ring of 100 GB/s: from 0 and 1 to 4 and 5 one cable leads to the right and one to the left.
  const Topology ring = make_topology(
      {.name = "ring",
       .groups = {{.name = "", .chip = "toy", .nodes = 2}},
       .chips_per_node = 4,
       .planes = {{.name = "ici", .wiring = TorusWiring{.dims = {8, 1, 1}}, .link = 100_GBps, .latency = 1_us}}});
  const std::vector<ChipId> from{ChipId{0}, ChipId{1}};
  const std::vector<ChipId> far{ChipId{4}, ChipId{5}};
  CHECK(flow_between(ring, PlaneId{0}, from, far).value() == doctest::Approx(200e9));
  // Chips 2 and 7 are neighbours of 1 and 0: one cable to each, and the way between them past 3 to 6.
  const std::vector<ChipId> near{ChipId{2}};
  CHECK(flow_between(ring, PlaneId{0}, from, near).value() == doctest::Approx(200e9));
  const std::vector<ChipId> one{ChipId{0}};
  CHECK(flow_between(ring, PlaneId{0}, one, far).value() == doctest::Approx(200e9));
}
