#include "models/cost/expert_placement.hpp"

#include <algorithm>
#include <numeric>

namespace tokenyard::cost {
namespace {

/// Packs of equally many things each: heaviest first, to the lightest pack that has room.
std::vector<std::size_t> packed(const std::vector<double>& weights, std::size_t packs) {
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t room = weights.size() / packs;
  if (room == 1) return order;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });
  std::vector<std::size_t> pack_of(weights.size());
  std::vector<std::size_t> things(packs, 0);
  std::vector<double> weight(packs, 0.0);
  for (const std::size_t thing : order) {
    std::size_t lightest = packs;
    for (std::size_t pack = 0; pack < packs; ++pack) {
      if (things[pack] < room && (lightest == packs || weight[pack] < weight[lightest])) lightest = pack;
    }
    pack_of[thing] = lightest;
    ++things[lightest];
    weight[lightest] += weights[thing];
  }
  return pack_of;
}

/// Adds `experts` and `redundant` copies of the most loaded of them on `ranks` ranks from `first` on.
void balance(const std::vector<double>& rows, const ExpertOrder& experts, std::size_t first, std::size_t ranks,
             std::size_t redundant, std::vector<ExpertSlot>& slots) {
  std::vector<double> copies(experts.size(), 1.0);
  for (std::size_t slot = 0; slot < redundant; ++slot) {
    std::size_t heaviest = 0;
    for (std::size_t i = 1; i < experts.size(); ++i) {
      if (rows[experts[i]] / copies[i] > rows[experts[heaviest]] / copies[heaviest]) heaviest = i;
    }
    copies[heaviest] += 1.0;
  }
  std::vector<double> parts;
  const std::size_t begin = slots.size();
  for (std::size_t i = 0; i < experts.size(); ++i) {
    const double part = rows[experts[i]] / copies[i];
    parts.insert(parts.end(), static_cast<std::size_t>(copies[i]), part);
    slots.insert(slots.end(), static_cast<std::size_t>(copies[i]), {.expert = experts[i], .rows = part});
  }
  const std::vector<std::size_t> ranks_of = packed(parts, ranks);
  for (std::size_t i = 0; i < parts.size(); ++i) slots[begin + i].rank = first + ranks_of[i];
}

}  // namespace

std::vector<ExpertSlot> slots_in_order(const std::vector<double>& rows, const ExpertOrder& order, std::size_t ranks) {
  const std::size_t each = rows.size() / ranks;
  std::vector<ExpertSlot> slots;
  for (std::size_t i = 0; i < rows.size(); ++i) slots.push_back({order[i], i / each, rows[order[i]]});
  return slots;
}

bool balances_by_nodes(const ExpertRouting& routing, std::size_t ranks) {
  return routing.nodes > 1 && routing.groups > 0 && routing.groups % routing.nodes == 0 && ranks % routing.nodes == 0 &&
         routing.redundant % routing.nodes == 0;
}

std::vector<ExpertSlot> balanced_slots(const ExpertRouting& routing, const std::vector<double>& rows,
                                       const ExpertOrder& order, std::size_t ranks) {
  std::vector<ExpertSlot> slots;
  if (!balances_by_nodes(routing, ranks)) {
    balance(rows, order, 0, ranks, routing.redundant, slots);
    return slots;
  }
  const std::size_t size = rows.size() / routing.groups;
  std::vector<double> group_rows(routing.groups, 0.0);
  for (std::size_t i = 0; i < rows.size(); ++i) group_rows[i / size] += rows[order[i]];
  const std::vector<std::size_t> nodes_of = packed(group_rows, routing.nodes);
  const std::size_t each = ranks / routing.nodes;
  for (std::size_t node = 0; node < routing.nodes; ++node) {
    ExpertOrder experts;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (nodes_of[i / size] == node) experts.push_back(order[i]);
    }
    balance(rows, experts, node * each, each, routing.redundant / routing.nodes, slots);
  }
  return slots;
}

}  // namespace tokenyard::cost
