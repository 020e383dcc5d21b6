#include "sim/config/read_topology.hpp"

#include <charconv>
#include <system_error>
#include <utility>

namespace tokenyard::config {
namespace {

using topologies::DragonflyWiring;
using topologies::HostWiring;
using topologies::LeafSpineWiring;
using topologies::MeshWiring;
using topologies::NodeGroupSpec;
using topologies::PlaneSpec;
using topologies::SharedPortWiring;
using topologies::StoreKind;
using topologies::StoreSpec;
using topologies::SwitchedWiring;
using topologies::TopologySpec;
using topologies::TorusWiring;
using topologies::WanWiring;

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
  if (map.has("node_power") && map.has("groups")) {
    map.fail("node_power", "stands beside `groups`, which have a power of their own");
  }
  if (map.has("chip")) {
    groups.push_back(
        {.name = "", .chip = map.text("chip"), .nodes = map.has("nodes") ? map.count("nodes", 1, kMostNodes) : 1});
    if (map.given("node_power")) groups.back().node_power = map.watts("node_power");
    map.located([&] { validate(groups.back()); });
    return groups;
  }
  for (auto& [name, group] : map.named_maps("groups", "topology.group")) {
    groups.push_back({.name = name, .chip = group.text("chip"), .nodes = group.count("nodes", 1, kMostNodes)});
    if (group.given("chips_per_node")) groups.back().chips_per_node = group.count("chips_per_node", 1, 10'000);
    if (group.given("site")) groups.back().site = group.text("site");
    if (group.given("node_power")) groups.back().node_power = group.watts("node_power");
    read_source(group);
    group.finish();
    group.located([&] { validate(groups.back()); });
  }
  return groups;
}

SwitchedWiring read_switched(YamlMap& map) {
  SwitchedWiring wiring{.nodes_per_domain = map.count("nodes_per_domain"),
                        .switches = map.count("switches", 1, 10'000),
                        .spines = map.count("spines", 0, 10'000),
                        .oversubscription = map.number("oversubscription", 1.0, 1000.0)};
  if (map.has("radix")) wiring.radix = map.count("radix", 2, 100'000);
  return wiring;
}

LeafSpineWiring read_leaf_spine(YamlMap& map) {
  LeafSpineWiring wiring;
  wiring.radix = map.count("radix", 2, 100'000);
  wiring.spine_radix = map.has("spine_radix") ? map.count("spine_radix", 2, 100'000) : wiring.radix;
  wiring.oversubscription = map.number("oversubscription", 1.0, 1000.0);
  wiring.rails = map.flag("rails");
  wiring.tiers = map.count("tiers", 2, 3);
  if (wiring.tiers == 3) wiring.core_oversubscription = map.number("core_oversubscription", 1.0, 1000.0);
  return wiring;
}

/// "16x24x24": one to three whole numbers.
TorusWiring read_torus(YamlMap& map) {
  TorusWiring wiring;
  const std::string text = map.text("dims");
  const auto refuse = [&] {
    map.fail("dims", "'" + text + "' is not a size; write chips along each dimension, such as 16x24x24");
  };
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (std::size_t d = 0; d < wiring.dims.size(); ++d) {
    const auto [rest, error] = std::from_chars(at, end, wiring.dims[d]);
    if (error != std::errc{} || wiring.dims[d] == 0 || wiring.dims[d] > 10'000) refuse();
    at = rest;
    if (at == end) break;
    if (*at != 'x' || d + 1 == wiring.dims.size()) refuse();
    ++at;
  }
  wiring.wrap = map.flag("wrap");
  return wiring;
}

WanWiring read_wan(YamlMap& map) {
  return {
      .uplink = map.bandwidth("uplink"), .window = map.bytes("window"), .streams = map.count("streams", 1, 100'000)};
}

/// What hashing and adaptive routing leave of a trunk. Source: our study of a permutation of 512 endpoints over 16
/// leaves and 32 spines: hashed 0.51 with 4 queue pairs a flow, 0.56 with 8; adaptive 0.94 with 4.
double read_path_efficiency(YamlMap& map) {
  if (!map.given("routing")) return map.number("path_efficiency", 0.0, 1.0);
  if (map.has("path_efficiency")) map.fail("routing", "stands beside `path_efficiency`; take one of them away (~)");
  const std::string routing = map.choice("routing", {"balanced", "adaptive", "hashed"});
  return routing == "balanced" ? 1.0 : routing == "adaptive" ? 0.94 : 0.54;
}

void read_degraded(YamlMap& map, PlaneSpec& plane) {
  for (auto& [name, part] : map.named_maps("degraded", "topology.degraded")) {
    topologies::Degraded& degraded = plane.degraded.emplace_back();
    degraded.name = name;
    if (part.given("node")) degraded.node = part.count("node", 0);
    if (part.given("domain")) degraded.domain = part.count("domain", 0);
    if (degraded.node.has_value() == degraded.domain.has_value()) part.fail("node", "name a node or a domain");
    degraded.factor = part.number("factor", 0.0, 1.0);
    if (degraded.factor == 0.0) part.fail("factor", "must be above 0: what is left of the links' rate");
    part.finish();
  }
}

PlaneSpec read_plane(const std::string& name, YamlMap& map) {
  PlaneSpec plane;
  plane.name = name;
  const std::string kind =
      map.choice("kind", {"mesh", "switched", "leaf_spine", "shared_port", "torus", "dragonfly", "wan", "host"});
  if (kind == "mesh") plane.wiring = MeshWiring{};
  if (kind == "switched") plane.wiring = read_switched(map);
  if (kind == "leaf_spine") plane.wiring = read_leaf_spine(map);
  if (kind == "shared_port") plane.wiring = SharedPortWiring{};
  if (kind == "torus") plane.wiring = read_torus(map);
  if (kind == "dragonfly") plane.wiring = DragonflyWiring{.global_links = map.count("global_links", 1, 10'000)};
  if (kind == "wan") plane.wiring = read_wan(map);
  if (kind == "host") plane.wiring = HostWiring{.cpus = map.count("cpus", 1, 1'000)};
  plane.front_end = map.flag("front_end");
  plane.link = map.bandwidth("link");
  plane.latency = map.seconds("latency");
  if (map.has("latency_across")) plane.latency_across = map.seconds("latency_across");
  if (kind == "leaf_spine") {
    const bool pods = std::get<LeafSpineWiring>(plane.wiring).tiers == 3;
    if (pods && map.has("latency_pods")) plane.latency_pods = map.seconds("latency_pods");
  }
  plane.efficiency = map.number("efficiency", 0.0, 1.0);
  if (kind == "switched") plane.in_network_reduction = map.flag("in_network_reduction");
  if (kind != "mesh" && kind != "torus" && kind != "host") plane.path_efficiency = read_path_efficiency(map);
  plane.in_service = map.number("in_service", 0.0, 1.0);
  read_degraded(map, plane);
  const std::string optics = map.choice("optics", {"none", "upper", "all"});
  plane.optics = optics == "all"     ? topologies::Optics::All
                 : optics == "upper" ? topologies::Optics::Upper
                                     : topologies::Optics::None;
  plane.links_per_transceiver = map.count("links_per_transceiver", 1, 1'000);
  plane.switch_power = map.watts("switch_power");
  if (!map.has("groups")) plane.links = map.count("links", 1, 10'000);
  for (auto& [group, attachment] : map.named_maps("groups", "topology.attachment")) {
    plane.groups.push_back({.group = group, .links = attachment.count("links", 1, 10'000)});
    attachment.finish();
  }
  read_source(map);
  map.finish();
  return plane;
}

StoreSpec read_store(const std::string& name, YamlMap& map) {
  const std::string kind = map.choice("kind", {"host", "nvme", "pool"});
  StoreSpec store{.name = name,
                  .kind = kind == "host"   ? StoreKind::Host
                          : kind == "nvme" ? StoreKind::Nvme
                                           : StoreKind::Pool};
  if (map.given("plane")) store.plane = map.text("plane");
  if (map.given("nodes")) store.nodes = map.count("nodes", 1, kMostNodes);
  store.link = map.bandwidth("link");
  store.links = map.count("links", 1, 10'000);
  if (map.given("read")) store.read = map.bandwidth("read");
  if (map.given("write")) store.write = map.bandwidth("write");
  store.latency = map.seconds("latency");
  store.capacity = map.bytes("capacity");
  read_source(map);
  map.finish();
  return store;
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
  for (auto& [name, store] : map.named_maps("stores", "topology.store")) {
    machine.stores.push_back(read_store(name, store));
    store.located([&] { validate(machine.stores.back(), machine); });
  }
  read_source(map);
  map.finish();
  map.located([&] { validate(machine); });
  return machine;
}

TopologySpec read_machine(const std::string& name, const std::vector<Override>& overrides) {
  if (name.ends_with(".yaml")) {
    std::vector<Override> inside;
    for (const Override& change : overrides) inside.push_back({"topology." + change.path, change.value});
    if (YamlMap::load(name, "experiment").has("topology")) {
      YamlMap root = YamlMap::load(name, "experiment", inside);
      return read_topology(root.entry("topology", "topology", "topologies"));
    }
  }
  return read_topology(YamlMap::load_entry(name, "topology", "topologies", overrides));
}

}  // namespace tokenyard::config
