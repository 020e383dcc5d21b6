#include "models/base/errors.hpp"
#include "tests/support/chip_range.hpp"
#include "topologies/make_topology.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::topologies;
using tokenyard::test::chips;

namespace {

/// 8 nodes of 8; nvlink of 450 GB/s inside a node (0.9 of it payload), ib of 50 GB/s (0.8; trunks 0.5), 4 nodes a leaf.
Topology eight_nodes(double oversubscription = 1.0) {
  return make_topology({.name = "toy",
                        .groups = {{.name = "", .chip = "toy", .nodes = 8}},
                        .chips_per_node = 8,
                        .planes = {{.name = "nvlink",
                                    .wiring = SwitchedWiring{.switches = 2},
                                    .link = 25_GBps,
                                    .links = 18,
                                    .latency = 1.5_us,
                                    .efficiency = 0.9},
                                   {.name = "ib",
                                    .wiring = LeafSpineWiring{.radix = 64, .oversubscription = oversubscription},
                                    .link = 50_GBps,
                                    .latency = 2_us,
                                    .latency_across = 3_us,
                                    .efficiency = 0.8,
                                    .path_efficiency = 0.5}}});
}

}  // namespace

TEST_CASE("group view: chips of one domain see their port") {
  const Topology topology = eight_nodes();
  const GroupView view = topology.view(chips(0, 8), topology.plane("nvlink"));
  CHECK(view.ranks == 8);
  CHECK(view.domains == 1);
  CHECK(view.port.value() == doctest::Approx(405e9));  // 18 * 25 * 0.9
  CHECK(view.uplink == view.port);
  CHECK(view.latency.value() == doctest::Approx(1.5e-6));
}

TEST_CASE("group view: one chip has no way to go") {
  const Topology topology = eight_nodes();
  const GroupView view = topology.view(chips(3, 1), topology.plane("ib"));
  CHECK(view.ranks == 1);
  CHECK(view.latency.value() == 0.0);
  CHECK(view.port.value() == doctest::Approx(40e9));
}

TEST_CASE("group view: across leaves a chip gets its share of the trunk") {
  SUBCASE("1:1: 32 links up for 32 chips, 50 * 0.8 * 0.5 = 20") {
    const GroupView view = eight_nodes().view(chips(0, 64), PlaneId{1});
    CHECK(view.domains == 2);
    CHECK(view.port.value() == doctest::Approx(40e9));
    CHECK(view.uplink.value() == doctest::Approx(20e9));
    CHECK(view.latency.value() == doctest::Approx(3e-6));
  }
  SUBCASE("2:1: leaves of 5 nodes; the full one has 20 links up for 40 chips, 50 / 2 * 0.8 * 0.5 = 10") {
    const GroupView view = eight_nodes(2.0).view(chips(0, 64), PlaneId{1});
    CHECK(view.domains == 2);
    CHECK(view.uplink.value() == doctest::Approx(10e9));
  }
}

TEST_CASE("group view: a plane that does not lead out of a domain gives no uplink") {
  const GroupView view = eight_nodes().view(chips(0, 16), PlaneId{0});
  CHECK(view.domains == 2);
  CHECK(view.uplink.value() == 0.0);
  CHECK(view.latency.value() == doctest::Approx(1.5e-6));  // of the pairs that have a path
}

TEST_CASE("group view: in a mesh only the cables inside the group count") {
  const Topology topology = make_topology(
      {.name = "mesh",
       .groups = {{.name = "", .chip = "toy", .nodes = 1}},
       .chips_per_node = 8,
       .planes = {{.name = "hccs", .wiring = MeshWiring{}, .link = 28_GBps, .latency = 2_us, .efficiency = 0.5}}});
  CHECK(topology.view(chips(0, 8), PlaneId{0}).port.value() == doctest::Approx(98e9));  // 7 * 28 * 0.5
  CHECK(topology.view(chips(0, 4), PlaneId{0}).port.value() == doctest::Approx(42e9));  // 3 * 28 * 0.5
  CHECK(topology.view(chips(2, 2), PlaneId{0}).port.value() == doctest::Approx(14e9));  // 28 * 0.5
}

TEST_CASE("flow network: groups end in their NICs under the trunks of their leaves") {
  const Topology topology = eight_nodes(2.0);  // leaves: nodes 0-4 and 5-7
  const PlaneId ib = topology.plane("ib");
  const FlowNetwork network = topology.flow_network(ib, {chips(0, 8), chips(32, 16), chips(56, 4)});
  CHECK(network.plane == "ib");
  REQUIRE(network.domains.size() == 2);
  CHECK(network.domains[0].trunk.value() == doctest::Approx(20 * 50e9 * 0.8 * 0.5));  // 40 links / 2
  CHECK(network.domains[1].trunk.value() == doctest::Approx(12 * 50e9 * 0.8 * 0.5));  // 24 links / 2
  REQUIRE(network.endpoints.size() == 4);  // the second group stands in both leaves: nodes 4 and 5
  CHECK(network.endpoints[0].name == "group 0");
  CHECK(network.endpoints[0].bandwidth.value() == doctest::Approx(8 * 40e9));
  CHECK(network.endpoints[1].name == "group 1 domain 0");
  CHECK(network.endpoints[2].name == "group 1 domain 1");
  CHECK(network.endpoints[2].domain == 1);
  CHECK(network.endpoints[3].bandwidth.value() == doctest::Approx(4 * 40e9));
  CHECK(network.of_group ==
        std::vector<std::vector<EndpointId>>{{EndpointId{0}}, {EndpointId{1}, EndpointId{2}}, {EndpointId{3}}});
  CHECK(network.latency_inside.value() == doctest::Approx(2e-6));
  CHECK(network.latency_across.value() == doctest::Approx(3e-6));
}

TEST_CASE("flow network: a plane of one domain has nothing beyond it") {
  const Topology topology = make_topology(
      {.name = "one",
       .groups = {{.name = "", .chip = "toy", .nodes = 2}},
       .chips_per_node = 8,
       .planes = {
           {.name = "ib", .wiring = LeafSpineWiring{}, .link = 50_GBps, .latency = 2_us, .latency_across = 3_us}}});
  const FlowNetwork network = topology.flow_network(PlaneId{0}, {chips(0, 8), chips(8, 8)});
  REQUIRE(network.domains.size() == 1);
  CHECK(network.domains[0].trunk.value() == 0.0);
  CHECK(network.latency_across == network.latency_inside);
}

TEST_CASE("flow network: a chip without a port is refused") {
  TopologySpec spec{
      .name = "two kinds",
      .groups = {{.name = "p", .chip = "a", .nodes = 1}, {.name = "d", .chip = "b", .nodes = 1}},
      .chips_per_node = 2,
      .planes = {{.name = "ub",
                  .wiring = SwitchedWiring{},
                  .link = 1_GBps,
                  .groups = {{.group = "p", .links = 1}},
                  .latency = 1_us},
                 {.name = "ib", .wiring = LeafSpineWiring{}, .link = 1_GBps, .latency = 1_us, .latency_across = 1_us}}};
  const Topology topology = make_topology(spec);
  CHECK_NOTHROW((void)topology.flow_network(topology.plane("ub"), {chips(0, 2)}));
  CHECK_THROWS_WITH_AS((void)topology.flow_network(topology.plane("ub"), {chips(1, 2)}),
                       "plane: chip 2 (b) has no port on 'ub'", SpecError);
}
