#pragma once

#include "models/base/ids.hpp"
#include "sim/config/experiment.hpp"
#include "sim/run/placement.hpp"
#include "sim/serving/contention.hpp"
#include "topologies/topology.hpp"

#include <vector>

namespace tokenyard {

/// Whether an instance has chips that hold its FFN alone, with ports on the plane.
[[nodiscard]] bool has_ffn_on(const topologies::Topology& topology, const PlacedInstance& instance, PlaneId plane);

/// Groups of chips that a network for KV has endpoints for, as footprints() below wants them.
[[nodiscard]] std::vector<std::vector<ChipId>> kv_groups(const topologies::Topology& topology, PlaneId plane,
                                                         const config::Experiment& experiment,
                                                         const std::vector<std::vector<PlacedInstance>>& placed);

/// Where the collectives of every instance meet the flows of `network`, which is that of `plane`: by instance, pools in
/// order. REQUIRES: the groups of `network` are the KV chips of every attention rank, pools, instances and ranks in
/// order, then the FFN chips of every instance for which has_ffn_on() holds.
[[nodiscard]] std::vector<serving::Footprint> footprints(const topologies::Topology& topology, PlaneId plane,
                                                         const topologies::FlowNetwork& network,
                                                         const config::Experiment& experiment,
                                                         const std::vector<std::vector<PlacedInstance>>& placed);

}  // namespace tokenyard
