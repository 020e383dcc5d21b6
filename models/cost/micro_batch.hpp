#pragma once

#include "models/cost/step_cost.hpp"
#include "models/cost/step_shape.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tokenyard::cost {

/// What the attention kernels of one rank compute in one pass.
struct AttentionWork {
  double sequences = 0;  ///< decodes
  double context = 0;    ///< sum of theirs
  double tokens = 0;     ///< of prompt
  double area_x2 = 0;    ///< of prompt, as in StepShape
};

/// How the engine cuts and pads a step before it computes it: a pipeline of P stages works on P micro-batches at a
/// time, each with a P-th of the step; and a pass that only decodes replays a CUDA graph, recorded for a fixed
/// number of tokens.
class MicroBatches {
 public:
  explicit MicroBatches(const StepCostSpec& spec);

  /// Whether this step replays graphs: all ranks only decode.
  [[nodiscard]] bool pads(std::span<const StepShape> ranks) const;

  /// Tokens of a rank's largest micro-batch: ceil(tokens / P), padded to the next graph size if `padded`.
  [[nodiscard]] std::uint32_t tokens(const StepShape& shape, bool padded) const {
    const std::uint32_t count = share(shape.tokens());
    return padded && count < graph_.size() ? graph_[count] : count;
  }

  /// ceil(count / P).
  [[nodiscard]] std::uint32_t share(std::uint32_t count) const {
    return stages_ == 1 ? count : (count + stages_ - 1) / stages_;
  }

  /// The attention of one micro-batch: a P-th, or one sequence (one token of prompt) when there are fewer than P.
  [[nodiscard]] AttentionWork attention(const StepShape& shape) const {
    const double decodes = part(shape.decodes);
    const double prefill = part(shape.prefill_tokens);
    return {.sequences = shape.decodes * decodes,
            .context = static_cast<double>(static_cast<std::int64_t>(shape.decode_context)) * decodes,
            .tokens = shape.prefill_tokens * prefill,
            .area_x2 = static_cast<double>(static_cast<std::int64_t>(shape.prefill_area_x2)) * prefill};
  }

  /// Micro-batches of a step of `tokens` in all.
  [[nodiscard]] std::uint32_t passes(std::uint32_t tokens) const { return tokens < stages_ ? tokens : stages_; }

  /// Most tokens that tokens() returns.
  [[nodiscard]] std::uint32_t largest() const { return largest_; }

 private:
  [[nodiscard]] double part(std::uint32_t count) const {
    if (stages_ == 1 || count == 0) return 1.0;
    return 1.0 / (count < stages_ ? count : stages_);
  }

  std::uint32_t stages_;
  std::vector<std::uint32_t> graph_;  // by tokens: the graph that holds them; empty without graphs
  std::uint32_t largest_;
};

}  // namespace tokenyard::cost
