#pragma once

#include "models/cost/step_cost.hpp"
#include "models/cost/step_shape.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tokenyard::cost {

/// How the engine pads a step before it computes it: a pass that only decodes replays a CUDA graph, recorded for a
/// fixed number of tokens.
class GraphPadding {
 public:
  explicit GraphPadding(const StepCostSpec& spec);

  /// Whether this step replays graphs: all ranks only decode.
  [[nodiscard]] bool pads(std::span<const StepShape> ranks) const;

  /// Tokens that a rank computes: its own, padded to the next graph size if `padded`.
  [[nodiscard]] std::uint32_t tokens(const StepShape& shape, bool padded) const {
    const std::uint32_t count = shape.tokens();
    return padded && count < graph_.size() ? graph_[count] : count;
  }

  /// Most tokens that tokens() returns.
  [[nodiscard]] std::uint32_t largest() const { return largest_; }

 private:
  std::vector<std::uint32_t> graph_;  // by tokens: the graph that holds them; empty without graphs
  std::uint32_t largest_;
};

}  // namespace tokenyard::cost
