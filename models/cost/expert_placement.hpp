#pragma once

#include "models/cost/expert_load.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tokenyard::cost {

/// Indices of all experts, or of a node's, in an order of their own: consecutive ones stand together.
using ExpertOrder = std::vector<std::uint32_t>;

/// A place for an expert or a copy of one.
struct ExpertSlot {
  std::uint32_t expert = 0;
  std::size_t rank = 0;
  double rows = 0.0;  ///< of a step, on average
};

/// The experts of `order`, equally many on each rank, without copies. `rows`: of each expert by its index.
[[nodiscard]] std::vector<ExpertSlot> slots_in_order(const std::vector<double>& rows, const ExpertOrder& order,
                                                     std::size_t ranks);

/// Whether the balancer packs whole groups of experts to nodes: where these divide the groups, the ranks and the
/// copies.
[[nodiscard]] bool balances_by_nodes(const ExpertRouting& routing, std::size_t ranks);

/// DeepSeek's balancer (github.com/deepseek-ai/EPLB, eplb.py): groups of experts, consecutive ones of `order`, to nodes
/// where it balances by nodes; copies of the most loaded experts, on each node or on all; then slots, heaviest first,
/// to the lightest rank that has room.
[[nodiscard]] std::vector<ExpertSlot> balanced_slots(const ExpertRouting& routing, const std::vector<double>& rows,
                                                     const ExpertOrder& order, std::size_t ranks);

}  // namespace tokenyard::cost
