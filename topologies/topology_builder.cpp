#include "topologies/topology_builder.hpp"

#include "models/base/errors.hpp"
#include "topologies/topology_graph.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace tokenyard::topologies {
namespace {

/// Edges of the cables that `wanted` picks.
template <class Wanted>
std::vector<Edge> edges_of(const std::vector<DrawnCable>& cables, Wanted wanted) {
  std::vector<Edge> edges;
  edges.reserve(cables.size());
  for (const DrawnCable& drawn : cables) {
    if (wanted(drawn)) edges.push_back({.a = drawn.a, .b = drawn.b, .latency = drawn.cable.latency});
  }
  return edges;
}

/// Ports and direct links of the chips.
void add_ports(PlaneGraph& plane, std::uint32_t chips) {
  plane.port.assign(chips, BytesPerSecond{});
  for (const DrawnCable& drawn : plane.drawn) {
    const BytesPerSecond rate = drawn.cable.rate * drawn.cable.count;
    plane.cables += drawn.cable.count;
    if (drawn.a < chips) plane.port[drawn.a] += rate;
    if (drawn.b < chips) plane.port[drawn.b] += rate;
    if (drawn.a >= chips || drawn.b >= chips) continue;
    plane.direct.resize(chips);
    plane.direct[drawn.a].push_back({.to = drawn.b, .rate = rate});
    plane.direct[drawn.b].push_back({.to = drawn.a, .rate = rate});
  }
}

/// Leaf domains = components under the cables that end at a chip and stay inside; what leaves one is its trunk.
void add_domains(PlaneGraph& plane, std::uint32_t vertices, std::uint32_t chips) {
  const std::vector<std::uint32_t> component =
      components(vertices, edges_of(plane.drawn, [&](const DrawnCable& drawn) {
                   return drawn.cable.tier == 0 && (drawn.a < chips || drawn.b < chips);
                 }));
  std::vector<std::uint32_t> domain_of(vertices, vertices);  // component -> domain; `vertices` = no chip in it
  plane.domain.assign(chips, 0);
  for (std::uint32_t chip = 0; chip < chips; ++chip) {
    if (plane.port[chip].value() <= 0.0) continue;
    std::uint32_t& domain = domain_of[component[chip]];
    if (domain == vertices) {
      domain = static_cast<std::uint32_t>(plane.domains.size());
      plane.domains.push_back({.chips = 0, .trunk = {}, .pod = 0, .first_chip = chip});
    }
    plane.domain[chip] = domain;
    ++plane.domains[domain].chips;
  }
  plane.info.domains = static_cast<std::uint32_t>(plane.domains.size());
  for (DrawnDevice& device : plane.devices) {
    const std::uint32_t domain = domain_of[component[device.cables[0].to]];
    if (domain != vertices) device.domain = domain;
  }
  // What leaves a lone domain leads nowhere, unless a store stands there.
  const bool alone = std::all_of(plane.devices.begin(), plane.devices.end(),
                                 [](const DrawnDevice& device) { return device.domain.has_value(); });
  if (plane.domains.size() < 2 && alone) return;
  for (const DrawnCable& drawn : plane.drawn) {
    if (component[drawn.a] == component[drawn.b]) continue;
    for (const std::uint32_t end : {drawn.a, drawn.b}) {
      if (const std::uint32_t domain = domain_of[component[end]]; domain != vertices) {
        plane.domains[domain].trunk += drawn.cable.rate * drawn.cable.count;
      }
    }
  }
}

/// Pods = components without the cables to the core switches; none where nothing leads to such.
void add_pods(PlaneGraph& plane, std::uint32_t vertices) {
  const auto to_core = [](const DrawnCable& drawn) { return drawn.cable.tier == 2; };
  if (std::none_of(plane.drawn.begin(), plane.drawn.end(), to_core)) return;
  const std::vector<std::uint32_t> component =
      components(vertices, edges_of(plane.drawn, [&](const DrawnCable& drawn) { return !to_core(drawn); }));
  std::map<std::uint32_t, std::uint32_t> pod_of;  // component -> pod
  for (LeafDomain& domain : plane.domains) {
    const auto [entry, is_new] =
        pod_of.emplace(component[domain.first_chip], static_cast<std::uint32_t>(plane.pods.size()));
    if (is_new) plane.pods.push_back({});
    domain.pod = entry->second;
    plane.pods[domain.pod].chips += domain.chips;
  }
  for (const DrawnCable& drawn : plane.drawn) {
    if (!to_core(drawn)) continue;
    for (const std::uint32_t end : {drawn.a, drawn.b}) {
      if (const auto pod = pod_of.find(component[end]); pod != pod_of.end()) {
        plane.pods[pod->second].trunk += drawn.cable.rate * drawn.cable.count;
      }
    }
  }
  plane.info.pods = static_cast<std::uint32_t>(plane.pods.size());
}

/// Whether every chip reaches every other one of its site.
bool joins_sites(const PlaneGraph& plane, std::uint32_t vertices, const std::vector<ChipPlace>& chips) {
  const auto all = [](const DrawnCable&) { return true; };
  const std::vector<std::uint32_t> component = components(vertices, edges_of(plane.drawn, all));
  std::map<std::string, std::uint32_t> of_site;
  for (std::uint32_t chip = 0; chip < chips.size(); ++chip) {
    if (plane.port[chip].value() <= 0.0) return false;
    if (of_site.emplace(chips[chip].site, component[chip]).first->second != component[chip]) return false;
  }
  return true;
}

PlanePaths paths_of(std::uint32_t vertices, const std::vector<DrawnCable>& cables,
                    const std::optional<TorusGrid>& torus) {
  if (torus) return PlanePaths(*torus);
  return PlanePaths(vertices, edges_of(cables, [](const DrawnCable&) { return true; }));
}

}  // namespace

TopologyBuilder::TopologyBuilder(std::string name) : name_(std::move(name)) {}

VertexId TopologyBuilder::add_chip(ChipPlace place) {
  expect(planes_.empty(), "all chips come before the first plane");
  chips_.push_back(std::move(place));
  return VertexId{static_cast<std::uint32_t>(chips_.size() - 1)};
}

PlaneId TopologyBuilder::add_plane(PlaneInfo info) {
  planes_.push_back({.info = std::move(info),
                     .vertices = static_cast<std::uint32_t>(chips_.size()),
                     .switches = 0,
                     .cables = {},
                     .torus = {},
                     .devices = {}});
  return PlaneId{static_cast<std::uint32_t>(planes_.size() - 1)};
}

VertexId TopologyBuilder::add_switch(PlaneId plane) {
  ++planes_.at(plane.index()).switches;
  return add_shared_port(plane);
}

VertexId TopologyBuilder::add_shared_port(PlaneId plane) { return VertexId{planes_.at(plane.index()).vertices++}; }

void TopologyBuilder::connect(PlaneId plane, VertexId a, VertexId b, const CableSpec& cable) {
  Plane& drawing = planes_.at(plane.index());
  expect(a.index() < drawing.vertices && b.index() < drawing.vertices && a != b, "a cable joins two ends of its plane");
  expect(cable.count >= 1 && cable.rate.value() > 0.0, "a cable exists and carries something");
  drawing.cables.push_back({.a = a.index(), .b = b.index(), .cable = cable});
}

void TopologyBuilder::place_in_torus(PlaneId plane, const TorusGrid& grid, VertexId chip, const TorusPlace& place) {
  std::optional<TorusGrid>& torus = planes_.at(plane.index()).torus;
  if (!torus) {
    torus = grid;
    torus->places.assign(chips_.size(), {});
  }
  torus->places.at(chip.index()) = place;
}

StoreId TopologyBuilder::add_store(StoreInfo info) {
  expect(info.plane.index() < planes_.size(), "a store stands on a plane");
  stores_.push_back(std::move(info));
  return StoreId{static_cast<std::uint32_t>(stores_.size() - 1)};
}

void TopologyBuilder::add_device(StoreId store, const std::vector<VertexId>& above, const CableSpec& cable) {
  StoreInfo& info = stores_.at(store.index());
  Plane& drawing = planes_.at(info.plane.index());
  DrawnDevice& device = drawing.devices.emplace_back();
  device.store = store;
  device.number = info.devices++;
  const auto count = static_cast<std::uint32_t>(above.size());
  expect(count > 0 && cable.count >= 1 && cable.rate.value() > 0.0, "a device has cables to something");
  for (std::uint32_t i = 0; i < std::min(count, cable.count); ++i) {
    const VertexId to = above[(device.number * cable.count + i) % count];  // devices in turn start where the last ended
    expect(to.index() >= chips_.size() && to.index() < drawing.vertices, "a device hangs on a switch of its plane");
    CableSpec some = cable;
    some.count = cable.count / count + (i < cable.count % count ? 1 : 0);
    device.cables.push_back({.to = to.index(), .cable = some});
  }
}

Topology TopologyBuilder::build() {
  const auto chips = static_cast<std::uint32_t>(chips_.size());
  auto graph = std::make_unique<Topology::Graph>();
  bool joined = false;
  for (Plane& drawing : planes_) {
    for (const PlaneInfo& other : graph->infos) {
      if (other.name == drawing.info.name) throw SpecError("planes", "two planes are called '" + other.name + "'");
    }
    const std::uint32_t vertices = drawing.vertices;
    PlaneGraph plane{.info = std::move(drawing.info),
                     .vertices = vertices,
                     .switches = drawing.switches,
                     .cables = 0,
                     .port = {},
                     .domain = {},
                     .domains = {},
                     .pods = {},
                     .direct = {},
                     .drawn = std::move(drawing.cables),
                     .devices = std::move(drawing.devices),
                     .torus = {},
                     .paths = PlanePaths(TorusGrid{})};
    plane.paths = paths_of(vertices, plane.drawn, drawing.torus);
    plane.torus = std::move(drawing.torus);
    add_ports(plane, chips);
    add_domains(plane, vertices, chips);
    add_pods(plane, vertices);
    const PlaneId id{static_cast<std::uint32_t>(graph->planes.size())};
    if (plane.info.wide_area) {
      graph->wide_area = id;
    } else if (!plane.info.aside && joins_sites(plane, vertices, chips_)) {
      graph->scale_out = id;
      joined = true;
    }
    graph->infos.push_back(plane.info);
    graph->planes.push_back(std::move(plane));
  }
  if (chips == 0) throw SpecError("nodes", "a machine needs at least one chip");
  if (!joined) throw SpecError("planes", "no plane joins all chips; add one that does");
  graph->name = std::move(name_);
  graph->chips = std::move(chips_);
  graph->stores = std::move(stores_);
  planes_.clear();
  return Topology(std::move(graph));
}

}  // namespace tokenyard::topologies
