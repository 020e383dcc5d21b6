#include "sim/engine/engine.hpp"
#include "tests/support/flow_probe.hpp"
#include "topologies/make_topology.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::engine;
using namespace tokenyard::literals;
using namespace tokenyard::topologies;
using tokenyard::tests::FlowProbe;

// What a group of chips sees of a plane (GroupView) is what closed forms of collectives are priced with. Here the same
// collectives are played as flows between single chips over the same plane, on an idle network, and must take as long.
namespace {

PlaneSpec fabric(LeafSpineWiring wiring, double path_efficiency) {
  return {.name = "ib",
          .wiring = wiring,
          .link = 50_GBps,
          .latency = 2_us,
          .latency_across = 3_us,
          .latency_pods = 4_us,
          .efficiency = 0.9,
          .path_efficiency = path_efficiency};
}

Topology machine(std::uint32_t nodes, std::uint32_t chips_per_node, PlaneSpec plane) {
  return make_topology({.name = "toy",
                        .groups = {{.name = "", .chip = "toy", .nodes = nodes}},
                        .chips_per_node = chips_per_node,
                        .planes = {std::move(plane)}});
}

struct Sent {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  Bytes size;
};

/// Plays rounds of flows one after the other on a plane with an endpoint a chip; gives the time of all of them.
double play(const Topology& topology, const std::vector<std::vector<Sent>>& rounds) {
  std::vector<std::vector<ChipId>> groups;
  for (std::uint32_t i = 0; i < topology.chip_count(); ++i) groups.push_back({ChipId{i}});
  const FlowNetwork network = topology.flow_network(PlaneId{0}, groups);
  Engine engine({network});
  FlowProbe probe(engine);
  std::size_t round = 0;
  std::size_t left = 0;
  const auto start = [&] {
    for (const Sent& flow : rounds[round]) {
      const EndpointId from = network.of_group[flow.from][0];
      const EndpointId to = network.of_group[flow.to][0];
      engine.transfer(0, from, to, flow.size, Seconds{1e-9}, probe, 0);
      ++left;
    }
  };
  probe.then = [&](std::uint64_t) {
    if (--left == 0 && ++round < rounds.size()) start();
  };
  start();
  engine.run();
  return static_cast<double>(probe.notes.back().ns) * 1e-9;
}

/// Every one of `chips` chips sends `size` to all others in equal parts.
std::vector<std::vector<Sent>> all_to_all(std::uint32_t chips, Bytes size) {
  std::vector<Sent> flows;
  for (std::uint32_t from = 0; from < chips; ++from) {
    for (std::uint32_t to = 0; to < chips; ++to) {
      if (to != from) flows.push_back({from, to, size / (chips - 1.0)});
    }
  }
  return {flows};
}

/// 2(n-1) rounds in which every chip hands a part of `size` to its neighbour.
std::vector<std::vector<Sent>> ring(std::uint32_t chips, Bytes size) {
  std::vector<Sent> round;
  for (std::uint32_t from = 0; from < chips; ++from) {
    round.push_back({from, (from + 1) % chips, size / static_cast<double>(chips)});
  }
  return std::vector(2 * (chips - 1), round);
}

std::vector<ChipId> chips(std::uint32_t count) {
  std::vector<ChipId> all;
  for (std::uint32_t i = 0; i < count; ++i) all.emplace_back(i);
  return all;
}

/// d domains of n/d chips: of 1 GB that a chip sends the share (n - n/d)/(n-1) leaves its domain over the uplink, all
/// of it its port. The slower of both decides. Machines here have equal domains.
void check_over_leaves(const LeafSpineWiring& wiring, double path_efficiency) {
  const Topology topology = machine(12, 4, fabric(wiring, path_efficiency));
  const GroupView view = topology.view(chips(48), PlaneId{0});
  REQUIRE(view.domains > 1);
  const double across = (48.0 - 48.0 / view.domains) / 47.0;
  const double expected = std::max(1e9 / view.port.value(), 1e9 * across / view.uplink.value());
  CHECK(play(topology, all_to_all(48, 1_GB)) == doctest::Approx(expected).epsilon(0.05));
}

}  // namespace

TEST_CASE("collective as flows: an all-to-all inside one domain takes what leaves a chip over its port") {
  const Topology topology = machine(4, 8, fabric({.radix = 64}, 1.0));
  const GroupView view = topology.view(chips(32), PlaneId{0});
  const double expected = (1_GB / view.port).value();  // 1 GB at 45 GB/s
  CHECK(play(topology, all_to_all(32, 1_GB)) == doctest::Approx(expected).epsilon(1e-6));
}

TEST_CASE("collective as flows: an all-to-all over leaves that do not block takes its port") {
  check_over_leaves({.radix = 16}, 1.0);
}

TEST_CASE("collective as flows: an all-to-all over hashed paths takes its uplink") {
  check_over_leaves({.radix = 16}, 0.54);
}

TEST_CASE("collective as flows: an all-to-all over leaves oversubscribed three to one takes its uplink") {
  check_over_leaves({.radix = 32, .oversubscription = 3.0}, 1.0);
}

TEST_CASE("collective as flows: a ring all-reduce takes 2(n-1)/n of its bytes over a port") {
  const Topology topology = machine(4, 8, fabric({.radix = 64}, 1.0));
  const GroupView view = topology.view(chips(32), PlaneId{0});
  const double expected = 2.0 * 31.0 / 32.0 * 1e9 / view.port.value();
  CHECK(play(topology, ring(32, 1_GB)) == doctest::Approx(expected).epsilon(1e-4));  // a ns of delay a round
}

TEST_CASE("collective as flows: between pods the core's share decides") {
  // Leaves of 4 chips, pods of 4 leaves, 2:1 above the spines: a chip has 22.5 of 45 GB/s between pods. Every chip
  // sends to its partner in the other pod.
  const Topology topology =
      machine(32, 1, fabric({.radix = 8, .spine_radix = 6, .tiers = 3, .core_oversubscription = 2.0}, 1.0));
  const GroupView view = topology.view(chips(32), PlaneId{0});
  CHECK(view.uplink.value() == doctest::Approx(22.5e9));
  std::vector<Sent> flows;
  for (std::uint32_t i = 0; i < 32; ++i) flows.push_back({i, (i + 16) % 32, 1_GB});
  CHECK(play(topology, {flows}) == doctest::Approx(1e9 / view.uplink.value()).epsilon(1e-6));
}

TEST_CASE("collective as flows: incast shares the receiver's port") {
  // 16 chips send 1 GB each to one: 16 GB over its 45 GB/s.
  const Topology topology = machine(4, 8, fabric({.radix = 64}, 1.0));
  std::vector<Sent> flows;
  for (std::uint32_t i = 1; i <= 16; ++i) flows.push_back({i, 0, 1_GB});
  CHECK(play(topology, {flows}) == doctest::Approx(16.0 / 45.0).epsilon(1e-6));
}
