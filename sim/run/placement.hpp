#pragma once

#include "models/base/ids.hpp"
#include "models/cost/communication.hpp"
#include "models/cost/network_figures.hpp"
#include "models/cost/wire.hpp"
#include "models/llm/parallel_plan.hpp"
#include "sim/config/experiment.hpp"
#include "sim/metrics/summary.hpp"
#include "topologies/topology.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tokenyard {

/// The chips of one instance, stage by stage, attention rank by attention rank.
struct PlacedInstance {
  std::vector<ChipId> chips;
  std::vector<ChipId> ffn{};  ///< that hold its FFN, where those are chips of their own

  /// Both.
  [[nodiscard]] std::vector<ChipId> all() const;
  /// The chips of one attention rank of one stage, tensor group by tensor group.
  [[nodiscard]] std::vector<ChipId> rank_chips(const models::ParallelPlan& plan, std::uint32_t stage,
                                               std::uint32_t rank) const;
  /// All chips of one stage.
  [[nodiscard]] std::vector<ChipId> stage_chips(const models::ParallelPlan& plan, std::uint32_t stage) const;
  /// The chips of one attention rank in all stages: where its KV cache lies.
  [[nodiscard]] std::vector<ChipId> kv_chips(const models::ParallelPlan& plan, std::uint32_t rank) const;
};

/// Gives every instance of every pool chips of its pool's kind, in order of pools, instances and chips. An instance
/// that fits into one scale-up domain is never spread over two, and none over two sites. One list a pool, one entry an
/// instance. Throws UserError at the pool's `instances` when the chips run out, and at its `parallel` when no site is
/// large enough.
[[nodiscard]] std::vector<std::vector<PlacedInstance>> place(const topologies::Topology& topology,
                                                             const std::vector<config::PoolSpec>& pools);

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

/// What the collectives of an instance send over the planes that network_figures() took, a row a plane. Ports are the
/// narrowest of its chips on the plane, efficiency included. Empty for a single chip.
[[nodiscard]] std::vector<metrics::CollectiveWire> collective_wires(const topologies::Topology& topology,
                                                                    const PlacedInstance& instance,
                                                                    const config::PlaneChoice& planes,
                                                                    const cost::WirePerToken& wire);

/// Which bytes of an instance's collectives travel on `plane`: network_figures() by plane.
[[nodiscard]] cost::PlaneShare share_of_plane(const topologies::Topology& topology, const PlacedInstance& instance,
                                              const config::PlaneChoice& planes, PlaneId plane);

}  // namespace tokenyard
