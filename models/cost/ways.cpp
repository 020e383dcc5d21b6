#include "models/cost/ways.hpp"

namespace tokenyard::cost {

const models::ExchangeKernel& way_kernel(const StepCostSpec& spec, Direction way) {
  return (way == Direction::Dispatch ? spec.chip : spec.ffn->chip).kernels.collectives.exchange(false);
}

Bytes way_bytes(const StepCostSpec& spec, Direction way, bool moe) {
  const double hidden = spec.llm.hidden;
  const Bytes once{way == Direction::Dispatch ? dispatch_bytes(hidden, spec.precision.experts) : combine_bytes(hidden)};
  if (!moe) return once;
  const models::ParallelPlan& ffn = spec.ffn->plan;
  const models::ExchangeKernel& kernel = way_kernel(spec, way);
  const double top_k = spec.llm.moe->top_k;
  if (ffn.expert_tensor() > 1) return distinct_ranks(top_k, ffn.expert) * once;
  if (kernel.copies == models::ExchangeCopies::PerExpert) return top_k * once;
  return distinct_ranks(top_k, 1.0 * ffn.expert * kernel.ranks_per_chip) * once;
}

}  // namespace tokenyard::cost
