#include "topologies/topology.hpp"

#include "models/base/errors.hpp"
#include "topologies/topology_graph.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace tokenyard::topologies {
namespace {

/// What a chip can send to the others of its group: all of its port through switches, but of direct cables only those
/// that lead to members; where none does, what comes is passed on by others, and goes out over one cable.
BytesPerSecond port_within(const PlaneGraph& plane, ChipId chip, const std::set<std::uint32_t>& members) {
  BytesPerSecond rate = plane.port[chip.index()];
  if (plane.direct.empty() || members.size() < 2 || plane.direct[chip.index()].empty()) return rate;
  BytesPerSecond narrowest = rate;
  bool neighbours = false;
  for (const DirectLink& link : plane.direct[chip.index()]) {
    narrowest = std::min(narrowest, link.rate);
    if (members.contains(link.to)) {
      neighbours = true;
    } else {
      rate -= link.rate;
    }
  }
  return neighbours ? rate : narrowest;
}

/// GroupView::exchange: of a torus its links' load decides, taken of its largest slice.
BytesPerSecond exchange_rate(const PlaneGraph& plane, std::span<const ChipId> chips, BytesPerSecond port) {
  if (!plane.torus) return port;
  std::map<std::uint32_t, std::vector<TorusPlace>> slices;
  BytesPerSecond link = port;  // the slowest cable that a chip of the set has
  for (const ChipId chip : chips) {
    const TorusPlace& place = plane.torus->places[chip.index()];
    slices[place.slice].push_back(place);
    for (const DirectLink& cable : plane.direct[chip.index()]) {
      link = std::min(link, cable.rate * plane.info.efficiency);
    }
  }
  BytesPerSecond rate = port;
  for (const auto& [slice, places] : slices) {
    if (places.size() > 1) rate = std::min(rate, link * exchange_links(*plane.torus, places));
  }
  return rate;
}

PathLength path(const Topology& topology, const PlaneGraph& plane, ChipId from, ChipId to) {
  expect(from.index() < topology.chip_count() && to.index() < topology.chip_count(), "both chips exist");
  if (const auto length = plane.paths.between(from.index(), to.index())) return *length;
  throw SpecError("plane", "there is no way from chip " + std::to_string(from.index()) + " to chip " +
                               std::to_string(to.index()) + " on '" + plane.info.name + "'");
}

}  // namespace

void require_port(const Topology& topology, const PlaneGraph& plane, ChipId chip) {
  if (plane.port.at(chip.index()).value() > 0.0) return;
  throw SpecError("plane", "chip " + std::to_string(chip.index()) + " (" + topology.place(chip).kind +
                               ") has no port on '" + plane.info.name + "'");
}

Topology::Topology(std::unique_ptr<Graph> graph) : graph_(std::move(graph)) {}
Topology::~Topology() = default;
Topology::Topology(Topology&&) noexcept = default;
Topology& Topology::operator=(Topology&&) noexcept = default;

const std::string& Topology::name() const { return graph_->name; }
std::uint32_t Topology::chip_count() const { return static_cast<std::uint32_t>(graph_->chips.size()); }
const ChipPlace& Topology::place(ChipId chip) const { return graph_->chips.at(chip.index()); }
const std::vector<PlaneInfo>& Topology::planes() const { return graph_->infos; }
PlaneId Topology::scale_up() const { return PlaneId{0}; }
PlaneId Topology::scale_out() const { return graph_->scale_out; }
std::optional<PlaneId> Topology::wide_area() const { return graph_->wide_area; }

PlaneId Topology::front_end() const {
  for (std::uint32_t i = 0; i < graph_->infos.size(); ++i) {
    if (graph_->infos[i].front_end) return PlaneId{i};
  }
  return scale_out();
}

const std::vector<StoreInfo>& Topology::stores() const { return graph_->stores; }

bool Topology::one_site(std::span<const ChipId> chips) const {
  return std::all_of(chips.begin(), chips.end(),
                     [&](ChipId chip) { return place(chip).site == place(chips.front()).site; });
}

PlaneId Topology::plane(const std::string& name) const {
  std::string all;
  for (std::uint32_t i = 0; i < graph_->infos.size(); ++i) {
    if (graph_->infos[i].name == name) return PlaneId{i};
    all += (all.empty() ? "" : ", ") + graph_->infos[i].name;
  }
  throw SpecError("plane", graph_->name + " has no plane '" + name + "'; it has: " + all);
}

std::uint32_t Topology::switch_count(PlaneId plane) const { return graph_->planes.at(plane.index()).switches; }
std::uint64_t Topology::cable_count(PlaneId plane) const { return graph_->planes.at(plane.index()).cables; }
const std::vector<DrawnCable>& Topology::cables(PlaneId plane) const { return graph_->planes.at(plane.index()).drawn; }
std::uint32_t Topology::vertex_count(PlaneId plane) const { return graph_->planes.at(plane.index()).vertices; }

BytesPerSecond Topology::port(ChipId chip, PlaneId plane) const {
  return graph_->planes.at(plane.index()).port.at(chip.index());
}

BytesPerSecond Topology::injection(PlaneId plane) const {
  BytesPerSecond sum;
  for (const BytesPerSecond port : graph_->planes.at(plane.index()).port) sum += port;
  return sum;
}

std::uint32_t Topology::hops(ChipId from, ChipId to, PlaneId plane) const {
  return path(*this, graph_->planes.at(plane.index()), from, to).hops;
}

Seconds Topology::latency(ChipId from, ChipId to, PlaneId plane) const {
  return path(*this, graph_->planes.at(plane.index()), from, to).latency;
}

std::uint32_t Topology::domain(ChipId chip, PlaneId plane) const {
  const PlaneGraph& on = graph_->planes.at(plane.index());
  expect(on.port.at(chip.index()).value() > 0.0, "the chip has a port on the plane");
  return on.domain[chip.index()];
}

BytesPerSecond Topology::trunk(std::uint32_t domain, PlaneId plane) const {
  return graph_->planes.at(plane.index()).domains.at(domain).trunk;
}

std::uint32_t Topology::pod(std::uint32_t domain, PlaneId plane) const {
  return graph_->planes.at(plane.index()).domains.at(domain).pod;
}

const TorusGrid* Topology::torus(PlaneId plane) const {
  const auto& grid = graph_->planes.at(plane.index()).torus;
  return grid ? &*grid : nullptr;
}

std::vector<std::optional<PathLength>> Topology::paths_from(ChipId chip, PlaneId plane) const {
  std::vector<std::uint32_t> all(chip_count());
  std::iota(all.begin(), all.end(), 0U);
  return graph_->planes.at(plane.index()).paths.from(chip.index(), all);
}

GroupView Topology::view(std::span<const ChipId> chips, PlaneId plane) const {
  expect(!chips.empty(), "a group has at least one chip");
  const PlaneGraph& on = graph_->planes.at(plane.index());
  std::set<std::uint32_t> members;
  std::map<std::uint32_t, std::vector<std::uint32_t>> domains;
  std::set<std::uint32_t> pods;
  std::vector<std::uint32_t> vertices;
  for (const ChipId chip : chips) {
    require_port(*this, on, chip);
    members.insert(chip.index());
    domains[on.domain[chip.index()]].push_back(chip.index());
    pods.insert(on.domains[on.domain[chip.index()]].pod);
    vertices.push_back(chip.index());
  }
  GroupView seen{.ranks = static_cast<std::uint32_t>(chips.size()),
                 .domains = static_cast<std::uint32_t>(domains.size()),
                 .port = {},
                 .exchange = {},
                 .uplink = {},
                 .latency = on.paths.largest_latency(vertices)};
  seen.latency_inside = seen.latency;
  if (domains.size() > 1) {
    seen.latency_inside = {};
    for (const auto& [domain, inside] : domains) {
      seen.latency_inside = std::max(seen.latency_inside, on.paths.largest_latency(inside));
    }
  }
  seen.neighbour = on.torus ? std::min(on.torus->hop, seen.latency_inside) : seen.latency_inside;
  seen.port = port_within(on, chips.front(), members) * on.info.efficiency;
  for (const ChipId chip : chips) seen.port = std::min(seen.port, port_within(on, chip, members) * on.info.efficiency);
  seen.exchange = exchange_rate(on, chips, seen.port);
  seen.uplink = seen.port;
  if (domains.size() == 1) return seen;
  for (const auto& [domain, inside] : domains) {
    const LeafDomain& leaf = on.domains[domain];
    seen.uplink = std::min(seen.uplink, leaf.trunk * (on.info.efficiency * on.info.path_efficiency / leaf.chips));
  }
  if (pods.size() == 1) return seen;
  for (const std::uint32_t pod : pods) {
    const Pod& above = on.pods[pod];
    seen.uplink = std::min(seen.uplink, above.trunk * (on.info.efficiency * on.info.path_efficiency / above.chips));
  }
  return seen;
}

}  // namespace tokenyard::topologies
