#pragma once

#include "models/cost/step_cost.hpp"
#include "models/cost/step_shape.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tokenyard::cost {

/// How the engine pads a step before it computes it: a pass that only decodes replays a CUDA graph, recorded for a
/// fixed number of tokens. An engine that does not pad has graphs for steps of just these sizes.
class GraphPadding {
 public:
  explicit GraphPadding(const StepCostSpec& spec);

  /// Whether this step replays graphs: all ranks only decode.
  [[nodiscard]] bool pads(std::span<const StepShape> ranks) const {
    if (graph_.empty()) return false;
    return std::all_of(ranks.begin(), ranks.end(), [](const StepShape& shape) { return shape.prefill_tokens == 0; });
  }

  /// Tokens of a rank, drafts included.
  [[nodiscard]] std::uint32_t tokens(const StepShape& shape) const {
    return shape.decodes * width_ + shape.prefill_tokens;
  }
  /// Tokens that a rank computes: its own, padded to the next graph size if `padded`.
  [[nodiscard]] std::uint32_t tokens(const StepShape& shape, bool padded) const {
    return padded ? this->padded(tokens(shape)) : tokens(shape);
  }
  /// Tokens that a rank computes for `count` of a step that replays graphs.
  [[nodiscard]] std::uint32_t padded(std::uint32_t count) const {
    return count < graph_.size() && graph_[count] > 0 ? graph_[count] : count;
  }
  /// Tokens that every one of several ranks computes, those without work included, because they replay one graph in
  /// step: that of the rank with the most. 0 where each computes its own.
  /// Source: vLLM and SGLang agree on token count and graph before a step of their data-parallel ranks.
  [[nodiscard]] std::uint32_t common(std::span<const StepShape> ranks, bool padded) const {
    if (!padded) return 0;
    std::uint32_t most = 0;
    for (const StepShape& shape : ranks) most = std::max(most, shape.decodes);
    return common(most, ranks.size());
  }
  /// The same of so many ranks that only decode, at most `most` sequences; a larger step never has the smaller graph.
  [[nodiscard]] std::uint32_t common(std::uint32_t most, std::size_t ranks) const {
    if (ranks < 2) return 0;
    const std::uint32_t tokens = padded(most * width_);
    return captured(tokens, false) ? tokens : 0;
  }

  /// Whether a graph holds so many tokens of a step that decodes only, or graphs of its pieces those of one with
  /// prompts.
  [[nodiscard]] bool captured(std::uint32_t tokens, bool prompts) const {
    return prompts ? tokens < prompt_graph_end_ : tokens < graph_.size() && graph_[tokens] > 0;
  }

  /// Sampled rows of a rank: a token of each chunk, all of a decode's.
  [[nodiscard]] std::uint32_t rows(const StepShape& shape) const { return shape.decodes * width_ + shape.chunks; }

  /// Most tokens that tokens() returns.
  [[nodiscard]] std::uint32_t largest() const { return largest_; }

 private:
  std::uint32_t width_;               // tokens of a decode
  std::vector<std::uint32_t> graph_;  // by tokens: the graph that holds them, 0 = none does; empty without graphs
  std::uint32_t largest_;
  std::size_t prompt_graph_end_;  // first number of tokens that no graphs of pieces hold
};

/// Most tokens that the experts see in one pass, padded ones included; 0 without experts.
[[nodiscard]] std::uint32_t largest_total(const StepCostSpec& spec);

}  // namespace tokenyard::cost
