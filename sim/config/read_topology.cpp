#include "sim/config/read_topology.hpp"

#include <utility>

namespace tokenyard::config {
namespace {

using topologies::LeafSpineWiring;
using topologies::MeshWiring;
using topologies::NodeGroupSpec;
using topologies::PlaneSpec;
using topologies::SharedPortWiring;
using topologies::SwitchedWiring;
using topologies::TopologySpec;

constexpr std::uint32_t kMostNodes = 100'000;

/// Figures of a catalogue carry their source; it is read so that resolved() keeps it.
void read_source(YamlMap& map) {
  if (map.given("source")) (void)map.text("source");
}

std::vector<NodeGroupSpec> read_groups(YamlMap& map) {
  std::vector<NodeGroupSpec> groups;
  if (map.has("chip") && map.has("groups")) map.fail("groups", "stands beside `chip`; keep one of them");
  if (map.has("nodes") && map.has("groups")) map.fail("nodes", "stands beside `groups`, which have nodes of their own");
  if (!map.has("chip") && !map.has("groups")) map.fail("chip", "required: the chips of the machine (or `groups`)");
  if (map.has("chip")) {
    groups.push_back(
        {.name = "", .chip = map.text("chip"), .nodes = map.has("nodes") ? map.count("nodes", 1, kMostNodes) : 1});
    map.located([&] { validate(groups.back()); });
    return groups;
  }
  for (auto& [name, group] : map.named_maps("groups", "topology.group")) {
    groups.push_back({.name = name, .chip = group.text("chip"), .nodes = group.count("nodes", 1, kMostNodes)});
    read_source(group);
    group.finish();
    group.located([&] { validate(groups.back()); });
  }
  return groups;
}

SwitchedWiring read_switched(YamlMap& map) {
  return {.nodes_per_domain = map.count("nodes_per_domain"),
          .switches = map.count("switches", 1, 10'000),
          .spines = map.count("spines", 0, 10'000),
          .oversubscription = map.number("oversubscription", 1.0, 1000.0)};
}

LeafSpineWiring read_leaf_spine(YamlMap& map) {
  LeafSpineWiring wiring;
  wiring.radix = map.count("radix", 2, 100'000);
  wiring.spine_radix = map.has("spine_radix") ? map.count("spine_radix", 2, 100'000) : wiring.radix;
  wiring.oversubscription = map.number("oversubscription", 1.0, 1000.0);
  wiring.rails = map.flag("rails");
  return wiring;
}

PlaneSpec read_plane(const std::string& name, YamlMap& map) {
  PlaneSpec plane;
  plane.name = name;
  const std::string kind = map.choice("kind", {"mesh", "switched", "leaf_spine", "shared_port"});
  if (kind == "mesh") plane.wiring = MeshWiring{};
  if (kind == "switched") plane.wiring = read_switched(map);
  if (kind == "leaf_spine") plane.wiring = read_leaf_spine(map);
  if (kind == "shared_port") plane.wiring = SharedPortWiring{};
  plane.link = map.bandwidth("link");
  plane.latency = map.seconds("latency");
  if (map.has("latency_across")) plane.latency_across = map.seconds("latency_across");
  plane.efficiency = map.number("efficiency", 0.0, 1.0);
  if (kind != "mesh") plane.path_efficiency = map.number("path_efficiency", 0.0, 1.0);
  if (!map.has("groups")) plane.links = map.count("links", 1, 10'000);
  for (auto& [group, attachment] : map.named_maps("groups", "topology.attachment")) {
    plane.groups.push_back({.group = group, .links = attachment.count("links", 1, 10'000)});
    attachment.finish();
  }
  read_source(map);
  map.finish();
  return plane;
}

}  // namespace

TopologySpec read_topology(YamlMap map) {
  TopologySpec machine;
  machine.name = map.text("name");
  if (map.given("description")) (void)map.text("description");
  machine.groups = read_groups(map);
  machine.chips_per_node = map.count("chips_per_node", 1, 10'000);
  machine.nodes_per_rack = map.count("nodes_per_rack");
  auto planes = map.named_maps("planes", "topology.plane");
  for (auto& [name, plane] : planes) {
    machine.planes.push_back(read_plane(name, plane));
    plane.located([&] { validate(machine.planes.back(), machine); });
  }
  read_source(map);
  map.finish();
  map.located([&] { validate(machine); });
  return machine;
}

}  // namespace tokenyard::config
