#include "sim/run/chip_networks.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace tokenyard {
namespace {

/// Groups of `size` neighbours among the instance's chips.
serving::GroupFlows group_flows(ChipNetworks& networks, const topologies::Topology& topology,
                                const PlacedInstance& instance, std::uint32_t size, const GroupPlanes& planes,
                                const cost::GroupLinks& links) {
  serving::GroupFlows kind{.inside = networks.on(planes.inside), .uplink = links.uplink};
  kind.across = links.domains > 1 ? networks.on(planes.across) : kind.inside;
  if (links.exchange > BytesPerSecond{}) kind.forwarding = links.port / links.exchange;
  const topologies::FlowNetwork& inside = networks.networks()[kind.inside];
  for (std::uint32_t first = 0; first < instance.chips.size(); first += size) {
    std::map<std::uint32_t, std::vector<std::uint32_t>> domains;
    for (std::uint32_t place = first; place < first + size; ++place) {
      const ChipId chip = instance.chips[place];
      const BytesPerSecond port = inside.endpoints[networks.endpoint(kind.inside, chip).index()].bandwidth;
      kind.port = kind.port > BytesPerSecond{} ? std::min(kind.port, port) : port;
      domains[topology.domain(chip, planes.inside)].push_back(place);
    }
    auto& group = kind.groups.emplace_back();
    for (auto& [domain, members] : domains) group.push_back(std::move(members));
  }
  return kind;
}

}  // namespace

ChipNetworks::ChipNetworks(const topologies::Topology& topology, const std::vector<std::vector<PlacedInstance>>& placed,
                           TierStores stores)
    : topology_(topology), stores_(std::move(stores)) {
  for (const std::vector<PlacedInstance>& instances : placed) {
    for (const PlacedInstance& instance : instances) {
      const std::vector<ChipId> all = instance.all();
      chips_.insert(chips_.end(), all.begin(), all.end());
    }
  }
}

std::size_t ChipNetworks::on(PlaneId plane) {
  const auto known = std::find(planes_.begin(), planes_.end(), plane);
  if (known != planes_.end()) return static_cast<std::size_t>(known - planes_.begin());
  std::vector<std::vector<ChipId>> groups;
  for (const ChipId chip : chips_) {
    if (topology_.port(chip, plane) > BytesPerSecond{}) groups.push_back({chip});
  }
  topologies::FlowNetwork network = topology_.flow_network(plane, groups, stores_on(topology_, stores_, plane));
  auto& endpoints = of_chip_.emplace_back();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const EndpointId endpoint = network.of_group[i].at(0);
    network.endpoints[endpoint.index()].name = "chip " + std::to_string(groups[i][0].index());
    endpoints.emplace(groups[i][0].index(), endpoint);
  }
  planes_.push_back(plane);
  networks_.push_back(std::move(network));
  return networks_.size() - 1;
}

EndpointId ChipNetworks::endpoint(std::size_t network, ChipId chip) const {
  const auto& endpoints = of_chip_.at(network);
  const auto found = endpoints.find(chip.index());
  expect(found != endpoints.end(), "the chip has a port on the network's plane");
  return found->second;
}

namespace {

/// Between the chips of both sides of an instance.
serving::TripWiring trip_wiring(ChipNetworks& networks, const PlacedInstance& instance, const GroupPlanes& planes,
                                const cost::GroupLinks& links) {
  const bool one = links.domains == 1;
  serving::TripWiring wiring{.network = networks.on(one ? planes.inside : planes.across),
                             .rate = one ? links.port : links.uplink};
  for (const ChipId chip : instance.chips) wiring.attention.push_back(networks.endpoint(wiring.network, chip));
  for (const ChipId chip : instance.ffn) wiring.ffn.push_back(networks.endpoint(wiring.network, chip));
  return wiring;
}

}  // namespace

serving::StepWiring step_wiring(ChipNetworks& networks, const topologies::Topology& topology,
                                const PlacedInstance& instance, const models::ParallelPlan& plan,
                                const config::PlaneChoice& planes, const cost::NetworkFigures& figures,
                                std::uint32_t rounds) {
  serving::StepWiring wiring{.endpoints = {}, .tensor = {}, .expert = {}, .rounds = rounds};
  if (!instance.ffn.empty()) {
    wiring.trips = trip_wiring(networks, instance, group_planes(topology, instance, planes.expert), figures.ffn);
    return wiring;
  }
  if (instance.chips.size() < 2) return wiring;
  if (plan.tensor > 1) {
    wiring.tensor = group_flows(networks, topology, instance, plan.tensor,
                                group_planes(topology, instance, planes.tensor), figures.tensor);
  }
  wiring.expert = group_flows(networks, topology, instance, plan.chips(),
                              group_planes(topology, instance, planes.expert), figures.expert);
  wiring.endpoints.resize(networks.networks().size());
  for (const std::size_t network :
       {wiring.tensor.inside, wiring.tensor.across, wiring.expert.inside, wiring.expert.across}) {
    if (!wiring.endpoints[network].empty()) continue;
    for (const ChipId chip : instance.chips) wiring.endpoints[network].push_back(networks.endpoint(network, chip));
  }
  return wiring;
}

}  // namespace tokenyard
