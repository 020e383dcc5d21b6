#include "models/base/errors.hpp"
#include "tests/support/chip_range.hpp"
#include "topologies/make_topology.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::topologies;
using tokenyard::test::chips;

// Three tiers, sites, and links that carry less than they should.
namespace {

PlaneSpec fat_tree(LeafSpineWiring wiring) {
  wiring.tiers = 3;
  return {
      .name = "ib", .wiring = wiring, .link = 50_GBps, .latency = 2_us, .latency_across = 3_us, .latency_pods = 4_us};
}

TopologySpec machine(std::uint32_t nodes, std::uint32_t chips_per_node, std::vector<PlaneSpec> planes) {
  return {.name = "toy",
          .groups = {{.name = "", .chip = "toy", .nodes = nodes}},
          .chips_per_node = chips_per_node,
          .planes = std::move(planes)};
}

/// 64 chips, 4 a leaf, 16 a pod.
Topology four_pods(double core_oversubscription = 1.0) {
  return make_topology(
      machine(64, 1,
              {fat_tree({.radix = 8,
                         .spine_radix = core_oversubscription > 1.0 ? 6U : 8U,  // 4 ports down either way
                         .core_oversubscription = core_oversubscription})}));
}

TopologySpec two_sites() {
  return {.name = "sites",
          .groups = {{.name = "a", .chip = "toy", .nodes = 2, .site = "east"},
                     {.name = "b", .chip = "toy", .nodes = 1, .site = "west"}},
          .chips_per_node = 4,
          .planes = {{.name = "ib",
                      .wiring = LeafSpineWiring{.radix = 8},
                      .link = 50_GBps,
                      .latency = 2_us,
                      .latency_across = 3_us},
                     {.name = "wan",
                      .wiring = WanWiring{.uplink = 10_GBps, .window = 64_MB, .streams = 2},
                      .link = 25_GBps,
                      .latency = 20_us,
                      .latency_across = 16_ms,
                      .efficiency = 0.5}}};
}

std::string complaint(const TopologySpec& spec) {
  try {
    validate(spec);
  } catch (const SpecError& error) {
    return error.what();
  }
  return "no complaint";
}

}  // namespace

TEST_CASE("tiers: rails of 8 make the vendor's counts from 512 to 16384 endpoints") {
  // NVIDIA DGX SuperPOD B200 reference architecture: nodes, leaves, spines, cores.
  struct Row {
    std::uint32_t nodes, leaves, spines, cores;
  };
  for (const Row& row : {Row{64, 16, 8, 0}, Row{128, 32, 16, 0}, Row{256, 64, 32, 0}, Row{512, 128, 128, 64},
                         Row{1024, 256, 256, 128}, Row{2048, 512, 512, 256}}) {
    CAPTURE(row.nodes);
    const Topology topology = make_topology(machine(row.nodes, 8, {fat_tree({.rails = true})}));
    CHECK(topology.planes()[0].domains == row.leaves);
    CHECK(topology.switch_count(PlaneId{0}) == row.leaves + row.spines + row.cores);
    CHECK(topology.planes()[0].pods == (row.cores > 0 ? row.leaves / 32 : 0));
    const std::uint64_t tiers = row.cores > 0 ? 3 : 2;
    CHECK(topology.cable_count(PlaneId{0}) == tiers * 8 * row.nodes);
  }
}

TEST_CASE("tiers: paths take two and four and six cables") {
  const Topology topology = four_pods();
  CHECK(topology.planes()[0].pods == 4);
  const std::array expected{std::pair{3U, 2U}, std::pair{15U, 4U}, std::pair{16U, 6U}, std::pair{63U, 6U}};
  for (const auto& [chip, hops] : expected) {
    CHECK(topology.hops(ChipId{0}, ChipId{chip}, PlaneId{0}) == hops);
    CHECK(topology.latency(ChipId{0}, ChipId{chip}, PlaneId{0}).value() == doctest::Approx(1e-6 * (1 + hops / 2)));
    CHECK(topology.hops(ChipId{chip}, ChipId{0}, PlaneId{0}) == hops);
  }
}

TEST_CASE("tiers: the oversubscription of the core counts only between pods") {
  const Topology topology = four_pods(2.0);
  CHECK(topology.view(chips(0, 16), PlaneId{0}).uplink == 50_GBps);
  CHECK(topology.view(chips(0, 32), PlaneId{0}).uplink == 25_GBps);
  const FlowNetwork network = topology.flow_network(PlaneId{0}, {chips(0, 4), chips(4, 4), chips(16, 4)});
  REQUIRE(network.pods.size() == 4);
  CHECK(network.pods[0].trunk == 50_GBps * 8);  // 16 chips / 2
  CHECK(network.domains[4].pod == 1);
  CHECK(network.latency(EndpointId{0}, EndpointId{0}).value() == doctest::Approx(2e-6));
  CHECK(network.latency(EndpointId{0}, EndpointId{1}).value() == doctest::Approx(3e-6));
  CHECK(network.latency(EndpointId{0}, EndpointId{2}).value() == doctest::Approx(4e-6));
}

TEST_CASE("tiers: 16384 endpoints are drawn") {
  const Topology topology = make_topology(machine(2048, 8, {fat_tree({.rails = true})}));
  CHECK(topology.chip_count() == 16'384);
  CHECK(topology.hops(ChipId{0}, ChipId{16'383}, PlaneId{0}) == 6);
}

TEST_CASE("sites: planes are drawn in each site and the WAN joins them") {
  const Topology topology = make_topology(two_sites());
  CHECK(topology.scale_out() == PlaneId{0});
  REQUIRE(topology.wide_area().has_value());
  CHECK(*topology.wide_area() == PlaneId{1});
  CHECK(topology.one_site(chips(0, 8)));
  CHECK_FALSE(topology.one_site(chips(7, 2)));
  CHECK_THROWS_WITH_AS((void)topology.hops(ChipId{0}, ChipId{8}, PlaneId{0}),
                       "plane: there is no way from chip 0 to chip 8 on 'ib'", SpecError);
  CHECK(topology.latency(ChipId{0}, ChipId{8}, PlaneId{1}).value() == doctest::Approx(16e-3));
  CHECK(topology.trunk(0, PlaneId{1}) == 10_GBps);
  const FlowNetwork network = topology.flow_network(PlaneId{1}, {chips(0, 4), chips(8, 4)});
  // 2 streams of 64 MB in a round trip of 32 ms are 4 GB/s; half of the wire is payload.
  CHECK(network.flow_limit.value() == doctest::Approx(2e9));
}

TEST_CASE("sites: what cannot be is refused") {
  TopologySpec spec = two_sites();
  SUBCASE("no WAN") {
    spec.planes.pop_back();
    CHECK(complaint(spec) == "planes: no plane joins the sites; add one that does (kind: wan)");
  }
  SUBCASE("a WAN in one site") {
    spec.groups[1].site = "east";
    CHECK(complaint(spec) == "kind: a WAN joins at least 2 sites (`site` of the groups)");
  }
  SUBCASE("a group that stands nowhere") {
    spec.groups[1].site = "";
    CHECK(complaint(spec) == "groups: a machine with sites names the `site` of every group");
  }
}

TEST_CASE("degraded: a plane with links out of service and a slow node and a slow leaf") {
  PlaneSpec plane = fat_tree({.radix = 8});
  SUBCASE("three of four links in service: every rate is three quarters") {
    plane.in_service = 0.75;
    const Topology topology = make_topology(machine(8, 1, {plane}));
    CHECK(topology.port(ChipId{0}, PlaneId{0}).value() == doctest::Approx(0.75 * 50e9));
    CHECK(topology.trunk(0, PlaneId{0}).value() == doctest::Approx(0.75 * 200e9));
  }
  SUBCASE("node 5 at half") {
    plane.degraded = {{.node = 5, .domain = {}, .factor = 0.5}};
    const Topology topology = make_topology(machine(8, 1, {plane}));
    CHECK(topology.port(ChipId{5}, PlaneId{0}) == 25_GBps);
    CHECK(topology.port(ChipId{4}, PlaneId{0}) == 50_GBps);
    CHECK(topology.view(chips(4, 4), PlaneId{0}).port == 25_GBps);  // the slowest holds up all
  }
  SUBCASE("the cables above leaf 1 at a quarter") {
    plane.degraded = {{.node = {}, .domain = 1, .factor = 0.25}};
    const Topology topology = make_topology(machine(8, 1, {plane}));
    CHECK(topology.trunk(0, PlaneId{0}) == 200_GBps);
    CHECK(topology.trunk(1, PlaneId{0}) == 50_GBps);
    CHECK(topology.view(chips(0, 8), PlaneId{0}).uplink.value() == doctest::Approx(12.5e9));
  }
}

TEST_CASE("dragonfly: chips of a node are one cable apart and the furthest ones three") {
  // 9 nodes of 8 with 9 links out of each chip: 72 links of a node over 8 others = 9 each.
  const Topology topology = make_topology(machine(
      9, 8, {{.name = "c2c", .wiring = DragonflyWiring{.global_links = 9}, .link = 12.5_GBps, .latency = 1_us}}));
  CHECK(topology.cable_count(PlaneId{0}) == 9 * 28 + 36 * 9);
  CHECK(topology.port(ChipId{0}, PlaneId{0}) == 200_GBps);  // 7 + 9 links of 12.5
  CHECK(topology.planes()[0].domains == 9);
  CHECK(topology.trunk(3, PlaneId{0}) == 900_GBps);  // 72 links
  CHECK(topology.hops(ChipId{0}, ChipId{7}, PlaneId{0}) == 1);
  std::uint32_t most = 0;
  for (std::uint32_t i = 8; i < 72; ++i) most = std::max(most, topology.hops(ChipId{0}, ChipId{i}, PlaneId{0}));
  CHECK(most <= 3);
}

TEST_CASE("dragonfly: every node has as many cables to others as it has links") {
  // 8 nodes of 8 with 9 links: 72 a node, 10 to each of 7 others and two more around the circle: 8 * 72 / 2 = 288, and
  // 28 in each node. 9 nodes of one link fewer, 7 turns of 8 and 8 over: 9 * 64 / 2.
  const auto cables = [](std::uint32_t nodes, std::uint32_t links) {
    const Topology topology = make_topology(machine(
        nodes, 8,
        {{.name = "c2c", .wiring = DragonflyWiring{.global_links = links}, .link = 12.5_GBps, .latency = 1_us}}));
    for (std::uint32_t node = 0; node < nodes; ++node) {
      CHECK(topology.trunk(node, PlaneId{0}) == 12.5_GBps * (8.0 * links));
    }
    return topology.cable_count(PlaneId{0}) - nodes * 28;
  };
  CHECK(cables(8, 9) == 288);
  CHECK(cables(9, 8) == 288);
  CHECK(cables(6, 2) == 48);  // 16 links over 5 others: three each and one over, to the node across
}
