#pragma once

#include "models/base/ids.hpp"
#include "models/cost/network_figures.hpp"
#include "models/llm/parallel_plan.hpp"
#include "sim/config/experiment.hpp"
#include "sim/run/instance_network.hpp"
#include "sim/run/placement.hpp"
#include "sim/run/tier_ways.hpp"
#include "sim/serving/step_flows.hpp"
#include "topologies/topology.hpp"

#include <cstddef>
#include <map>
#include <vector>

namespace tokenyard {

/// Networks for flows in which every chip of every instance is an endpoint of its own, "chip 12"; one a plane, made
/// when first asked for.
class ChipNetworks {
 public:
  /// `stores`: each is on the network of its plane. `topology` outlives the object.
  ChipNetworks(const topologies::Topology& topology, const std::vector<std::vector<PlacedInstance>>& placed,
               TierStores stores = {});

  /// Place of the plane's network in networks().
  std::size_t on(PlaneId plane);
  /// REQUIRES: the chip has a port on that network's plane.
  [[nodiscard]] EndpointId endpoint(std::size_t network, ChipId chip) const;
  [[nodiscard]] const std::vector<topologies::FlowNetwork>& networks() const { return networks_; }

 private:
  const topologies::Topology& topology_;
  TierStores stores_;
  std::vector<ChipId> chips_;
  std::vector<topologies::FlowNetwork> networks_;
  std::vector<PlaneId> planes_;                             // of each
  std::vector<std::map<std::size_t, EndpointId>> of_chip_;  // likewise
};

/// Where an instance's collectives become flows, on the planes that network_figures() took for `figures`. Tensor groups
/// are neighbours, all chips of the instance exchange experts. `rounds`: as StepWiring. REQUIRES: no pipeline.
[[nodiscard]] serving::StepWiring step_wiring(ChipNetworks& networks, const topologies::Topology& topology,
                                              const PlacedInstance& instance, const models::ParallelPlan& plan,
                                              const config::PlaneChoice& planes, const cost::NetworkFigures& figures,
                                              std::uint32_t rounds);

}  // namespace tokenyard
