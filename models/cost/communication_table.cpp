#include "models/cost/communication_table.hpp"

#include "models/base/errors.hpp"
#include "models/cost/exchange.hpp"
#include "models/cost/step_parts.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::cost {
namespace {

constexpr double kBf16Bytes = 2.0;  // activations travel between chips in BF16

double ns(Seconds time) { return time.value() * 1e9; }

/// Chips of a stage hold different tokens.
bool spreads_tokens(const models::ParallelPlan& plan) { return plan.attention_data * plan.context > 1; }
bool dispatches(const StepCostSpec& spec) { return spreads_tokens(spec.plan) && spec.plan.expert > 1; }

void add_reduces(double count, double tokens, const StepCostSpec& spec, const GroupLinks& links, PortLoad& load) {
  if (count <= 0.0 || tokens <= 0.0 || links.ranks < 2) return;
  const Bytes size{kBf16Bytes * tokens * spec.llm.hidden};
  const Algorithm algorithm = all_reduce(size, links, spec.chip.kernels.collectives).algorithm;
  load.add(count, port_bytes(models::Collective::AllReduce, size, links, algorithm), flows_at_once(algorithm, links));
}

PortLoad expert_load(const StepCostSpec& spec, double tokens, bool prompts) {
  PortLoad load;
  if (!spec.llm.moe || spec.plan.stage_chips() == 1 || tokens <= 0.0) return load;
  const double layers = 1.0 * spec.llm.moe_layers() / spec.plan.pipeline;
  const GroupLinks& links = spec.network.expert;
  if (spreads_tokens(spec.plan) && spec.expert_exchange == ExpertExchange::Gather) {
    const double hidden = spec.llm.hidden;
    const Bytes sent{tokens * gathered_bytes(hidden, spec.precision.experts)};
    const Bytes back{tokens * combine_bytes(hidden)};
    const Algorithm ring = links.domains > 1 ? Algorithm::TwoLevel : Algorithm::Ring;
    load.add(layers, port_bytes(models::Collective::AllGather, sent, links, ring), flows_at_once(ring, links));
    load.add(layers, port_bytes(models::Collective::ReduceScatter, back, links, ring), flows_at_once(ring, links));
    return load;
  }
  if (!dispatches(spec)) {
    add_reduces(layers, tokens, spec, links, load);
    return load;
  }
  const models::ExchangeKernel& kernel = spec.chip.kernels.collectives.exchange(prompts);
  const FlowCount flows = flows_at_once(kernel, links);
  const ExchangeShape sent = dispatch_shape(spec.llm, spec.plan, spec.precision, links, tokens);
  load.add(layers, exchange_bytes(sent, links, kernel), flows);
  load.add(layers, exchange_bytes(combine_shape(spec.llm, spec.plan, links, tokens), links, kernel), flows);
  const std::uint32_t splits = spec.plan.expert_tensor();
  if (splits > 1) {
    // Each group adds up its rows among its own chips, taken to be neighbours of one domain.
    GroupLinks group = links;
    group.ranks = splits;
    group.domains = 1;
    add_reduces(layers, tokens * distinct_ranks(sent.choices, spec.plan.expert) / spec.plan.expert, spec, group, load);
  }
  return load;
}

/// Of one token: every stage but the last sends it on, each tensor rank of its own.
PortLoad hop_load(const StepCostSpec& spec) {
  PortLoad load;
  const models::ParallelPlan& plan = spec.plan;
  if (plan.pipeline == 1) return load;
  const Bytes hidden{kBf16Bytes * spec.llm.hidden * (plan.pipeline - 1.0) / plan.pipeline / plan.context};
  const bool across = spec.network.pipeline.domains > 1;
  load.add(1.0, {.inside = across ? Bytes{} : hidden, .across = across ? hidden : Bytes{}}, {});
  return load;
}

}  // namespace

/// A chip's stage has its part of the layers.
PortLoad tensor_load(const StepCostSpec& spec, double tokens) {
  const models::LlmSpec& llm = spec.llm;
  const bool dispatched = llm.moe && spreads_tokens(spec.plan);
  const double reduces = 1.0 * llm.layers + llm.dense_layers() + (dispatched ? 1.0 * llm.moe_layers() : 0.0);
  PortLoad load;
  if (spec.plan.tensor > 1) {
    add_reduces(reduces / spec.plan.pipeline, tokens / spec.plan.context, spec, spec.network.tensor, load);
  }
  return load;
}

PortLoadTable::PortLoadTable(std::uint32_t most, const std::function<PortLoad(double)>& load)
    : PortLoadTable(most, load, {}) {}

PortLoadTable::PortLoadTable(std::uint32_t most, const std::function<PortLoad(double)>& load,
                             std::vector<PortLoad> knots)
    : sent_inside_(most, [&](double tokens) { return knots.emplace_back(load(tokens)).sent.inside.value(); }),
      sent_across_(most, [&, next = std::size_t{0}](double) mutable { return knots[next++].sent.across.value(); }),
      flow_inside_(most, [&, next = std::size_t{0}](double) mutable { return knots[next++].per_flow.inside.value(); }),
      flow_across_(most, [&, next = std::size_t{0}](double) mutable { return knots[next++].per_flow.across.value(); }) {
}

PortLoad PortLoadTable::operator()(std::uint32_t tokens) const {
  return {.sent = sent(tokens),
          .per_flow = {.inside = Bytes{flow_inside_(tokens)}, .across = Bytes{flow_across_(tokens)}}};
}

CommunicationTable::CommunicationTable(const StepCostSpec& spec, const StepParts& parts)
    : graphs_(spec),
      has_experts_(spec.llm.moe && spec.plan.stage_chips() > 1),
      ranks_(spec.plan.attention_data),
      chips_(spec.plan.chips()),
      local_(graphs_.largest(), [&](double tokens) { return ns(total(parts.local_sent(tokens))); }),
      exchange_(largest_total(spec), [&](double tokens) { return ns(total(parts.exchange(tokens))); }),
      exchange_prompts_(largest_total(spec), [&](double tokens) { return ns(total(parts.exchange(tokens, true))); }),
      tensor_(graphs_.largest(), [&](double tokens) { return tensor_load(spec, tokens); }),
      expert_(largest_total(spec), [&](double tokens) { return expert_load(spec, tokens, false); }),
      expert_prompts_(largest_total(spec), [&](double tokens) { return expert_load(spec, tokens, true); }),
      hop_(hop_load(spec)),
      kv_exchange_(spec),
      overlap_(spec.two_batch) {
  if (!has_experts_ || (!overlap_.decode && !overlap_.prefill)) return;
  two_batch_.emplace(spec, parts, graphs_.largest(), largest_total(spec));
}

template <class Take>
void CommunicationTable::each_rank(std::span<const StepShape> ranks, Take take) const {
  const bool padded = graphs_.pads(ranks);
  const std::uint32_t common = ranks.size() == 1 ? 0 : graphs_.common(ranks, padded);
  for (const StepShape& shape : ranks) take(shape, common > 0 ? common : graphs_.tokens(shape, padded));
}

CommunicationTable::Tokens CommunicationTable::tokens(std::span<const StepShape> ranks) const {
  Tokens sum;
  each_rank(ranks, [&](const StepShape& shape, std::uint32_t own) {
    sum.all += own;
    sum.most = std::max(sum.most, own);
    sum.prompts = sum.prompts || shape.prefill_tokens > 0;
  });
  return sum;
}

CollectiveBytes CommunicationTable::bytes(std::span<const StepShape> ranks) const {
  PortBytes tensor;
  PortBytes pipeline;
  each_rank(ranks, [&](const StepShape&, std::uint32_t own) {
    if (own == 0) return;
    const PortBytes reduced = tensor_.sent(own);
    tensor.inside += reduced.inside;
    tensor.across += reduced.across;
    pipeline.inside += 1.0 * own * hop_.sent.inside;
    pipeline.across += 1.0 * own * hop_.sent.across;
  });
  CollectiveBytes sum;
  sum[Sender::Tensor] = of_chips(tensor, chips_ / ranks_);
  sum[Sender::Pipeline] = of_chips(pipeline, chips_ / ranks_);
  if (!has_experts_) return sum;
  const Tokens step = tokens(ranks);
  sum[Sender::Expert] = of_chips((step.prompts ? expert_prompts_ : expert_).sent(step.all), chips_);
  return sum;
}

SimTime CommunicationTable::exposed(std::span<const StepShape> ranks) const {
  const Tokens step = tokens(ranks);
  double time = local_(step.most);
  if (kv_exchange_.active()) {
    double longest = 0.0;
    for (const StepShape& shape : ranks) longest = std::max(longest, kv_exchange_(shape));
    time += longest;
  }
  if (has_experts_) {
    if (two_batch_ && splits(overlap_, step.prompts)) {
      time += 2.0 * two_batch_->exchange(step.all, step.prompts) - hidden_ns(ranks, step);
    } else {
      time += step.prompts ? exchange_prompts_(step.all) : exchange_(step.all);
    }
  }
  return SimTime{static_cast<std::int64_t>(time + 0.5)};
}

Communication CommunicationTable::sent(std::span<const StepShape> ranks) const {
  const Tokens step = tokens(ranks);
  const auto mean = static_cast<std::uint32_t>(std::lround(step.all / ranks_));
  Communication communication{.tensor = tensor_(mean)};
  communication.pipeline.add(mean, hop_);
  if (!has_experts_) return communication;
  communication.expert = step.prompts ? expert_prompts_(step.all) : expert_(step.all);
  if (!two_batch_ || !splits(overlap_, step.prompts)) return communication;
  const double both = 2.0 * two_batch_->exchange(step.all, step.prompts);
  communication.hidden = both > 0.0 ? hidden_ns(ranks, step) / both : 0.0;
  return communication;
}

/// Of both halves' exchange, what the other half's computation covers, as the price counts it.
double CommunicationTable::hidden_ns(std::span<const StepShape> ranks, const Tokens& tokens) const {
  const bool padded = graphs_.pads(ranks);
  const std::uint32_t common = graphs_.common(ranks, padded);
  RankHalf half;
  for (const StepShape& shape : ranks) {
    if (shape.tokens() == 0) continue;
    const std::uint32_t own = common > 0 ? common : graphs_.tokens(shape, padded);
    const RankHalf mine = two_batch_->half(shape, own, tokens.prompts);
    if (mine.total() > half.total()) half = mine;
  }
  const TwoBatchTime time = two_batch_->time(half, tokens.all, tokens.prompts);
  const double both = 2.0 * time.exchange();
  if (time.order == TwoBatchTime::Order::Dealt) {
    // What the layers would take less if nothing were sent is not hidden.
    TwoBatchTime silent = time;
    silent.dispatch = silent.combine = 0.0;
    return std::clamp(both - (time.total() - silent.total()), 0.0, both);
  }
  return std::clamp(time.hidden(), 0.0, both);
}

}  // namespace tokenyard::cost
