#include "models/cost/peak_time.hpp"

#include "models/cost/layer_work.hpp"

#include <algorithm>
#include <cstdint>

namespace tokenyard::cost {
namespace {

double peak(const StepCostSpec& spec, models::GemmKind kind) {
  return spec.chip.peak_of(models::compute_dtype(kind)).value();
}

/// FLOP of one chip in one layer for twice a unit of area: a query and a key meet in two products.
double flop_per_area_x2(const StepCostSpec& spec) {
  const double share = 1.0 / (spec.plan.tensor * spec.plan.context);
  if (spec.llm.mla) {
    const models::MlaSpec& mla = *spec.llm.mla;
    return share * mla.heads * (1.0 * mla.nope_dim + mla.rope_dim + mla.v_dim);
  }
  return share * 2.0 * spec.llm.gqa->heads * spec.llm.gqa->head_dim;
}

}  // namespace

PeakTime::PeakTime(const StepCostSpec& spec) {
  const LayerWork work = layer_work(spec.llm, spec.plan, spec.precision, spec.chip.kernels.small);
  // What prompts expand of the cache a second time is no work of the model's.
  for (const std::vector<Product>* const products : {&work.products, &work.absorbed}) {
    for (const Product& product : *products) {
      const GemmShape& s = product.shape;
      per_token_ += product.layers * 2.0 * s.batch * s.n * s.k / (peak(spec, product.kind) * spec.plan.context);
    }
  }
  if (spec.llm.moe) {
    const MoeShape experts = expert_shape(spec.llm, spec.plan);
    const double shared = spec.plan.shared_expert_ranks;
    const double rows =
        std::max(experts.top_k / experts.expert_ranks, shared > 0.0 ? 1.0 / shared : 0.0);  // of a token
    per_routed_ = spec.llm.moe_layers() * 2.0 * experts.matrices * experts.hidden * experts.inner * rows /
                  peak(spec, spec.precision.experts);
  }
  const double bf16 = spec.chip.peak_of(models::Dtype::Bf16).value();
  for (const AttentionLayers& layers : attention_layers(spec.llm)) {
    prompts_.push_back({.layers = layers, .per_area_x2 = layers.layers * flop_per_area_x2(spec) / bf16});
  }
}

Seconds PeakTime::operator()(std::span<const StepShape> ranks) const {
  double most = 0.0;
  std::uint64_t tokens = 0;
  for (const StepShape& shape : ranks) {
    double own = per_token_ * shape.tokens();
    if (shape.prefill_tokens > 0) {
      for (const Prompts& prompts : prompts_) {
        own += prompts.per_area_x2 *
               prompts.layers.seen_area_x2(shape.prefill_tokens, static_cast<double>(shape.prefill_area_x2));
      }
    }
    most = std::max(most, own);
    tokens += shape.tokens();
  }
  return Seconds{most + per_routed_ * static_cast<double>(tokens)};
}

}  // namespace tokenyard::cost
