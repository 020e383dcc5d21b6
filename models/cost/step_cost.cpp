#include "models/cost/step_cost.hpp"

#include "models/base/errors.hpp"
#include "models/cost/attention.hpp"
#include "models/cost/layer_work.hpp"
#include "models/cost/micro_batch.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/token_table.hpp"

#include <algorithm>

namespace tokenyard::cost {
namespace {

double ns(Seconds time) { return time.value() * 1e9; }

/// The kernel sum, compiled: tables in nanoseconds for what depends on token counts, closed forms for attention.
class KernelSum final : public StepCost {
 public:
  KernelSum(const StepCostSpec& spec, const StepParts& parts)
      : max_tokens_(spec.max_tokens),
        micro_(spec),
        has_experts_(spec.llm.moe.has_value()),
        local_(micro_.largest(), [&](double tokens) { return ns(total(parts.local(tokens))); }),
        head_(micro_.largest(), [&](double rows) { return ns(total(parts.head(rows))); }),
        shared_(largest_total(spec), [&](double tokens) { return ns(total(parts.shared(tokens))); }),
        attention_(spec),
        host_per_step_(ns(spec.host.per_step)),
        host_per_sequence_(ns(spec.host.per_sequence)),
        host_overlapped_(spec.host.overlapped),
        rank_weights_(parts.rank_weights()),
        expert_weights_(largest_total(spec), [&](double tokens) { return parts.expert_weights(tokens).value(); }),
        kv_bytes_(kv_bytes_per_layer(spec.llm, spec.plan, spec.precision.kv) * spec.plan.tensor),
        kv_layers_(attention_layers(spec.llm)) {}

  [[nodiscard]] SimTime step(std::span<const StepShape> ranks) const override { return price(ranks); }
  [[nodiscard]] SimTime step(const StepShape& shape) const override { return price({&shape, 1}); }
  [[nodiscard]] Bytes traffic(std::span<const StepShape> ranks) const override;

 private:
  /// Most tokens that the experts see in one pass.
  static std::uint32_t largest_total(const StepCostSpec& spec) {
    return spec.llm.moe ? MicroBatches(spec).largest() * spec.plan.attention_data : 0;
  }

  [[nodiscard]] SimTime price(std::span<const StepShape> ranks) const {
    const bool padded = micro_.pads(ranks);
    double slowest = 0.0;
    std::uint32_t tokens = 0;
    std::uint32_t sequences = 0;
    for (const StepShape& shape : ranks) {
      if (shape.tokens() == 0) continue;
      expect(shape.tokens() <= max_tokens_, "a step has at most max_tokens a rank");
      const std::uint32_t own = micro_.tokens(shape, padded);
      const std::uint32_t rows = shape.decodes + shape.chunks;
      slowest = std::max(slowest, local_(own) + head_(micro_.share(rows)) + attention_(micro_.attention(shape)));
      tokens += own;
      sequences = std::max(sequences, rows);
    }
    expect(tokens > 0, "a step has a token");
    const double chips = has_experts_ ? slowest + shared_(tokens) : slowest;
    const double host = host_per_step_ + host_per_sequence_ * sequences;
    const double both = host_overlapped_ ? std::max(chips, host) : chips + host;
    return SimTime{std::max<std::int64_t>(1, static_cast<std::int64_t>(both + 0.5))};
  }

  std::uint32_t max_tokens_;
  MicroBatches micro_;
  bool has_experts_;
  TokenTable local_;   // of a rank's tokens
  TokenTable head_;    // of a rank's sampled rows
  TokenTable shared_;  // of all ranks' tokens
  Attention attention_;
  double host_per_step_;
  double host_per_sequence_;
  bool host_overlapped_;

  Bytes rank_weights_;         // without routed experts, all chips of a rank
  TokenTable expert_weights_;  // bytes, all chips, of all ranks' tokens
  Bytes kv_bytes_;             // a cached token in one layer, all chips of a rank
  std::vector<AttentionLayers> kv_layers_;
};

Bytes KernelSum::traffic(std::span<const StepShape> ranks) const {
  const bool padded = micro_.pads(ranks);
  Bytes weights;
  Bytes cache;
  std::uint32_t tokens = 0;
  std::uint32_t passes = 0;
  for (const StepShape& shape : ranks) {
    if (shape.tokens() == 0) continue;
    expect(shape.tokens() <= max_tokens_, "a step has at most max_tokens a rank");
    const std::uint32_t own_passes = micro_.passes(shape.tokens());
    weights += rank_weights_ * own_passes;
    for (const AttentionLayers& group : kv_layers_) {
      if (shape.decodes == 0) break;
      cache += kv_bytes_ * group.layers * group.seen_context(shape.decodes, static_cast<double>(shape.decode_context));
    }
    tokens += micro_.tokens(shape, padded);
    passes = std::max(passes, own_passes);
  }
  expect(tokens > 0, "a step has a token");
  if (has_experts_) weights += Bytes{expert_weights_(tokens)} * passes;
  return weights + cache;
}

}  // namespace

std::unique_ptr<StepCost> make_kernel_sum(const StepCostSpec& spec) {
  return std::make_unique<KernelSum>(spec, StepParts(spec));
}

}  // namespace tokenyard::cost
