#include "models/base/errors.hpp"
#include "tests/support/chip_range.hpp"
#include "topologies/bill.hpp"
#include "topologies/bisection.hpp"
#include "topologies/make_topology.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::topologies;
using tokenyard::test::chips;

namespace {

/// 8 nodes of 8 chips on two processors; links to these of 50 GB/s (0.8 of it payload). Memory of 100 GB/s behind a
/// link of 200 GB/s. Two storage machines of 50 GB/s on a fabric of 4 nodes a leaf (0.8; trunks 0.5), whose trunks
/// carry so much of their rate.
TopologySpec machine(double trunks = 1.0) {
  return {.name = "toy",
          .groups = {{.name = "", .chip = "toy", .nodes = 8}},
          .chips_per_node = 8,
          .planes =
              {{.name = "ib",
                .wiring = LeafSpineWiring{.radix = 64},
                .link = 50_GBps,
                .latency = 2_us,
                .latency_across = 3_us,
                .efficiency = 0.8,
                .path_efficiency = 0.5,
                .degraded = {{.domain = 0, .factor = trunks}, {.domain = 1, .factor = trunks}}},
               {.name = "pcie", .wiring = HostWiring{.cpus = 2}, .link = 50_GBps, .latency = 1_us, .efficiency = 0.8}},
          .stores = {{.name = "host",
                      .kind = StoreKind::Host,
                      .plane = "pcie",
                      .link = 200_GBps,
                      .read = 100_GBps,
                      .capacity = 500_GB},
                     {.name = "storage",
                      .kind = StoreKind::Pool,
                      .nodes = 2,
                      .link = 50_GBps,
                      .write = 10_GBps,
                      .latency = 100_us,
                      .capacity = 10e12 * 1_B}}};
}

std::string complaint(const TopologySpec& spec) {
  try {
    validate(spec);
  } catch (const SpecError& error) {
    return error.what();
  }
  return "no complaint";
}

constexpr StoreId kHost{0};
constexpr StoreId kStorage{1};

}  // namespace

TEST_CASE("stores: a chip alone reads host memory at its own link and four at once share the memory") {
  const Topology topology = make_topology(machine());
  REQUIRE(topology.stores().size() == 2);
  CHECK(topology.stores()[0].devices == 16);  // one a processor
  const StoreView alone = topology.view_of_store(chips(0, 1), kHost);
  CHECK(alone.read.value() == doctest::Approx(40e9));  // 50 * 0.8
  CHECK(alone.hops == 2);
  CHECK(alone.latency.value() == doctest::Approx(1e-6));
  CHECK(alone.capacity.value() == doctest::Approx(125e9));  // one of four chips of a processor
  CHECK(topology.view_of_store(chips(0, 4), kHost).read.value() == doctest::Approx(100e9));
  // Without a figure of its own, writing is as its links: 200 * 0.8 = 160, which is what four chips can send.
  CHECK(topology.view_of_store(chips(0, 4), kHost).write.value() == doctest::Approx(160e9));
  // Chips 3 to 5: one behind the first processor, two behind the second: each link carries a third, 40 GB/s.
  CHECK(topology.view_of_store(chips(3, 3), kHost).read.value() == doctest::Approx(120e9));
  CHECK(topology.view_of_store(chips(0, 8), kHost).capacity.value() == doctest::Approx(1000e9));
}

TEST_CASE("stores: all chips reach storage machines over the trunks of their leaves") {
  const Topology topology = make_topology(machine());
  CHECK(topology.stores()[1].plane == topology.plane("ib"));  // the scale-out plane where none is named
  CHECK(topology.stores()[1].devices == 2);
  const StoreView alone = topology.view_of_store(chips(0, 1), kStorage);
  CHECK(alone.read.value() == doctest::Approx(40e9));
  CHECK(alone.write.value() == doctest::Approx(20e9));  // two of 10 GB/s
  CHECK(alone.hops == 3);                               // chip, leaf, spine, machine
  // Half of 2 us to the leaf, half of 1 us to the spine, half of 2 us to the machine.
  CHECK(alone.latency.value() == doctest::Approx(2.5e-6));
  CHECK(topology.view_of_store(chips(0, 64), kStorage).read.value() == doctest::Approx(80e9));  // 2 * 50 * 0.8
  // 32 cables up of a 32nd of 50 GB/s each: 50 * 0.8 * 0.5 = 20 GB/s for the leaf of a chip, 40 for both leaves.
  const Topology thin = make_topology(machine(1.0 / 32.0));
  CHECK(thin.view_of_store(chips(0, 1), kStorage).read.value() == doctest::Approx(20e9));
  CHECK(thin.view_of_store(chips(0, 64), kStorage).read.value() == doctest::Approx(40e9));
}

TEST_CASE("stores: the chips of a lone node share its port on the way to a pool") {
  TopologySpec spec = machine();
  spec.groups[0].nodes = 1;
  for (PlaneSpec& plane : spec.planes) plane.degraded.clear();
  spec.planes.push_back({.name = "users",
                         .wiring = SharedPortWiring{},
                         .front_end = true,
                         .link = 10_GBps,
                         .latency = 20_us,
                         .latency_across = 21_us});
  spec.stores[1].plane = "users";
  const Topology topology = make_topology(spec);
  CHECK(topology.view_of_store(chips(0, 8), kStorage).read.value() == doctest::Approx(10e9));
  const FlowNetwork network = topology.flow_network(topology.plane("users"), {chips(0, 8)}, {kStorage});
  REQUIRE(network.domains.size() == 2);
  CHECK(network.domains[0].trunk.value() == doctest::Approx(10e9));
  CHECK(network.endpoints[1].domain == 1);
}

TEST_CASE("stores: they change nothing of what chips see of each other") {
  TopologySpec without = machine();
  without.stores.clear();
  const Topology bare = make_topology(without);
  const Topology full = make_topology(machine());
  for (const PlaneId plane : {PlaneId{0}, PlaneId{1}}) {
    CHECK(full.cable_count(plane) == bare.cable_count(plane));
    CHECK(full.vertex_count(plane) == bare.vertex_count(plane));
    CHECK(bisection(full, plane) == bisection(bare, plane));
    CHECK(full.planes()[plane.index()].domains == bare.planes()[plane.index()].domains);
    CHECK(full.trunk(0, plane) == bare.trunk(0, plane));
  }
  CHECK(full.hops(ChipId{0}, ChipId{63}, PlaneId{0}) == bare.hops(ChipId{0}, ChipId{63}, PlaneId{0}));
}

TEST_CASE("stores: neither a plane to hosts nor a front end is the scale-out plane") {
  TopologySpec spec = machine();
  spec.groups[0].nodes = 1;  // every plane joins all chips of a single node
  for (PlaneSpec& plane : spec.planes) plane.degraded.clear();
  spec.planes[1].wiring = HostWiring{};
  spec.planes.push_back({.name = "users",
                         .wiring = SharedPortWiring{},
                         .front_end = true,
                         .link = 25_GBps,
                         .latency = 20_us,
                         .latency_across = 21_us});
  const Topology topology = make_topology(spec);
  CHECK(topology.scale_out() == topology.plane("ib"));
  CHECK(topology.front_end() == topology.plane("users"));
  CHECK(make_topology(machine()).front_end() == PlaneId{0});  // where none is marked
}

TEST_CASE("stores: flows have an endpoint at the memory of each processor and one for all storage machines") {
  const Topology topology = make_topology(machine());
  const FlowNetwork pcie = topology.flow_network(topology.plane("pcie"), {chips(0, 4), chips(4, 8)}, {kHost});
  REQUIRE(pcie.stores.size() == 1);
  REQUIRE(pcie.stores[0].endpoints.size() == 3);  // chips 0 to 3, 4 to 7, 8 to 11
  const FlowEndpoint& memory = pcie.endpoints[pcie.stores[0].endpoints[1].index()];
  CHECK(memory.name == "host 1");
  CHECK(memory.domain == 1);
  CHECK(memory.bandwidth.value() == doctest::Approx(100e9));
  CHECK(memory.receive.value() == doctest::Approx(160e9));

  const FlowNetwork ib = topology.flow_network(topology.plane("ib"), {chips(0, 4)}, {kStorage});
  REQUIRE(ib.stores[0].endpoints.size() == 1);
  const FlowEndpoint& storage = ib.endpoints[ib.stores[0].endpoints[0].index()];
  CHECK(storage.name == "storage");
  CHECK(storage.bandwidth.value() == doctest::Approx(80e9));
  CHECK(storage.receive.value() == doctest::Approx(20e9));
  CHECK(storage.domain == 2);                                   // behind those of the two leaves
  CHECK(ib.domains[2].trunk.value() == doctest::Approx(40e9));  // 2 * 50 * 0.8 * 0.5
  CHECK(ib.of_group.size() == 1);
  CHECK(topology.flow_network(topology.plane("ib"), {chips(0, 4)}).domains.size() == 2);
}

TEST_CASE("stores: chips without a port on the plane do not reach them") {
  TopologySpec spec = machine();
  spec.groups = {{.name = "a", .chip = "toy", .nodes = 4}, {.name = "b", .chip = "other", .nodes = 4}};
  spec.planes[1].groups = {{.group = "a", .links = 1}};
  const Topology topology = make_topology(spec);
  CHECK(topology.reaches(chips(0, 32), kHost));
  CHECK_FALSE(topology.reaches(chips(31, 2), kHost));
  CHECK(topology.reaches(chips(0, 64), kStorage));
}

TEST_CASE("stores: the bill counts them and says what chips get of them") {
  const TopologySpec spec = machine();
  const Bill bill = bill_of(spec, make_topology(spec));
  REQUIRE(bill.stores.size() == 2);
  CHECK(bill.stores[0].devices == 16);
  CHECK(bill.stores[0].read.value() == doctest::Approx(1600e9));
  CHECK(bill.stores[0].alone.value() == doctest::Approx(40e9));
  CHECK(bill.stores[0].at_once.value() == doctest::Approx(25e9));
  CHECK(bill.stores[1].capacity.value() == doctest::Approx(20e12));
  CHECK(bill.stores[1].latency.value() == doctest::Approx(105e-6));  // 2 * 2.5 + 100
  CHECK(bill.stores[1].at_once.value() == doctest::Approx(80e9 / 64));
}

TEST_CASE("stores: mistakes are named") {
  TopologySpec spec = machine();
  spec.stores[0].plane = "pci";
  CHECK(complaint(spec) == "plane: the machine has no plane 'pci'; it has: ib, pcie");
  spec = machine();
  spec.stores[0].nodes = 2;
  CHECK(complaint(spec).starts_with("nodes: are of a pool"));
  spec = machine();
  spec.stores[1].plane = "pcie";
  CHECK(complaint(spec).starts_with("plane: 'pcie' does not join its leaf domains"));
  spec = machine();
  spec.planes[1].wiring = MeshWiring{};
  CHECK(complaint(spec).starts_with("plane: 'pcie' has no switches for 'host'"));
  spec = machine();
  spec.planes[1].wiring = HostWiring{.cpus = 3};
  CHECK(complaint(spec) == "cpus: 8 chips of a node do not share 3 processors evenly");
  spec = machine();
  std::swap(spec.planes[0], spec.planes[1]);
  CHECK(complaint(spec).starts_with("planes: the first plane, 'pcie', carries collectives"));
  spec = machine();
  spec.stores[0].capacity = {};
  CHECK(complaint(spec) == "capacity: must be more than 0");
  spec = machine();
  spec.stores[0].link = {};
  CHECK(complaint(spec) == "link: is 0 B/s; at least 1 MB/s is needed");
}
