#include "models/cost/attention.hpp"

#include "models/base/errors.hpp"
#include "models/cost/kernels.hpp"
#include "models/cost/layer_work.hpp"

#include <cstddef>
#include <limits>

namespace tokenyard::cost {
namespace {

constexpr double kEverything = std::numeric_limits<double>::max();  // not infinity: 0 sequences see nothing
constexpr double kProbe = 1048576.0;  // where the slope of a straight line is read: far above its floor

double ns(Seconds time) { return time.value() * 1e9; }

double heads_per_chip(const StepCostSpec& spec) { return 1.0 * spec.llm.heads() / spec.plan.tensor; }

/// Queries of a decode on one chip: a head's for its own token and for each draft that it verifies, all over one cache.
/// With a shared cache those of all chips that share it.
double decode_queries(const StepCostSpec& spec) {
  return heads_per_chip(spec) * spec.speculation.width() * spec.plan.kv;
}

DecodeAttentionShape gqa_shape(const StepCostSpec& spec, double sequences, double context) {
  return {.sequences = sequences,
          .context = context / spec.plan.kv,
          .heads = decode_queries(spec),
          .kv_heads = kv_heads_per_chip(spec.llm, spec.plan),
          .head_dim = 1.0 * spec.llm.gqa->head_dim};
}

/// Of ns a byte: the norm's second argument. Latent attention has no norm; any table will do.
NormTable decode_norm(const StepCostSpec& spec) {
  if (spec.llm.mla) return NormTable(0.0, 0.0, 1.0);
  const auto& c = spec.chip.kernels.decode_attention.at(static_cast<std::size_t>(spec.precision.kv));
  expect(c.has_value(), "the chip has decode attention for this cache");
  return NormTable(ns(c->t0), 1e9 / (spec.chip.memory_bandwidth.value() * c->eff_bw), c->p);
}

}  // namespace

std::vector<AttentionLayers> attention_layers(const models::LlmSpec& llm) {
  const std::uint32_t windowed = llm.gqa ? llm.gqa->windowed_layers : 0;
  std::vector<AttentionLayers> groups;
  if (llm.layers > windowed) groups.push_back({.layers = 1.0 * (llm.layers - windowed), .window = kEverything});
  if (windowed > 0) groups.push_back({.layers = 1.0 * windowed, .window = 1.0 * llm.gqa->window});
  return groups;
}

Seconds decode_layer_time(const StepCostSpec& spec, double sequences, double context) {
  const models::LlmSpec& llm = spec.llm;
  if (!llm.mla) return decode_attention_time(gqa_shape(spec, sequences, context), spec.precision.kv, spec.chip);
  return mla_decode_time({.context = context / spec.plan.kv,
                          .heads = decode_queries(spec),
                          .kv_rank = 1.0 * llm.mla->kv_rank,
                          .rope_dim = 1.0 * llm.mla->rope_dim},
                         spec.precision.kv, spec.chip);
}

Seconds context_layer_time(const StepCostSpec& spec, double tokens, double area_x2) {
  const models::LlmSpec& llm = spec.llm;
  const double own_tokens = tokens / spec.plan.context;  // by turns from both ends, so that areas are alike
  const double own_area = area_x2 / spec.plan.context;
  if (!llm.mla) {
    return context_attention_time({.tokens = own_tokens,
                                   .area_x2 = own_area,
                                   .heads = heads_per_chip(spec),
                                   .kv_heads = kv_heads_per_chip(llm, spec.plan),
                                   .head_dim = 1.0 * llm.gqa->head_dim},
                                  spec.precision.kv, spec.chip);
  }
  return mla_context_time({.tokens = own_tokens,
                           .area_x2 = own_area,
                           .heads = heads_per_chip(spec),
                           .nope_dim = 1.0 * llm.mla->nope_dim,
                           .rope_dim = 1.0 * llm.mla->rope_dim,
                           .v_dim = 1.0 * llm.mla->v_dim},
                          spec.precision.kv, spec.chip);
}

Attention::Attention(const StepCostSpec& spec)
    : groups_(attention_layers(spec.llm)), latent_(spec.llm.mla.has_value()), decode_norm_(decode_norm(spec)) {
  if (latent_) {
    decode_floor_ = ns(decode_layer_time(spec, 0.0, 0.0));
    decode_per_context_ = (ns(decode_layer_time(spec, 0.0, kProbe)) - decode_floor_) / kProbe;
  } else {
    bytes_per_context_ = decode_attention_bytes(gqa_shape(spec, 0.0, 1.0), spec.precision.kv).value();
    bytes_per_sequence_ = decode_attention_bytes(gqa_shape(spec, 1.0, 0.0), spec.precision.kv).value();
  }
  context_floor_ = ns(context_layer_time(spec, 0.0, 0.0));
  context_per_token_ = (ns(context_layer_time(spec, kProbe, 0.0)) - context_floor_) / kProbe;
  context_per_area_ = (ns(context_layer_time(spec, 0.0, kProbe * kProbe)) - context_floor_) / (kProbe * kProbe);
}

}  // namespace tokenyard::cost
