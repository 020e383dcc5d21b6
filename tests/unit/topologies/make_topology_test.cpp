#include "topologies/make_topology.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::topologies;

namespace {

PlaneSpec leaf_spine(LeafSpineWiring wiring) {
  return {.name = "ib", .wiring = wiring, .link = 50_GBps, .latency = 2_us, .latency_across = 3_us};
}

TopologySpec machine(std::uint32_t nodes, std::uint32_t chips_per_node, std::vector<PlaneSpec> planes) {
  return {.name = "toy",
          .groups = {{.name = "", .chip = "toy", .nodes = nodes}},
          .chips_per_node = chips_per_node,
          .planes = std::move(planes)};
}

}  // namespace

TEST_CASE("make topology: 64 nodes of 8 make 16 leaves and 8 spines as in the vendor's table") {
  // NVIDIA DGX SuperPOD B200: 512 GPUs, 16 leaves, 8 spines; 512 cables below and 512 above.
  for (const bool rails : {false, true}) {
    const Topology topology = make_topology(machine(64, 8, {leaf_spine({.rails = rails})}));
    const PlaneId ib = topology.plane("ib");
    CHECK(topology.switch_count(ib) == 16 + 8);
    CHECK(topology.cable_count(ib) == 512 + 512);
    CHECK(topology.planes()[0].domains == 16);
    CHECK(topology.trunk(0, ib) == 50_GBps * 32);  // 32 cables up: does not block
  }
}

TEST_CASE("make topology: a leaf-spine path is two cables inside a leaf and four across") {
  const Topology topology = make_topology(machine(8, 8, {leaf_spine({})}));  // 4 nodes a leaf
  const PlaneId ib = topology.plane("ib");
  CHECK(topology.hops(ChipId{0}, ChipId{31}, ib) == 2);
  CHECK(topology.hops(ChipId{0}, ChipId{32}, ib) == 4);
  CHECK(topology.latency(ChipId{0}, ChipId{31}, ib).value() == doctest::Approx(2e-6));
  CHECK(topology.latency(ChipId{0}, ChipId{32}, ib).value() == doctest::Approx(3e-6));
}

TEST_CASE("make topology: with rails the chips of one place meet and those of one node do not") {
  const Topology topology = make_topology(machine(4, 8, {leaf_spine({.rails = true})}));
  const PlaneId ib = topology.plane("ib");
  CHECK(topology.domain(ChipId{1}, ib) == topology.domain(ChipId{8 + 1}, ib));
  CHECK(topology.hops(ChipId{1}, ChipId{8 + 1}, ib) == 2);
  CHECK(topology.hops(ChipId{0}, ChipId{1}, ib) == 4);
}

TEST_CASE("make topology: oversubscription 2:1 halves the trunk") {
  // 5 nodes of 8 a leaf (42 of 64 ports look down): 40 links of 50 below, 20 above.
  const Topology topology = make_topology(machine(10, 8, {leaf_spine({.oversubscription = 2.0})}));
  CHECK(topology.planes()[0].domains == 2);
  CHECK(topology.trunk(0, PlaneId{0}) == 50_GBps * 20);
  CHECK(topology.trunk(1, PlaneId{0}) == 50_GBps * 20);
}

TEST_CASE("make topology: the second tier of a switched plane takes its rate from the oversubscription") {
  // 8 chips with 2 links of 28 to each of 7 switches: 448 below each; 16 spines at 1:1 get 28 each, at 2:1 14.
  PlaneSpec plane{.name = "ub",
                  .wiring = SwitchedWiring{.switches = 7, .spines = 16},
                  .link = 28_GBps,
                  .links = 14,
                  .latency = 1.2_us,
                  .latency_across = 1.9_us};
  const Topology free = make_topology(machine(3, 8, {plane}));
  CHECK(free.port(ChipId{0}, PlaneId{0}) == 392_GBps);
  CHECK(free.trunk(0, PlaneId{0}).value() == doctest::Approx(3136e9));
  CHECK(free.switch_count(PlaneId{0}) == 3 * 7 + 7 * 16);
  CHECK(free.cable_count(PlaneId{0}) == 3 * 8 * 14 + 3 * 7 * 16);
  std::get<SwitchedWiring>(plane.wiring).oversubscription = 2.0;
  CHECK(make_topology(machine(3, 8, {plane})).trunk(0, PlaneId{0}).value() == doctest::Approx(1568e9));
}

TEST_CASE("make topology: links that do not divide are dealt out") {
  // 18 links over 4 switches: 5 + 5 + 4 + 4 a chip.
  const PlaneSpec nvlink{
      .name = "nvlink", .wiring = SwitchedWiring{.switches = 4}, .link = 25_GBps, .links = 18, .latency = 1.5_us};
  const Topology topology = make_topology(machine(1, 8, {nvlink}));
  CHECK(topology.port(ChipId{7}, PlaneId{0}) == 450_GBps);
  CHECK(topology.cable_count(PlaneId{0}) == 8 * 18);
  CHECK(topology.switch_count(PlaneId{0}) == 4);
  CHECK(topology.trunk(0, PlaneId{0}).value() == 0.0);
}

TEST_CASE("make topology: in a mesh every chip is one cable from each of its node") {
  const PlaneSpec mesh{.name = "hccs", .wiring = MeshWiring{}, .link = 28_GBps, .latency = 2_us};
  const Topology topology = make_topology(machine(2, 8, {mesh, leaf_spine({})}));
  const PlaneId hccs = topology.plane("hccs");
  CHECK(topology.port(ChipId{0}, hccs) == 196_GBps);  // 7 cables of 28
  CHECK(topology.cable_count(hccs) == 2 * 28);        // 8 * 7 / 2 a node
  CHECK(topology.switch_count(hccs) == 0);
  CHECK(topology.planes()[0].domains == 2);
  CHECK(topology.hops(ChipId{8}, ChipId{15}, hccs) == 1);
  CHECK(topology.latency(ChipId{8}, ChipId{15}, hccs).value() == doctest::Approx(2e-6));
}

TEST_CASE("make topology: chips of a node share its one port") {
  const PlaneSpec vpc{
      .name = "vpc", .wiring = SharedPortWiring{}, .link = 50_GBps, .latency = 20_us, .latency_across = 21_us};
  const Topology topology = make_topology(machine(3, 8, {vpc}));
  CHECK(topology.port(ChipId{0}, PlaneId{0}) == 50_GBps);  // one chip alone may have all of it
  CHECK(topology.trunk(0, PlaneId{0}) == 50_GBps);         // eight together have no more
  CHECK(topology.planes()[0].domains == 3);
  CHECK(topology.hops(ChipId{0}, ChipId{7}, PlaneId{0}) == 2);
  CHECK(topology.hops(ChipId{0}, ChipId{8}, PlaneId{0}) == 4);
  CHECK(topology.latency(ChipId{0}, ChipId{8}, PlaneId{0}).value() == doctest::Approx(21e-6));
}

TEST_CASE("make topology: chips stand in their groups and nodes and racks") {
  TopologySpec spec = machine(3, 2, {leaf_spine({})});
  spec.groups.push_back({.name = "d", .chip = "other", .nodes = 1});
  spec.nodes_per_rack = 2;
  const Topology topology = make_topology(spec);
  CHECK(topology.chip_count() == 8);
  CHECK(topology.place(ChipId{5}).kind == "toy");
  CHECK(topology.place(ChipId{6}).kind == "other");
  CHECK(topology.place(ChipId{6}).node == 3);
  CHECK(topology.place(ChipId{6}).rack == 1);
}

TEST_CASE("make topology: two builds give the same answers") {
  const TopologySpec spec = machine(40, 8, {leaf_spine({.oversubscription = 3.0})});
  const Topology first = make_topology(spec);
  const Topology second = make_topology(spec);
  const PlaneId ib = first.plane("ib");
  CHECK(first.cable_count(ib) == second.cable_count(ib));
  for (std::uint32_t chip = 0; chip < first.chip_count(); chip += 7) {
    CHECK(first.domain(ChipId{chip}, ib) == second.domain(ChipId{chip}, ib));
    CHECK(first.latency(ChipId{0}, ChipId{chip}, ib) == second.latency(ChipId{0}, ChipId{chip}, ib));
    CHECK(first.trunk(first.domain(ChipId{chip}, ib), ib) == second.trunk(second.domain(ChipId{chip}, ib), ib));
  }
}

TEST_CASE("make topology: 9216 chips are drawn and asked in seconds even in a debug build") {
  // 128 racks of 72: 2,304 trays of 4; 288 leaves of 32 links under spines of 288 ports.
  const PlaneSpec nvlink{.name = "nvlink",
                         .wiring = SwitchedWiring{.nodes_per_domain = 18, .switches = 18},
                         .link = 50_GBps,
                         .links = 18,
                         .latency = 1.5_us};
  const auto start = std::chrono::steady_clock::now();
  const Topology topology = make_topology(machine(2304, 4, {nvlink, leaf_spine({.spine_radix = 288})}));
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  const PlaneId ib = topology.plane("ib");
  CHECK(topology.chip_count() == 9216);
  CHECK(topology.planes()[0].domains == 128);
  CHECK(topology.planes()[1].domains == 288);
  CHECK(topology.switch_count(ib) == 288 + 32);  // 9,216 cables up / 288 ports
  CHECK(topology.hops(ChipId{0}, ChipId{9215}, ib) == 4);
  CHECK(topology.cable_count(PlaneId{0}) == 9216 * 18);
  MESSAGE("build: " << taken.count() << " s");
  CHECK(taken.count() < 20.0);  // about 1 s in Debug, 0.2 s in Release; the bound only stops a quadratic build
}
