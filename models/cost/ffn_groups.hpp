#pragma once

#include "models/base/units.hpp"
#include "models/cost/collectives.hpp"
#include "models/cost/step_cost.hpp"

namespace tokenyard::cost {

// Chips of an FFN side (StepCostSpec::ffn, which REQUIRES of all of these) that share matrices: `tensor` of them shared
// experts and dense FFN, plan.expert_tensor() of them each routed expert. A token comes to one chip of a group, which
// gathers its tokens on all chips and, behind the products, adds up their parts where each came from: an all-gather
// in the format that is sent to experts and a reduce-scatter in BF16, both of the library. Groups of one size are the
// same chips, and gather once for both kinds. Source: Step-3's StepMesh, github.com/stepfun-ai/StepMesh, introduction:
// an all-gather within the node before the FFN, on a stream of its own beside the products of other micro-batches.

/// An instance of the FFN side's chips alone, for shared experts and dense FFN, and for routed experts.
[[nodiscard]] StepCostSpec ffn_side(const StepCostSpec& spec);
[[nodiscard]] StepCostSpec expert_side(const StepCostSpec& spec);

/// What groups take for a micro-batch of `tokens` in one layer; 0 where every chip holds what it holds alone.
[[nodiscard]] Seconds group_time(const StepCostSpec& spec, double tokens, bool moe);

/// What one token makes all FFN chips together send in one layer.
[[nodiscard]] PortBytes group_bytes(const StepCostSpec& spec, bool moe);

}  // namespace tokenyard::cost
