#include "models/cost/wire.hpp"

#include "models/cost/collectives.hpp"

#include <algorithm>

namespace tokenyard::cost {
namespace {

constexpr double kBf16Bytes = 2.0;

/// `count` all-reduces of one token's hidden vector.
void add_all_reduce(double count, double size, const GroupLinks& links, Wire& wire) {
  const double inside = static_cast<double>(links.ranks) / links.domains;
  wire.inside += Bytes{count * 2.0 * (inside - 1.0) * size * links.domains};
  wire.across += Bytes{count * 2.0 * (links.domains - 1.0) * size};
}

/// `count` times `copies` of one token to ranks spread evenly.
void add_exchange(double count, double copies, double size, const GroupLinks& links, Wire& wire) {
  const double ranks = links.ranks;
  const double domains = links.domains;
  wire.inside += Bytes{count * copies * size * (ranks / domains - 1.0) / ranks};
  wire.across += Bytes{count * copies * size * (domains - 1.0) / domains};
}

void add_experts(const StepCostSpec& spec, double hidden, Wire& wire) {
  const models::ParallelPlan& plan = spec.plan;
  const GroupLinks& links = spec.network.expert;
  const double layers = spec.llm.moe_layers();
  if (plan.attention_data * plan.context == 1 || plan.expert == 1) {
    add_all_reduce(layers, hidden, links, wire);
    return;
  }
  const double groups = std::min(1.0 * spec.llm.moe->top_k, 1.0 * plan.expert);
  add_exchange(layers, groups * plan.expert_tensor(), dispatch_bytes(spec.llm.hidden, spec.precision.experts), links,
               wire);
  add_exchange(layers, groups, combine_bytes(spec.llm.hidden), links, wire);
  if (plan.expert_tensor() > 1) {
    // Each group adds up its rows among its own chips, taken to be neighbours of one domain.
    wire.inside += Bytes{layers * groups * 2.0 * (plan.expert_tensor() - 1.0) * hidden};
  }
}

}  // namespace

WirePerToken wire_per_token(const StepCostSpec& spec) {
  WirePerToken wire;
  const double hidden = kBf16Bytes * spec.llm.hidden;
  const bool dispatched = spec.plan.attention_data * spec.plan.context > 1 && spec.llm.moe;
  if (spec.plan.tensor > 1) {
    add_all_reduce(1.0 * spec.llm.layers + spec.llm.dense_layers() + (dispatched ? 1.0 * spec.llm.moe_layers() : 0.0),
                   hidden, spec.network.tensor, wire.tensor);
  }
  if (spec.llm.moe && spec.plan.stage_chips() > 1) add_experts(spec, hidden, wire.expert);
  if (spec.plan.pipeline > 1) {
    const Bytes hops{(spec.plan.pipeline - 1.0) * hidden * spec.plan.tensor};
    (spec.network.pipeline.domains > 1 ? wire.pipeline.across : wire.pipeline.inside) += hops;
  }
  for (const Wire& group : {wire.tensor, wire.expert, wire.pipeline}) {
    wire.inside += group.inside;
    wire.across += group.across;
  }
  return wire;
}

}  // namespace tokenyard::cost
