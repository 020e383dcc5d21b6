#pragma once

#include "models/base/units.hpp"
#include "models/cost/step_cost.hpp"

namespace tokenyard::cost {

/// Bytes that leave the ports of all chips of an instance together.
struct Wire {
  Bytes inside;  ///< between chips of one leaf domain
  Bytes across;  ///< between domains
};

/// What the collectives of one instance send for one token: in all, and by kind of group.
struct WirePerToken : Wire {
  Wire tensor;
  Wire expert;
  Wire pipeline;
  Wire out;   ///< from the chips that hold attention to those that hold the FFN, where they stand apart
  Wire back;  ///< from these
  Wire ffn;   ///< between chips of the FFN side that share matrices
};

/// The collectives that make_kernel_sum() prices, counted at the least they can send: all-reduce as reduce-scatter and
/// all-gather, 2(g-1) * S among g ranks with S on each (small ones are sent one-shot, up to g/2 times as much);
/// dispatch and combine as the kernel of decode steps sends them; a stage hop once for each of the receiving stage's
/// tensor ranks. Padding to graph sizes is left out, and what chips that share a cache send each other (KvExchange),
/// and drafts.
[[nodiscard]] WirePerToken wire_per_token(const StepCostSpec& spec);

}  // namespace tokenyard::cost
