#include "topologies/topology_builder.hpp"

#include "models/base/errors.hpp"
#include "topologies/topology_graph.hpp"

#include <algorithm>
#include <utility>

namespace tokenyard::topologies {
namespace {

/// Cables with a chip at one end: what a leaf domain is made of.
template <class Cables>
std::vector<Edge> first_cables(const Cables& cables, std::uint32_t chips) {
  std::vector<Edge> edges;
  for (const auto& drawn : cables) {
    if (drawn.a < chips || drawn.b < chips)
      edges.push_back({.a = drawn.a, .b = drawn.b, .latency = drawn.cable.latency});
  }
  return edges;
}

template <class Cables>
std::vector<Edge> all_edges(const Cables& cables) {
  std::vector<Edge> edges;
  edges.reserve(cables.size());
  for (const auto& drawn : cables) edges.push_back({.a = drawn.a, .b = drawn.b, .latency = drawn.cable.latency});
  return edges;
}

/// Ports and direct links of the chips.
template <class Cables>
void add_ports(PlaneGraph& plane, const Cables& cables, std::uint32_t chips) {
  plane.port.assign(chips, BytesPerSecond{});
  for (const auto& drawn : cables) {
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

/// Leaf domains = components under the first cables alone; what leaves one is its trunk.
template <class Cables>
void add_domains(PlaneGraph& plane, const Cables& cables, std::uint32_t vertices, std::uint32_t chips) {
  const std::vector<std::uint32_t> component = components(vertices, first_cables(cables, chips));
  std::vector<std::uint32_t> domain_of(vertices, vertices);  // component -> domain; `vertices` = no chip in it
  plane.domain.assign(chips, 0);
  for (std::uint32_t chip = 0; chip < chips; ++chip) {
    if (plane.port[chip].value() <= 0.0) continue;
    std::uint32_t& domain = domain_of[component[chip]];
    if (domain == vertices) {
      domain = static_cast<std::uint32_t>(plane.domains.size());
      plane.domains.push_back({});
    }
    plane.domain[chip] = domain;
    ++plane.domains[domain].chips;
  }
  plane.info.domains = static_cast<std::uint32_t>(plane.domains.size());
  if (plane.domains.size() < 2) return;  // what leaves a lone domain leads nowhere
  for (const auto& drawn : cables) {
    if (component[drawn.a] == component[drawn.b]) continue;
    for (const std::uint32_t end : {drawn.a, drawn.b}) {
      if (const std::uint32_t domain = domain_of[component[end]]; domain != vertices) {
        plane.domains[domain].trunk += drawn.cable.rate * drawn.cable.count;
      }
    }
  }
}

bool joins_all(const PlaneGraph& plane, const std::vector<Edge>& edges, std::uint32_t vertices, std::uint32_t chips) {
  const std::vector<std::uint32_t> component = components(vertices, edges);
  for (std::uint32_t chip = 0; chip < chips; ++chip) {
    if (plane.port[chip].value() <= 0.0 || component[chip] != component[0]) return false;
  }
  return true;
}

}  // namespace

TopologyBuilder::TopologyBuilder(std::string name) : name_(std::move(name)) {}

VertexId TopologyBuilder::add_chip(ChipPlace place) {
  expect(planes_.empty(), "all chips come before the first plane");
  chips_.push_back(std::move(place));
  return VertexId{static_cast<std::uint32_t>(chips_.size() - 1)};
}

PlaneId TopologyBuilder::add_plane(PlaneInfo info) {
  planes_.push_back(
      {.info = std::move(info), .vertices = static_cast<std::uint32_t>(chips_.size()), .switches = 0, .cables = {}});
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

Topology TopologyBuilder::build() {
  const auto chips = static_cast<std::uint32_t>(chips_.size());
  auto graph = std::make_unique<Topology::Graph>();
  bool joined = false;
  for (Plane& drawing : planes_) {
    for (const PlaneInfo& other : graph->infos) {
      if (other.name == drawing.info.name) throw SpecError("planes", "two planes are called '" + other.name + "'");
    }
    const std::vector<Edge> edges = all_edges(drawing.cables);
    PlaneGraph plane{.info = std::move(drawing.info),
                     .switches = drawing.switches,
                     .cables = 0,
                     .port = {},
                     .domain = {},
                     .domains = {},
                     .direct = {},
                     .joins_all = false,
                     .paths = PlanePaths(drawing.vertices, edges)};
    add_ports(plane, drawing.cables, chips);
    add_domains(plane, drawing.cables, drawing.vertices, chips);
    plane.joins_all = joins_all(plane, edges, drawing.vertices, chips);
    if (plane.joins_all) {
      graph->scale_out = PlaneId{static_cast<std::uint32_t>(graph->planes.size())};
      joined = true;
    }
    graph->infos.push_back(plane.info);
    graph->planes.push_back(std::move(plane));
  }
  if (chips == 0) throw SpecError("nodes", "a machine needs at least one chip");
  if (!joined) throw SpecError("planes", "no plane joins all chips; add one that does");
  graph->name = std::move(name_);
  graph->chips = std::move(chips_);
  planes_.clear();
  return Topology(std::move(graph));
}

}  // namespace tokenyard::topologies
