#include "models/cost/step_traffic.hpp"

#include "models/cost/attention.hpp"
#include "models/cost/graph_padding.hpp"
#include "models/cost/step_parts.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::cost {

std::uint64_t StepTraffic::KvReads::bytes(std::uint64_t decodes, std::uint64_t context) const {
  if (decodes == 0) return 0;
  return per_context * (window > context / decodes ? context : std::min(context, decodes * window));
}

std::uint64_t StepTraffic::KvReads::run_bytes(std::uint64_t decodes, std::uint64_t context, std::uint64_t steps) const {
  // The mean context grows by 1 a step: so many steps until it has reached the window.
  const std::uint64_t reach = decodes * std::min(window, UINT64_MAX / decodes);
  const std::uint64_t growing = context >= reach ? 0 : std::min(steps, (reach - context + decodes - 1) / decodes);
  const std::uint64_t grown = growing * context + decodes * (growing * (growing - (growing > 0 ? 1 : 0)) / 2);
  return per_context * (grown + (growing < steps ? (steps - growing) * reach : 0));
}

std::vector<StepTraffic::KvReads> StepTraffic::kv_reads(const StepCostSpec& spec) {
  const double token = kv_bytes_per_layer(spec.llm, spec.plan, spec.precision.kv).value() * spec.plan.tensor;
  std::vector<KvReads> reads;
  for (const AttentionLayers& group : attention_layers(spec.llm)) {
    reads.push_back({.per_context = static_cast<std::uint64_t>(std::llround(token * group.layers)),
                     .window = group.window < 1e18 ? static_cast<std::uint64_t>(group.window) : UINT64_MAX});
  }
  return reads;
}

StepTraffic::StepTraffic(const StepCostSpec& spec, const StepParts& parts)
    : has_experts_(spec.llm.moe.has_value()),
      rank_weights_(parts.rank_weights()),
      expert_weights_(largest_total(spec), [&](double tokens) { return parts.expert_weights(tokens).value(); }),
      kv_reads_(kv_reads(spec)) {}

Bytes StepTraffic::operator()(std::span<const StepShape> ranks, std::uint32_t tokens) const {
  Bytes weights;
  std::uint64_t cache = 0;
  for (const StepShape& shape : ranks) {
    if (shape.tokens() == 0) continue;
    weights += rank_weights_;
    for (const KvReads& group : kv_reads_) cache += group.bytes(shape.decodes, shape.decode_context);
  }
  if (has_experts_) weights += Bytes{expert_weights_(tokens)};
  return Bytes{std::floor(weights.value() + 0.5) + static_cast<double>(cache)};
}

std::uint64_t StepTraffic::of_run(std::uint32_t decodes, std::uint64_t first_context, std::uint64_t steps,
                                  Bytes first) const {
  std::uint64_t sum = 0;
  std::uint64_t cache = 0;
  for (const KvReads& group : kv_reads_) {
    cache += group.bytes(decodes, first_context);
    sum += group.run_bytes(decodes, first_context, steps);
  }
  return sum + (static_cast<std::uint64_t>(first.value()) - cache) * steps;
}

}  // namespace tokenyard::cost
