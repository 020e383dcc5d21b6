#include "models/cost/graph_padding.hpp"

#include <algorithm>

namespace tokenyard::cost {

GraphPadding::GraphPadding(const StepCostSpec& spec) : largest_(spec.max_tokens) {
  std::vector<std::uint32_t> sizes = spec.graph_sizes;
  std::sort(sizes.begin(), sizes.end());
  for (const std::uint32_t size : sizes) {
    if (size >= graph_.size()) graph_.resize(size + 1, size);  // all counts above the last size, up to this one
  }
  if (!graph_.empty()) largest_ = std::max(largest_, sizes.back());
}

bool GraphPadding::pads(std::span<const StepShape> ranks) const {
  if (graph_.empty()) return false;
  return std::all_of(ranks.begin(), ranks.end(), [](const StepShape& shape) { return shape.prefill_tokens == 0; });
}

}  // namespace tokenyard::cost
