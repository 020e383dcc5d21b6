#include "models/cost/ffn_groups.hpp"

#include "models/cost/collectives.hpp"
#include "models/cost/exchange.hpp"

#include <array>
#include <utility>

namespace tokenyard::cost {
namespace {

/// Chips that gather, and how many of a layer's tokens.
struct Gather {
  const GroupLinks* links = nullptr;
  double tokens = 0.0;
};

/// What shared experts and dense FFN gather, and what routed experts do.
std::array<Gather, 2> gathers(const StepCostSpec& spec, double tokens, bool moe) {
  const models::ParallelPlan& plan = spec.ffn->plan;
  std::array<Gather, 2> both{Gather{&spec.network.ffn_tensor}, Gather{&spec.network.ffn_experts}};
  if (plan.tensor > 1 && (!moe || spec.llm.moe->shared_ffn > 0)) both[0].tokens = tokens / plan.attention_data;
  if (moe && plan.expert_tensor() > 1) {
    both[1].tokens = tokens * distinct_ranks(spec.llm.moe->top_k, plan.expert) / plan.expert;
    if (plan.tensor == plan.expert_tensor()) both[0].tokens = 0.0;  // on the chips of one of the token's experts
  }
  return both;
}

StepCostSpec alone(const StepCostSpec& spec, const models::ParallelPlan& plan) {
  StepCostSpec side{.llm = spec.llm,
                    .chip = spec.ffn->chip,
                    .plan = plan,
                    .precision = spec.precision,
                    .expert_load = spec.expert_load};
  side.network.tensor = spec.network.ffn_tensor;
  side.network.tensor.ranks = plan.tensor;
  side.network.expert.ranks = plan.stage_chips();
  return side;
}

}  // namespace

StepCostSpec ffn_side(const StepCostSpec& spec) { return alone(spec, spec.ffn->plan); }

StepCostSpec expert_side(const StepCostSpec& spec) {
  const models::ParallelPlan& plan = spec.ffn->plan;
  return alone(spec,
               {.attention_data = plan.chips(), .expert = plan.expert, .redundant_experts = plan.redundant_experts});
}

Seconds group_time(const StepCostSpec& spec, double tokens, bool moe) {
  const double hidden = spec.llm.hidden;
  const models::LibraryCoefficients& library = spec.ffn->chip.kernels.collectives.used_library();
  Seconds sum;
  for (const Gather& group : gathers(spec, tokens, moe)) {
    if (group.tokens <= 0.0) continue;
    const Bytes sent{group.tokens * dispatch_bytes(hidden, spec.precision.experts)};
    const Bytes back{group.tokens * combine_bytes(hidden)};
    sum += library_time(models::Collective::AllGather, sent, *group.links, library).time +
           library_time(models::Collective::ReduceScatter, back, *group.links, library).time;
  }
  return sum;
}

PortBytes group_bytes(const StepCostSpec& spec, bool moe) {
  const double hidden = spec.llm.hidden;
  PortBytes sum;
  for (const Gather& group : gathers(spec, 1.0, moe)) {
    if (group.tokens <= 0.0) continue;
    const Algorithm ring = group.links->domains > 1 ? Algorithm::TwoLevel : Algorithm::Ring;
    for (const auto& [op, size] :
         {std::pair{models::Collective::AllGather, Bytes{dispatch_bytes(hidden, spec.precision.experts)}},
          {models::Collective::ReduceScatter, Bytes{combine_bytes(hidden)}}}) {
      const PortBytes port = port_bytes(op, group.tokens * size, *group.links, ring);
      sum.inside += 1.0 * spec.ffn->plan.chips() * port.inside;
      sum.across += 1.0 * spec.ffn->plan.chips() * port.across;
    }
  }
  return sum;
}

}  // namespace tokenyard::cost
