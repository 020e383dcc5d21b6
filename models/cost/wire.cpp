#include "models/cost/wire.hpp"

#include "models/cost/collectives.hpp"
#include "models/cost/exchange.hpp"
#include "models/cost/ffn_groups.hpp"
#include "models/cost/ways.hpp"

#include <utility>

namespace tokenyard::cost {
namespace {

constexpr double kBf16Bytes = 2.0;

/// `count` all-reduces of one token's hidden vector.
void add_all_reduce(double count, double size, const GroupLinks& links, Wire& wire) {
  const PortBytes port = port_bytes(models::Collective::AllReduce, Bytes{size}, links, Algorithm::TwoLevel);
  wire.inside += count * links.ranks * port.inside;
  wire.across += count * links.ranks * port.across;
}

/// `count` times one token gathered by all chips, its results added up and scattered.
void add_gather(double count, const StepCostSpec& spec, Wire& wire) {
  const GroupLinks& links = spec.network.expert;
  const Bytes token{gathered_bytes(spec.llm.hidden, spec.precision.experts)};
  const Bytes result{combine_bytes(spec.llm.hidden)};
  for (const auto& [op, size] :
       {std::pair{models::Collective::AllGather, token}, {models::Collective::ReduceScatter, result}}) {
    const PortBytes port = port_bytes(op, size, links, Algorithm::TwoLevel);
    wire.inside += count * links.ranks * port.inside;
    wire.across += count * links.ranks * port.across;
  }
}

/// `count` exchanges of one token; of `links.ranks` chips one has it.
void add_exchange(double count, const ExchangeShape& shape, const GroupLinks& links,
                  const models::ExchangeKernel& kernel, Wire& wire) {
  const PortBytes port = exchange_bytes(shape, links, kernel);
  wire.inside += count * links.ranks * port.inside;
  wire.across += count * links.ranks * port.across;
}

/// To FFN chips of their own, or back.
Wire way_wire(const StepCostSpec& spec, Direction way) {
  const Bytes all = 1.0 * spec.llm.moe_layers() * way_bytes(spec, way, true) +
                    1.0 * spec.llm.dense_layers() * way_bytes(spec, way, false);
  return spec.network.ffn.domains > 1 ? Wire{.across = all} : Wire{.inside = all};
}

void add_experts(const StepCostSpec& spec, double hidden, Wire& wire) {
  const models::ParallelPlan& plan = spec.plan;
  const GroupLinks& links = spec.network.expert;
  const double layers = spec.llm.moe_layers();
  const bool spread = plan.attention_data * plan.context > 1;
  if (spread && spec.expert_exchange == ExpertExchange::Gather) {
    add_gather(layers, spec, wire);
    return;
  }
  if (!spread || plan.expert == 1) {
    add_all_reduce(layers, hidden, links, wire);
    return;
  }
  const models::ExchangeKernel& kernel = spec.chip.kernels.collectives.exchange(false);
  const ExchangeShape sent = dispatch_shape(spec.llm, plan, spec.precision, links, 1.0);
  add_exchange(layers, sent, links, kernel, wire);
  add_exchange(layers, combine_shape(spec.llm, plan, links, 1.0), links, kernel, wire);
  if (plan.expert_tensor() > 1) {
    // Each group adds up its rows among its own chips, taken to be neighbours of one domain.
    wire.inside +=
        Bytes{layers * distinct_ranks(sent.choices, plan.expert) * 2.0 * (plan.expert_tensor() - 1.0) * hidden};
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
  if (spec.ffn) {
    wire.out = way_wire(spec, Direction::Dispatch);
    wire.back = way_wire(spec, Direction::Combine);
    for (const auto& [layers, moe] : {std::pair{spec.llm.dense_layers(), false}, {spec.llm.moe_layers(), true}}) {
      const Wire group = group_wire(spec, moe);
      wire.ffn.inside += 1.0 * layers * group.inside;
      wire.ffn.across += 1.0 * layers * group.across;
    }
  } else if (spec.llm.moe && spec.plan.stage_chips() > 1) {
    add_experts(spec, hidden, wire.expert);
  }
  if (spec.plan.pipeline > 1) {
    const Bytes hops{(spec.plan.pipeline - 1.0) * hidden * spec.plan.tensor};
    (spec.network.pipeline.domains > 1 ? wire.pipeline.across : wire.pipeline.inside) += hops;
  }
  for (const Wire& group : {wire.tensor, wire.expert, wire.pipeline, wire.out, wire.back, wire.ffn}) {
    wire.inside += group.inside;
    wire.across += group.across;
  }
  return wire;
}

}  // namespace tokenyard::cost
