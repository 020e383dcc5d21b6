#pragma once

#include "models/base/units.hpp"
#include "models/cost/attention.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/step_shape.hpp"

#include <span>
#include <vector>

namespace tokenyard::cost {

/// What the tensor cores of a chip would take for a step at their dense peaks, each product at that of its format,
/// attention at that of BF16: all products of layer_work(), the routed experts dealt evenly, attention of prompts.
/// Leaves out attention of decodes and the LM head, which read more than they compute, and drafts.
class PeakTime {
 public:
  explicit PeakTime(const StepCostSpec& spec);

  /// Of the rank with the most, over all pipeline stages.
  [[nodiscard]] Seconds operator()(std::span<const StepShape> ranks) const;

 private:
  struct Prompts {
    AttentionLayers layers;
    double per_area_x2 = 0.0;  // seconds, of all these layers
  };

  double per_token_ = 0.0;   // seconds, of a rank's token
  double per_routed_ = 0.0;  // of a token of any rank
  std::vector<Prompts> prompts_;
};

}  // namespace tokenyard::cost
