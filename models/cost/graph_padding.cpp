#include "models/cost/graph_padding.hpp"

#include <algorithm>

namespace tokenyard::cost {

GraphPadding::GraphPadding(const StepCostSpec& spec) : width_(spec.speculation.width()), largest_(spec.max_tokens) {
  std::vector<std::uint32_t> sizes = spec.graph_sizes;
  std::sort(sizes.begin(), sizes.end());
  for (const std::uint32_t size : sizes) {
    if (size < graph_.size()) continue;
    graph_.resize(size + 1, spec.pad_to_graphs ? size : 0);  // all counts above the last size, up to this one
    graph_[size] = size;
  }
  if (!graph_.empty()) largest_ = std::max(largest_, sizes.back());
  prompt_graph_end_ = spec.prompt_graph_tokens ? std::size_t{*spec.prompt_graph_tokens} + 1 : graph_.size();
}

std::uint32_t largest_total(const StepCostSpec& spec) {
  return spec.llm.moe ? GraphPadding(spec).largest() * spec.plan.attention_data : 0;
}

}  // namespace tokenyard::cost
