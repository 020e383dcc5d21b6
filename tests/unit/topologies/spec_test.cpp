#include "topologies/spec.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::topologies;

namespace {

TopologySpec machine(std::uint32_t nodes, PlaneSpec plane) {
  return {
      .name = "toy", .groups = {{.name = "", .chip = "toy", .nodes = nodes}}, .chips_per_node = 8, .planes = {plane}};
}

PlaneSpec leaf_spine(LeafSpineWiring wiring) {
  return {.name = "ib", .wiring = wiring, .link = 50_GBps, .latency = 2_us, .latency_across = 3_us};
}

std::string complaint(const TopologySpec& spec) {
  try {
    validate(spec);
  } catch (const SpecError& error) {
    return error.what();
  }
  return "no complaint";
}

LeafSpineSize size(const TopologySpec& spec) {
  return size_of(std::get<LeafSpineWiring>(spec.planes[0].wiring), attached_nodes(spec.planes[0], spec));
}

}  // namespace

TEST_CASE("topology spec: a leaf of 64 ports takes 32 links without and 42 with 2:1 oversubscription") {
  // 64 * 1 / 2 = 32 links = 4 nodes of 8; 64 * 2 / 3 = 42.7 -> 42 links = 5 nodes; 64 * 3 / 4 = 48 = 6 nodes.
  CHECK(size(machine(16, leaf_spine({}))).nodes_per_leaf == 4);
  CHECK(size(machine(16, leaf_spine({}))).leaves == 4);
  CHECK(size(machine(16, leaf_spine({.oversubscription = 2.0}))).nodes_per_leaf == 5);
  CHECK(size(machine(16, leaf_spine({.oversubscription = 3.0}))).nodes_per_leaf == 6);
}

TEST_CASE("topology spec: with rails a leaf takes one chip of each of 32 nodes") {
  // 64 nodes = 2 pods of 32, 8 rails each: 16 leaves, as in NVIDIA's reference architecture for 512 GPUs.
  CHECK(size(machine(64, leaf_spine({.rails = true}))).nodes_per_leaf == 32);
  CHECK(size(machine(64, leaf_spine({.rails = true}))).leaves == 16);
}

TEST_CASE("topology spec: groups attach to a plane in the order of the machine") {
  TopologySpec spec{.name = "two",
                    .groups = {{.name = "p", .chip = "a", .nodes = 2}, {.name = "d", .chip = "b", .nodes = 1}},
                    .chips_per_node = 4,
                    .planes = {leaf_spine({})}};
  spec.planes[0].groups = {{.group = "d", .links = 2}};
  const auto nodes = attached_nodes(spec.planes[0], spec);
  REQUIRE(nodes.size() == 1);
  CHECK(nodes[0].first_chip == 8);  // after 2 nodes of 4
  CHECK(nodes[0].links == 2);
  CHECK(gap_of(spec.planes[0], spec) == "'ib' has no link for the a of group 'p'");
}

TEST_CASE("topology spec: impossible machines are refused with the key at fault") {
  const PlaneSpec good = leaf_spine({});
  CHECK(complaint(machine(2, good)) == "no complaint");
  CHECK(complaint(machine(0, good)) == "nodes: must be at least 1");
  CHECK(complaint(machine(100'000, good)) == "nodes: 800000 chips are more than the 200000 that can be drawn");
  SUBCASE("no link") {
    PlaneSpec plane = good;
    plane.link = BytesPerSecond{};
    CHECK(complaint(machine(2, plane)) == "link: is 0 B/s; at least 1 MB/s is needed");
  }
  SUBCASE("a share above 1") {
    PlaneSpec plane = good;
    plane.efficiency = 1.5;
    CHECK(complaint(machine(2, plane)) == "efficiency: is a share of the wire rate: more than 0, at most 1");
  }
  SUBCASE("a second tier without a latency") {
    PlaneSpec plane = good;
    plane.latency_across = Seconds{};
    CHECK(complaint(machine(2, plane)) ==
          "latency_across: must be given, and at least `latency`: one way between two domains");
  }
  SUBCASE("leaves too small for a node") {
    CHECK(complaint(machine(2, leaf_spine({.radix = 8}))) ==
          "radix: a leaf of 8 ports has 4 of them downwards, fewer than the 8 links of a node");
  }
  SUBCASE("more leaves than a spine has ports: 2304 chips / 32 = 72") {
    CHECK(complaint(machine(288, good)) ==
          "spine_radix: 72 leaves need spines with as many ports, not 64; `tiers: 3` adds core switches");
  }
  SUBCASE("a group that is not there") {
    PlaneSpec plane = good;
    plane.groups = {{.group = "decode"}};
    TopologySpec spec = machine(2, plane);
    spec.groups[0].name = "all";
    CHECK(complaint(spec) == "groups: the machine has no group 'decode'; it has: all");
  }
  SUBCASE("a mesh alone does not join two nodes") {
    CHECK(complaint(machine(2, {.name = "hccs", .wiring = MeshWiring{}, .link = 28_GBps, .latency = 2_us})) ==
          "planes: no plane joins all chips: 'hccs' does not join chip 0 to chip 8; add one that does (kind: "
          "leaf_spine)");
  }
  SUBCASE("fewer links than switches") {
    CHECK(complaint(machine(1, {.name = "nvlink",
                                .wiring = SwitchedWiring{.switches = 4},
                                .link = 25_GBps,
                                .links = 3,
                                .latency = 2_us})) ==
          "links: a chip needs at least one link to each of the 4 switches, not 3");
  }
}

TEST_CASE("topology spec: a share that leaves too slow a link is refused where it does") {
  // 50 GB/s * 1e-3 = 50 MB/s, * 0.01 = 500 kB/s.
  PlaneSpec plane = leaf_spine({});
  plane.efficiency = 1e-3;
  CHECK(complaint(machine(2, plane)) == "no complaint");
  plane.in_service = 0.01;
  CHECK(complaint(machine(2, plane)) == "in_service: leaves a link 500000 B/s; at least 1 MB/s is needed");
  plane.path_efficiency = 1e-3;
  CHECK(complaint(machine(2, plane)) == "path_efficiency: leaves a link 50000 B/s; at least 1 MB/s is needed");
  plane.efficiency = 1e-300;
  CHECK(complaint(machine(2, plane)).starts_with("efficiency: leaves a link 5e-290 B/s"));
  plane = leaf_spine({});
  plane.degraded = {{.node = 1, .factor = 1e-6, .name = "a"}};
  CHECK(complaint(machine(2, plane)) == "degraded.a.factor: leaves a link 50000 B/s; at least 1 MB/s is needed");
  plane = leaf_spine({.oversubscription = 1000.0});
  plane.link = BytesPerSecond{5e7};
  CHECK(complaint(machine(2, plane)) == "oversubscription: leaves a link 50000 B/s; at least 1 MB/s is needed");
}

TEST_CASE("topology spec: what is degraded exists and is named once") {
  // 16 nodes on 4 leaves.
  PlaneSpec plane = leaf_spine({});
  const auto told = [&](std::vector<Degraded> parts) {
    plane.degraded = std::move(parts);
    return complaint(machine(16, plane));
  };
  CHECK(told({{.node = 15, .factor = 0.5, .name = "a"}, {.domain = 3, .factor = 0.5, .name = "b"}}) == "no complaint");
  CHECK(told({{.node = 16, .factor = 0.5, .name = "a"}}) == "degraded.a.node: 'ib' has no node 16; there are: 0 to 15");
  CHECK(told({{.domain = 4, .factor = 0.5, .name = "a"}}) ==
        "degraded.a.domain: no cables that can be degraded lead out of a domain of 'ib' numbered 4; there are: 0 to 3");
  CHECK(told({{.node = 2, .factor = 0.5, .name = "a"}, {.node = 2, .factor = 0.9, .name = "b"}}) ==
        "degraded.b.node: node 2 is degraded by 'a' too; keep one");
  // A domain alone has no way out; of two groups only the second is on the plane.
  plane.degraded = {{.domain = 0, .factor = 0.5, .name = "a"}};
  CHECK(complaint(machine(2, plane)).ends_with("numbered 0; there are none; name a node"));
  TopologySpec two{.name = "two",
                   .groups = {{.name = "p", .chip = "a", .nodes = 2}, {.name = "d", .chip = "b", .nodes = 3}},
                   .chips_per_node = 4,
                   .planes = {leaf_spine({}), leaf_spine({})}};
  two.planes[0].name = "other";
  two.planes[0].groups = {{.group = "d"}};
  two.planes[0].degraded = {{.node = 1, .factor = 0.5, .name = "a"}};
  CHECK(complaint(two) == "degraded.a.node: 'other' has no node 1; there are: 2 to 4");
}

TEST_CASE("topology spec: a first switch has as many ports as it needs") {
  // 18 nodes of 4 chips, one link of each to each of 18 switches: 72 ports. Twice the nodes: 144.
  PlaneSpec nvlink{.name = "nvlink",
                   .wiring = SwitchedWiring{.nodes_per_domain = 18, .switches = 18, .radix = 72},
                   .link = 50_GBps,
                   .links = 18,
                   .latency = 2_us};
  const auto told = [&](std::uint32_t nodes) {
    TopologySpec spec = machine(nodes, nvlink);
    spec.chips_per_node = 4;
    return complaint(spec);
  };
  CHECK(told(18) == "no complaint");
  std::get<SwitchedWiring>(nvlink.wiring).nodes_per_domain = 36;
  CHECK(
      told(36) ==
      "radix: a first switch needs 144 ports for its chips, not 72; take more `switches` or fewer `nodes_per_domain`");
  // A second tier takes as many again upwards.
  std::get<SwitchedWiring>(nvlink.wiring) = {.nodes_per_domain = 18, .switches = 18, .spines = 4, .radix = 72};
  nvlink.latency_across = 3_us;
  CHECK(told(36).starts_with("radix: a first switch needs 72 ports for its chips and 72 upwards, not 72"));
}
