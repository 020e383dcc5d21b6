#pragma once

#include "models/base/units.hpp"
#include "models/cost/exchange.hpp"
#include "models/cost/step_cost.hpp"

namespace tokenyard::cost {

// Between chips of attention and of FFN that stand apart (StepCostSpec::ffn), which REQUIRES of all of these.

/// The kernel that sends: the one which decode steps of the sending side's chips exchange with.
[[nodiscard]] const models::ExchangeKernel& way_kernel(const StepCostSpec& spec, Direction way);

/// Bytes that a token sends in one layer: a copy for each chip that holds one of its experts (for each expert, where
/// the kernel makes such copies), or where chips share experts one for each such group, whose chips hand it on
/// (ffn_groups.hpp); in a dense layer one; on the way back as many results in BF16.
[[nodiscard]] Bytes way_bytes(const StepCostSpec& spec, Direction way, bool moe);

}  // namespace tokenyard::cost
