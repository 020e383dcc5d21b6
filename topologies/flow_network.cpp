#include "topologies/topology.hpp"

#include "models/base/errors.hpp"
#include "topologies/topology_graph.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace tokenyard::topologies {
namespace {

/// Rate of a group's ports in one domain; of direct cables those that leave the group.
BytesPerSecond leaving(const PlaneGraph& plane, ChipId chip, const std::set<std::uint32_t>& members) {
  BytesPerSecond rate = plane.port[chip.index()];
  if (plane.direct.empty()) return rate;
  for (const DirectLink& link : plane.direct[chip.index()]) {
    if (members.contains(link.to)) rate -= link.rate;
  }
  return rate;
}

/// A domain of its own under the core for a pool that stands above the leaf domains, or in several.
std::uint32_t add_pool_domain(const PlaneGraph& on, const StoreInfo& store, FlowNetwork& network) {
  const BytesPerSecond trunk =
      store.port * (on.info.efficiency * on.info.path_efficiency * static_cast<double>(store.devices));
  FlowDomain domain{.name = "domain " + store.name, .trunk = trunk};
  if (!on.pods.empty()) {
    domain.pod = static_cast<std::uint32_t>(network.pods.size());
    network.pods.push_back({.name = "pod " + store.name, .trunk = trunk});
  }
  network.domains.push_back(std::move(domain));
  return static_cast<std::uint32_t>(network.domains.size() - 1);
}

/// `devices` of a store as one endpoint.
EndpointId add_device(const StoreInfo& store, std::string name, std::uint32_t domain, double devices,
                      FlowNetwork& network) {
  network.endpoints.push_back(
      {.name = std::move(name), .domain = domain, .bandwidth = store.read * devices, .receive = store.write * devices});
  return EndpointId{static_cast<std::uint32_t>(network.endpoints.size() - 1)};
}

/// REQUIRES: the groups' endpoints are there.
void add_store(const PlaneGraph& on, const StoreInfo& store, StoreId id, const std::set<std::uint32_t>& domains,
               FlowNetwork& network) {
  expect(on.info.name == network.plane, "a store is asked for on its plane");
  FlowStore flows{.store = id, .endpoints = {}};
  if (store.kind == StoreKind::Pool) {
    // Under one leaf nothing lies between it and the chips.
    const std::uint32_t domain = is_beyond(on, id) ? add_pool_domain(on, store, network) : 0;
    flows.endpoints.push_back(add_device(store, store.name, domain, store.devices, network));
  } else {
    for (const std::uint32_t domain : domains) {
      flows.endpoints.push_back(add_device(store, store.name + " " + std::to_string(domain), domain, 1.0, network));
    }
  }
  network.stores.push_back(std::move(flows));
}

}  // namespace

Seconds FlowNetwork::latency(EndpointId from, EndpointId to) const {
  const std::uint32_t a = endpoints.at(from.index()).domain;
  const std::uint32_t b = endpoints.at(to.index()).domain;
  if (a == b) return latency_inside;
  return pods.empty() || domains[a].pod == domains[b].pod ? latency_across : latency_pods;
}

FlowNetwork Topology::flow_network(PlaneId plane, const std::vector<std::vector<ChipId>>& groups,
                                   const std::vector<StoreId>& stores) const {
  const PlaneGraph& on = graph_->planes.at(plane.index());
  const double share = on.info.efficiency * on.info.path_efficiency;
  FlowNetwork network;
  network.plane = on.info.name;
  network.flow_limit = on.info.flow_limit * on.info.efficiency;
  for (std::uint32_t i = 0; i < on.pods.size(); ++i) {
    network.pods.push_back({.name = "pod " + std::to_string(i), .trunk = on.pods[i].trunk * share});
  }
  for (std::uint32_t i = 0; i < on.domains.size(); ++i) {
    network.domains.push_back(
        {.name = "domain " + std::to_string(i), .trunk = on.domains[i].trunk * share, .pod = on.domains[i].pod});
  }
  std::vector<std::uint32_t> everyone;                                   // chips that a flow may start or end at
  std::vector<std::vector<std::uint32_t>> in_domain(on.domains.size());  // the same by domain
  std::vector<std::vector<std::uint32_t>> in_pod(on.pods.size());        // the same by pod
  for (std::uint32_t group = 0; group < groups.size(); ++group) {
    std::map<std::uint32_t, BytesPerSecond> rate;  // by domain
    std::set<std::uint32_t> members;
    for (const ChipId chip : groups[group]) members.insert(chip.index());
    for (const ChipId chip : groups[group]) {
      require_port(*this, on, chip);
      const std::uint32_t domain = on.domain[chip.index()];
      rate[domain] += leaving(on, chip, members) * on.info.efficiency;
      everyone.push_back(chip.index());
      in_domain[domain].push_back(chip.index());
      if (!on.pods.empty()) in_pod[on.domains[domain].pod].push_back(chip.index());
    }
    network.of_group.emplace_back();
    for (const auto& [domain, bandwidth] : rate) {
      network.of_group.back().push_back(EndpointId{static_cast<std::uint32_t>(network.endpoints.size())});
      network.endpoints.push_back(
          {.name = "group " + std::to_string(group) + (rate.size() > 1 ? " domain " + std::to_string(domain) : ""),
           .domain = domain,
           .bandwidth = bandwidth});
    }
  }
  std::set<std::uint32_t> held;
  for (std::uint32_t domain = 0; domain < in_domain.size(); ++domain) {
    if (!in_domain[domain].empty()) held.insert(domain);
  }
  for (const StoreId store : stores) add_store(on, graph_->stores.at(store.index()), store, held, network);
  for (const std::vector<std::uint32_t>& chips : in_domain) {
    network.latency_inside = std::max(network.latency_inside, on.paths.largest_latency(chips));
  }
  network.latency_pods = on.paths.largest_latency(everyone);
  network.latency_across = network.latency_pods;
  if (on.pods.empty()) return network;
  network.latency_across = {};
  for (const std::vector<std::uint32_t>& chips : in_pod) {
    network.latency_across = std::max(network.latency_across, on.paths.largest_latency(chips));
  }
  return network;
}

}  // namespace tokenyard::topologies
