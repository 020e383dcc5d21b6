#include "topologies/topology_builder.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::topologies;

namespace {

template <class Act>
std::string complaint(Act act) {
  try {
    act();
  } catch (const SpecError& error) {
    return error.what();
  }
  return "no complaint";
}

/// Chips 0, 1 on switch A, chips 2, 3 on switch B, A and B joined by two cables of 5 GB/s.
TopologyBuilder two_switches() {
  TopologyBuilder builder("pair");
  std::array<VertexId, 4> chips;
  for (std::uint32_t i = 0; i < 4; ++i) chips[i] = builder.add_chip({.kind = "toy", .node = i / 2, .rack = 0});
  const PlaneId net = builder.add_plane({.name = "net"});
  const VertexId a = builder.add_switch(net);
  const VertexId b = builder.add_switch(net);
  for (std::uint32_t i = 0; i < 4; ++i) {
    builder.connect(net, chips[i], i < 2 ? a : b, {.count = 3, .rate = 4_GBps, .latency = 1_us});
  }
  builder.connect(net, a, b, {.count = 2, .rate = 5_GBps, .latency = 2_us});
  return builder;
}

}  // namespace

TEST_CASE("topology builder: counts and rates are those of the cables") {
  const Topology topology = two_switches().build();
  const PlaneId net = topology.plane("net");
  CHECK(topology.name() == "pair");
  CHECK(topology.chip_count() == 4);
  CHECK(topology.place(ChipId{2}).node == 1);
  CHECK(topology.switch_count(net) == 2);
  CHECK(topology.cable_count(net) == 4 * 3 + 2);
  CHECK(topology.port(ChipId{0}, net) == 12_GBps);  // 3 cables of 4
  CHECK(topology.injection(net) == 48_GBps);        // of 4 chips
  CHECK(topology.hops(ChipId{0}, ChipId{3}, net) == 3);
  CHECK(topology.latency(ChipId{0}, ChipId{3}, net).value() == doctest::Approx(4e-6));  // 1 + 2 + 1 us
}

TEST_CASE("topology builder: chips of one first switch are a domain and what leaves it is its trunk") {
  const Topology topology = two_switches().build();
  const PlaneId net = topology.plane("net");
  CHECK(topology.planes()[0].domains == 2);
  CHECK(topology.domain(ChipId{1}, net) == 0);
  CHECK(topology.domain(ChipId{2}, net) == 1);
  CHECK(topology.trunk(0, net) == 10_GBps);  // 2 cables of 5
  CHECK(topology.trunk(1, net) == 10_GBps);
}

TEST_CASE("topology builder: scale-out is the last plane that reaches all chips") {
  TopologyBuilder builder("three planes");
  const VertexId first = builder.add_chip({.kind = "toy"});
  const VertexId second = builder.add_chip({.kind = "toy"});
  for (const char* name : {"up", "out", "half"}) {
    const PlaneId plane = builder.add_plane({.name = name});
    const VertexId meeting = builder.add_switch(plane);
    builder.connect(plane, first, meeting, {.count = 1, .rate = 1_GBps, .latency = 1_us});
    if (std::string(name) != "half")
      builder.connect(plane, second, meeting, {.count = 1, .rate = 1_GBps, .latency = 1_us});
  }
  const Topology topology = builder.build();
  CHECK(topology.planes()[topology.scale_up().index()].name == "up");
  CHECK(topology.planes()[topology.scale_out().index()].name == "out");
  CHECK(topology.port(ChipId{1}, topology.plane("half")).value() == 0.0);
  CHECK(complaint([&] { (void)topology.view(std::array{ChipId{0}, ChipId{1}}, topology.plane("half")); }) ==
        "plane: chip 1 (toy) has no port on 'half'");
}

TEST_CASE("topology builder: chips that nothing joins are refused") {
  TopologyBuilder builder("apart");
  builder.add_chip({.kind = "toy"});
  builder.add_chip({.kind = "toy"});
  builder.add_plane({.name = "net"});
  CHECK(complaint([&] { (void)builder.build(); }) == "planes: no plane joins all chips; add one that does");
}

TEST_CASE("topology builder: a plane name stands once") {
  TopologyBuilder builder("twice");
  builder.add_chip({.kind = "toy"});
  builder.add_plane({.name = "net"});
  builder.add_plane({.name = "net"});
  CHECK(complaint([&] { (void)builder.build(); }) == "planes: two planes are called 'net'");
}

TEST_CASE("topology: an unknown plane is refused with the planes there are") {
  const Topology topology = two_switches().build();
  CHECK(complaint([&] { (void)topology.plane("nvlink"); }) == "plane: pair has no plane 'nvlink'; it has: net");
}

TEST_CASE("topology: chips without a way to each other are named") {
  TopologyBuilder builder("islands");
  const VertexId first = builder.add_chip({.kind = "toy"});
  const VertexId second = builder.add_chip({.kind = "toy"});
  const PlaneId up = builder.add_plane({.name = "up"});
  for (const VertexId chip : {first, second}) {
    builder.connect(up, chip, builder.add_switch(up), {.count = 1, .rate = 1_GBps, .latency = 1_us});
  }
  const PlaneId out = builder.add_plane({.name = "out"});
  builder.connect(out, first, second, {.count = 1, .rate = 1_GBps, .latency = 1_us});
  const Topology topology = builder.build();
  CHECK(complaint([&] { (void)topology.hops(ChipId{0}, ChipId{1}, up); }) ==
        "plane: there is no way from chip 0 to chip 1 on 'up'");
  CHECK(topology.hops(ChipId{0}, ChipId{1}, out) == 1);
}
