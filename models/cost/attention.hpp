#pragma once

#include "models/base/units.hpp"
#include "models/cost/norm_table.hpp"
#include "models/cost/step_cost.hpp"
#include "models/llm/architecture.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::cost {

/// What the attention kernels of one rank compute in one pass.
struct AttentionWork {
  double sequences = 0;  ///< decodes
  double context = 0;    ///< sum of theirs
  double tokens = 0;     ///< of prompt
  double area_x2 = 0;    ///< of prompt, as in StepShape
};
[[nodiscard]] inline AttentionWork attention_work(const StepShape& shape) {
  return {.sequences = 1.0 * shape.decodes,
          .context = static_cast<double>(static_cast<std::int64_t>(shape.decode_context)),
          .tokens = 1.0 * shape.prefill_tokens,
          .area_x2 = static_cast<double>(static_cast<std::int64_t>(shape.prefill_area_x2))};
}

/// Layers that see the same part of a context.
struct AttentionLayers {
  double layers = 0;
  double window = 0;  ///< tokens; the largest double when they see everything

  /// The sum of contexts that `sequences` decodes read: at most `window` each.
  [[nodiscard]] double seen_context(double sequences, double context) const;
  /// Twice the area that `tokens` of prompt compute: at most `window` keys a token.
  [[nodiscard]] double seen_area_x2(double tokens, double area_x2) const;
};
/// Without the empty groups: one, or two for a model with sliding windows.
[[nodiscard]] std::vector<AttentionLayers> attention_layers(const models::LlmSpec& llm);

/// All decodes of a step in one kernel of one layer on one chip, straight from the formula of models/cost/kernels.hpp.
[[nodiscard]] Seconds decode_layer_time(const StepCostSpec& spec, double sequences, double context);
/// Likewise all chunks of a step.
[[nodiscard]] Seconds context_layer_time(const StepCostSpec& spec, double tokens, double area_x2);

/// The same two over all layers, compiled: no power is computed in a step.
/// REQUIRES: the chip has the attention kernels that spec needs.
class Attention {
 public:
  explicit Attention(const StepCostSpec& spec);

  /// Nanoseconds of all kernels that `work` needs. Never falls when its context grows.
  [[nodiscard]] double operator()(const AttentionWork& work) const {
    double ns = 0.0;
    for (const AttentionLayers& group : groups_) {
      double layer = 0.0;
      if (work.sequences > 0.0) {
        const double seen = group.seen_context(work.sequences, work.context);
        layer += latent_ ? decode_floor_ + decode_per_context_ * seen
                         : decode_norm_(bytes_per_context_ * seen + bytes_per_sequence_ * work.sequences);
      }
      if (work.tokens > 0.0) {
        layer += context_floor_ + context_per_token_ * work.tokens +
                 context_per_area_ * group.seen_area_x2(work.tokens, work.area_x2);
      }
      ns += group.layers * layer;
    }
    return ns;
  }

  /// The decode part alone, as operator() gives it for the same sequences, where all layers see everything.
  [[nodiscard]] double decode(double sequences, double context) const {
    const double layer = latent_ ? decode_floor_ + decode_per_context_ * context
                                 : decode_norm_(bytes_per_context_ * context + bytes_per_sequence_ * sequences);
    return groups_[0].layers * layer;
  }
  [[nodiscard]] bool sees_everything() const { return groups_.size() == 1 && groups_[0].window > 1e18; }

 private:
  std::vector<AttentionLayers> groups_;
  bool latent_;  // MLA: floor plus a part that grows with the context
  double decode_floor_ = 0.0;
  double decode_per_context_ = 0.0;
  double bytes_per_context_ = 0.0;  // GQA: a norm of floor and bytes
  double bytes_per_sequence_ = 0.0;
  NormTable decode_norm_;
  double context_floor_ = 0.0;
  double context_per_token_ = 0.0;
  double context_per_area_ = 0.0;
};

inline double AttentionLayers::seen_context(double sequences, double context) const {
  const double limit = sequences * window;
  return context < limit ? context : limit;
}

inline double AttentionLayers::seen_area_x2(double tokens, double area_x2) const {
  const double limit = 2.0 * tokens * window;
  return area_x2 < limit ? area_x2 : limit;
}

}  // namespace tokenyard::cost
