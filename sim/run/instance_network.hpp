#pragma once

#include "models/base/ids.hpp"
#include "models/cost/communication.hpp"
#include "models/cost/network_figures.hpp"
#include "models/llm/parallel_plan.hpp"
#include "sim/config/experiment.hpp"
#include "sim/metrics/summary.hpp"
#include "sim/run/placement.hpp"
#include "topologies/topology.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tokenyard {

/// What `chips` see of the network, as network_figures() below takes it.
[[nodiscard]] cost::GroupLinks group_links(const topologies::Topology& topology, const std::vector<ChipId>& chips);

/// What the chips of an instance see of the network: inside a domain over the scale-up plane; between domains over the
/// scale-up plane where that joins them, else over the scale-out plane; for a kind of group that `planes` names a plane
/// for, over that one alone. Of several groups of one kind (tensor groups, stages, neighbours in the pipeline ...) the
/// worst of each figure. Groups of one chip have no links. Throws SpecError("planes.tensor" | "planes.expert" |
/// "planes.pipeline", ...) that names the chips which a plane does not join.
[[nodiscard]] cost::NetworkFigures network_figures(const topologies::Topology& topology, const PlacedInstance& instance,
                                                   const models::ParallelPlan& plan,
                                                   const config::PlaneChoice& planes = {});
/// The same of an instance of `pool`, with the groups of its FFN side, if it has one: neighbours among those chips.
[[nodiscard]] cost::NetworkFigures network_figures(const topologies::Topology& topology, const PlacedInstance& instance,
                                                   const config::PoolSpec& pool, const config::PlaneChoice& planes);

/// Planes of one kind of an instance's groups.
struct GroupPlanes {
  PlaneId inside;       ///< of what stays in a domain
  PlaneId across;       ///< of what leaves it
  bool leaves = false;  ///< anything may leave it
};
/// Those that network_figures() takes, of a kind for which the experiment names a plane or none. REQUIRES: the instance
/// has two chips or more.
[[nodiscard]] GroupPlanes group_planes(const topologies::Topology& topology, const PlacedInstance& instance,
                                       const std::optional<std::string>& named);

/// Which bytes of an instance's collectives go over which plane, as network_figures() takes them: a row a plane. Ports
/// are the narrowest of its chips on the plane, efficiency included. Empty for a single chip.
[[nodiscard]] std::vector<metrics::CollectiveWire> collective_wires(const topologies::Topology& topology,
                                                                    const PlacedInstance& instance,
                                                                    const config::PlaneChoice& planes);

/// Which bytes of an instance's collectives travel on `plane`: network_figures() by plane.
[[nodiscard]] cost::PlaneShare share_of_plane(const topologies::Topology& topology, const PlacedInstance& instance,
                                              const config::PlaneChoice& planes, PlaneId plane);

}  // namespace tokenyard
