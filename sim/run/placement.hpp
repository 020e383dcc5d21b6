#pragma once

#include "models/base/ids.hpp"
#include "models/llm/parallel_plan.hpp"
#include "sim/config/experiment.hpp"
#include "topologies/topology.hpp"

#include <cstdint>
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

}  // namespace tokenyard
