#include "models/cost/micro_batch.hpp"

#include <algorithm>

namespace tokenyard::cost {

MicroBatches::MicroBatches(const StepCostSpec& spec) : stages_(spec.plan.pipeline), largest_(share(spec.max_tokens)) {
  std::vector<std::uint32_t> sizes = spec.graph_sizes;
  std::sort(sizes.begin(), sizes.end());
  for (const std::uint32_t size : sizes) {
    if (size >= graph_.size()) graph_.resize(size + 1, size);  // all counts above the last size, up to this one
  }
  if (!graph_.empty()) largest_ = std::max(largest_, sizes.back());
}

bool MicroBatches::pads(std::span<const StepShape> ranks) const {
  if (graph_.empty()) return false;
  return std::all_of(ranks.begin(), ranks.end(), [](const StepShape& shape) { return shape.prefill_tokens == 0; });
}

}  // namespace tokenyard::cost
