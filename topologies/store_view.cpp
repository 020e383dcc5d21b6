#include "topologies/topology.hpp"

#include "models/base/errors.hpp"
#include "topologies/topology_graph.hpp"

#include <algorithm>
#include <map>

namespace tokenyard::topologies {
namespace {

/// Ways from the chips to the devices that each of them uses: all of a pool, else the one in its leaf domain.
struct Ways {
  PathLength longest;
  bool complete = true;  ///< no chip lacks one
};

Ways ways_of(const PlaneGraph& on, const StoreInfo& store, StoreId id, std::span<const ChipId> chips) {
  Ways ways;
  std::vector<std::uint32_t> everyone;
  std::map<std::uint32_t, std::vector<std::uint32_t>> by_domain;
  for (const ChipId chip : chips) {
    if (on.port.at(chip.index()).value() <= 0.0) return {.longest = {}, .complete = false};
    everyone.push_back(chip.index());
    by_domain[on.domain[chip.index()]].push_back(chip.index());
  }
  const bool pool = store.kind == StoreKind::Pool;
  std::size_t served = 0;
  for (const DrawnDevice& device : on.devices) {
    if (device.store != id) continue;
    const auto here = pool || !device.domain ? by_domain.end() : by_domain.find(*device.domain);
    if (!pool && here == by_domain.end()) continue;
    const DrawnDevice::Cable& cable = device.cables[0];  // all its cables are alike
    const std::vector<std::uint32_t>& users = pool ? everyone : here->second;
    served += users.size();
    for (const auto& way : on.paths.from(cable.to, users)) {
      if (!way) return {.longest = {}, .complete = false};
      ways.longest = std::max(ways.longest, {way->hops + 1, way->latency + cable.cable.latency});
    }
  }
  ways.complete = served >= chips.size();
  return ways;
}

}  // namespace

const char* name(StoreKind kind) {
  return kind == StoreKind::Host ? "host" : kind == StoreKind::Nvme ? "nvme" : "pool";
}

bool is_beyond(const PlaneGraph& plane, StoreId store) {
  return plane.domains.size() > 1 ||
         std::any_of(plane.devices.begin(), plane.devices.end(),
                     [&](const DrawnDevice& device) { return device.store == store && !device.domain.has_value(); });
}

const std::vector<DrawnDevice>& Topology::devices(PlaneId plane) const {
  return graph_->planes.at(plane.index()).devices;
}

bool Topology::reaches(std::span<const ChipId> chips, StoreId store) const {
  const StoreInfo& info = graph_->stores.at(store.index());
  const PlaneGraph& on = graph_->planes[info.plane.index()];
  return ways_of(on, info, store, chips).complete;
}

StoreView Topology::view_of_store(std::span<const ChipId> chips, StoreId store) const {
  const StoreInfo& info = graph_->stores.at(store.index());
  const PlaneGraph& on = graph_->planes[info.plane.index()];
  expect(!chips.empty(), "somebody looks at the store");
  struct Side {
    double chips = 0.0;
    BytesPerSecond ports;  // payload
  };
  std::map<std::uint32_t, Side> domains;
  std::map<std::uint32_t, Side> pods;
  const Ways ways = ways_of(on, info, store, chips);
  expect(ways.complete, "the chips reach the store");
  StoreView seen{.hops = ways.longest.hops, .latency = ways.longest.latency};
  for (const ChipId chip : chips) {
    const std::uint32_t domain = on.domain[chip.index()];
    const BytesPerSecond port = on.port[chip.index()] * on.info.efficiency;
    for (Side* const side : {&domains[domain], &pods[on.domains[domain].pod]}) {
      side->chips += 1.0;
      side->ports += port;
    }
  }
  const auto all = static_cast<double>(chips.size());
  const bool pool = info.kind == StoreKind::Pool;
  const double share = on.info.efficiency * on.info.path_efficiency;
  const auto limit = [&](BytesPerSecond device) {
    // Equal parts: the narrowest way for what it has to carry decides.
    BytesPerSecond rate = device * (pool ? static_cast<double>(info.devices) : all);
    for (const auto& [domain, side] : domains) {
      BytesPerSecond here = side.ports;
      if (!pool) here = std::min(here, device);
      if (pool && is_beyond(on, store)) here = std::min(here, on.domains[domain].trunk * share);
      rate = std::min(rate, here * (all / side.chips));
    }
    if (!pool || on.pods.empty()) return rate;
    for (const auto& [pod, side] : pods) rate = std::min(rate, on.pods[pod].trunk * (share * all / side.chips));
    return rate;
  };
  seen.read = limit(info.read);
  seen.write = limit(info.write);
  if (pool) {
    seen.capacity = info.capacity * static_cast<double>(info.devices);
  } else {
    for (const auto& [domain, side] : domains) {
      seen.capacity += info.capacity * (side.chips / static_cast<double>(on.domains[domain].chips));
    }
  }
  return seen;
}

}  // namespace tokenyard::topologies
