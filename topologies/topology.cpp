#include "topologies/topology.hpp"

#include "models/base/errors.hpp"
#include "topologies/topology_graph.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace tokenyard::topologies {
namespace {

/// REQUIRES (of whoever asks): chip and plane exist.
void require_port(const Topology& topology, const PlaneGraph& plane, ChipId chip) {
  if (plane.port.at(chip.index()).value() > 0.0) return;
  throw SpecError("plane", "chip " + std::to_string(chip.index()) + " (" + topology.place(chip).kind +
                               ") has no port on '" + plane.info.name + "'");
}

/// What a chip can send to the others of its group: all of its port through switches, but of direct cables only those
/// that lead to members.
BytesPerSecond port_within(const PlaneGraph& plane, ChipId chip, const std::set<std::uint32_t>& members) {
  BytesPerSecond rate = plane.port[chip.index()];
  if (plane.direct.empty() || members.size() < 2) return rate;
  for (const DirectLink& link : plane.direct[chip.index()]) {
    if (!members.contains(link.to)) rate -= link.rate;
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

GroupView Topology::view(std::span<const ChipId> chips, PlaneId plane) const {
  expect(!chips.empty(), "a group has at least one chip");
  const PlaneGraph& on = graph_->planes.at(plane.index());
  std::set<std::uint32_t> members;
  std::set<std::uint32_t> domains;
  std::vector<std::uint32_t> vertices;
  for (const ChipId chip : chips) {
    require_port(*this, on, chip);
    members.insert(chip.index());
    domains.insert(on.domain[chip.index()]);
    vertices.push_back(chip.index());
  }
  GroupView seen{.ranks = static_cast<std::uint32_t>(chips.size()),
                 .domains = static_cast<std::uint32_t>(domains.size()),
                 .port = {},
                 .uplink = {},
                 .latency = on.paths.largest_latency(vertices)};
  seen.port = port_within(on, chips.front(), members) * on.info.efficiency;
  for (const ChipId chip : chips) seen.port = std::min(seen.port, port_within(on, chip, members) * on.info.efficiency);
  seen.uplink = seen.port;
  if (domains.size() == 1) return seen;
  for (const std::uint32_t domain : domains) {
    const LeafDomain& leaf = on.domains[domain];
    seen.uplink = std::min(seen.uplink, leaf.trunk * (on.info.efficiency * on.info.path_efficiency / leaf.chips));
  }
  return seen;
}

FlowNetwork Topology::flow_network(PlaneId plane, const std::vector<std::vector<ChipId>>& groups) const {
  const PlaneGraph& on = graph_->planes.at(plane.index());
  FlowNetwork network{.plane = on.info.name,
                      .domains = {},
                      .endpoints = {},
                      .of_group = {},
                      .latency_inside = {},
                      .latency_across = {}};
  for (std::uint32_t i = 0; i < on.domains.size(); ++i) {
    network.domains.push_back({.name = "domain " + std::to_string(i),
                               .trunk = on.domains[i].trunk * (on.info.efficiency * on.info.path_efficiency)});
  }
  std::vector<std::uint32_t> everyone;                                   // chips that a flow may start or end at
  std::vector<std::vector<std::uint32_t>> in_domain(on.domains.size());  // the same by domain
  for (std::uint32_t group = 0; group < groups.size(); ++group) {
    std::vector<BytesPerSecond> rate(on.domains.size());
    for (const ChipId chip : groups[group]) {
      require_port(*this, on, chip);
      rate[on.domain[chip.index()]] += on.port[chip.index()] * on.info.efficiency;
      everyone.push_back(chip.index());
      in_domain[on.domain[chip.index()]].push_back(chip.index());
    }
    const auto spanned = std::count_if(rate.begin(), rate.end(), [](BytesPerSecond r) { return r.value() > 0.0; });
    network.of_group.emplace_back();
    for (std::uint32_t domain = 0; domain < rate.size(); ++domain) {
      if (rate[domain].value() <= 0.0) continue;
      network.of_group.back().push_back(EndpointId{static_cast<std::uint32_t>(network.endpoints.size())});
      network.endpoints.push_back(
          {.name = "group " + std::to_string(group) + (spanned > 1 ? " domain " + std::to_string(domain) : ""),
           .domain = domain,
           .bandwidth = rate[domain]});
    }
  }
  for (const std::vector<std::uint32_t>& chips : in_domain) {
    network.latency_inside = std::max(network.latency_inside, on.paths.largest_latency(chips));
  }
  network.latency_across = on.paths.largest_latency(everyone);
  return network;
}

}  // namespace tokenyard::topologies
