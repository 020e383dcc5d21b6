#include "models/cost/layer_work.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

namespace tokenyard::cost {
namespace {

using models::GemmKind;
using models::LlmSpec;
using models::ParallelPlan;
using models::SmallKernel;

// Bytes an element takes in a pass over it. Activations between kernels are BF16.
constexpr double kActivation = 2.0;
constexpr double kCopy = 4.0;      // read, write
constexpr double kAdd = 6.0;       // read both, write the sum
constexpr double kResidual = 6.0;  // of a norm: read input and residual, write residual
constexpr double kGate = 4.0;      // read gate and up

/// How the weights' format shapes the kernels between products.
struct Formats {
  GemmKind weights;
  bool quantised;  ///< activations are quantised between the products, not in them
  double written;  ///< bytes of an element that a product reads

  explicit Formats(GemmKind kind)
      : weights(kind),
        quantised(kind == GemmKind::Fp8 || kind == GemmKind::Int8 || kind == GemmKind::Nvfp4),
        written(quantised ? models::activation_bytes(kind) : 2.0) {}

  [[nodiscard]] Pointwise norm(double layers, double hidden, LayersOf in = LayersOf::All) const {
    return {.kind = quantised ? SmallKernel::NormQuantise : SmallKernel::Norm,
            .layers = layers,
            .token = {.width = hidden, .bytes = (kResidual + written) * hidden},
            .in = in,
            .after_reduce = true};
  }
  /// Of the output of attention, `width` on this chip.
  void add_quantise(double layers, double width, LayerWork& work) const {
    if (!quantised) return;
    work.pointwise.push_back({.kind = SmallKernel::Quantise,
                              .layers = layers,
                              .token = {.width = width, .bytes = (2.0 + written) * width},
                              .after_attention = true});
  }
};

void add_rotary(double layers, double width, const models::SmallKernels& small, LayerWork& work) {
  if (small.rotary_in_attention) return;
  work.pointwise.push_back(
      {.kind = SmallKernel::Rotary, .layers = layers, .token = {.width = width, .bytes = kCopy * width}});
}

/// What an engine runs beside the one kernel of the attention tables that embeds and appends.
void add_apart(double layers, double qkv, double query, models::Dtype kv, LayerWork& work) {
  work.pointwise.push_back(
      {.kind = SmallKernel::Rotary, .layers = layers, .token = {.width = qkv, .bytes = kCopy * qkv}});
  if (models::kv_bytes(kv) > 1.0) return;
  work.pointwise.push_back(
      {.kind = SmallKernel::Quantise, .layers = layers, .token = {.width = query, .bytes = 3.0 * query}});
}

/// How an engine embeds positions, and the cache that it appends to.
struct Rotary {
  bool apart;  ///< from attention
  models::Dtype kv;
};

/// Formats of one attention block's projections.
struct AttentionFormats {
  Formats in;
  Formats output;
};

/// One of the queries and one of the keys, or, where rotary embedding is fused with them, one of both.
void add_head_norms(double layers, double head_dim, double query, double qkv, bool apart, LayerWork& work) {
  const double keys = (qkv - query) / 2.0;
  const auto add = [&](double width) {
    work.pointwise.push_back(
        {.kind = SmallKernel::Norm, .layers = layers, .token = {.width = head_dim, .bytes = kCopy * width}});
  };
  add(apart ? query : query + keys);
  if (apart) add(keys);
}

void add_gqa(const LlmSpec& llm, const ParallelPlan& plan, const AttentionFormats& formats,
             const models::SmallKernels& small, Rotary rotary, LayerWork& work) {
  const models::GqaSpec& gqa = *llm.gqa;
  const double query = 1.0 * gqa.heads / plan.tensor * gqa.head_dim;
  const double qkv = query + 2.0 * kv_heads_per_chip(llm, plan) * gqa.head_dim;
  const double layers = llm.layers;
  const double q_rank = gqa.q_rank;
  const double down = q_rank > 0.0 ? q_rank + qkv - query : qkv;
  work.products.push_back({"qkv", layers, {.m = 1, .n = down, .k = 1.0 * llm.hidden}, formats.in.weights});
  if (q_rank > 0.0) {
    work.products.push_back({"queries up", layers, {.m = 1, .n = query, .k = q_rank}, formats.in.weights});
    work.pointwise.push_back(
        {.kind = SmallKernel::Norm, .layers = layers, .token = {.width = q_rank, .bytes = kCopy * q_rank}});
  }
  work.products.push_back({.line = "attention output",
                           .layers = layers,
                           .shape = {.m = 1, .n = 1.0 * llm.hidden, .k = query},
                           .kind = formats.output.weights,
                           .after_attention = true});
  work.pointwise.push_back(formats.in.norm(layers, llm.hidden));
  if (gqa.head_norms) add_head_norms(layers, gqa.head_dim, query, qkv, rotary.apart, work);
  add_rotary(layers, qkv, small, work);
  formats.output.add_quantise(layers, query, work);
  if (rotary.apart && small.rotary_in_attention) add_apart(layers, qkv, query, rotary.kv, work);
}

void add_mla(const LlmSpec& llm, const ParallelPlan& plan, const AttentionFormats& formats,
             const models::SmallKernels& small, Rotary rotary, LayerWork& work) {
  const models::MlaSpec& mla = *llm.mla;
  const double heads = 1.0 * mla.heads / plan.tensor;
  const double latents = 1.0 * mla.q_rank + mla.kv_rank + mla.rope_dim;
  const double layers = llm.layers;
  const double hidden = llm.hidden;
  const double q_rank = mla.q_rank;
  const double kv_rank = mla.kv_rank;
  const double nope = mla.nope_dim;
  const double rope = mla.rope_dim;
  const double v = mla.v_dim;
  const GemmKind kind = formats.in.weights;
  work.products.push_back({"latent down", layers, {.m = 1, .n = latents, .k = hidden}, kind});
  work.products.push_back({"queries up", layers, {.m = 1, .n = heads * (nope + rope), .k = q_rank}, kind});
  work.absorbed.push_back({"absorbed latent", layers, {.m = 1, .n = kv_rank, .k = nope, .batch = heads}, kind});
  work.absorbed.push_back({"absorbed latent", layers, {.m = 1, .n = v, .k = kv_rank, .batch = heads}, kind});
  work.expanded.push_back({"expanded latent", layers, {.m = 1, .n = heads * (nope + v), .k = kv_rank}, kind});
  // Read from the product's result, written beside the values; kernels that embed positions write those parts.
  const double embedded = small.rotary_in_attention ? 0.0 : rope + heads * rope;
  work.joined.push_back(
      {.kind = SmallKernel::Add, .layers = layers, .token = {.bytes = kCopy * heads * nope + kActivation * embedded}});
  work.products.push_back({.line = "attention output",
                           .layers = layers,
                           .shape = {.m = 1, .n = hidden, .k = heads * v},
                           .kind = formats.output.weights,
                           .after_attention = true});
  work.pointwise.push_back(formats.in.norm(layers, hidden));
  work.pointwise.push_back(
      {.kind = SmallKernel::Norm, .layers = layers, .token = {.width = latents, .bytes = kCopy * latents}});
  add_rotary(layers, heads * rope + kv_rank + rope, small, work);
  if (rotary.apart && small.rotary_in_attention) {
    const double cached = kv_rank + rope;
    work.pointwise.push_back({.kind = SmallKernel::Rotary,
                              .layers = layers,
                              .token = {.width = cached, .bytes = (2.0 + models::kv_bytes(rotary.kv)) * cached}});
  }
  formats.output.add_quantise(layers, heads * v, work);
}

/// Two products (the gate is fused with the up-projection) and the activation between them.
void add_ffn(std::string_view line, LayersOf in, double inner, const LlmSpec& llm, const Formats& formats,
             LayerWork& work) {
  const double layers = in == LayersOf::Dense ? llm.dense_layers() : llm.moe_layers();
  const double hidden = llm.hidden;
  const GemmKind kind = formats.weights;
  work.products.push_back({line, layers, {.m = 1, .n = (llm.gated_ffn ? 2.0 : 1.0) * inner, .k = hidden}, kind, in});
  work.products.push_back({line, layers, {.m = 1, .n = hidden, .k = inner}, kind, in});
  work.pointwise.push_back({.kind = formats.quantised ? SmallKernel::ActivationQuantise : SmallKernel::Activation,
                            .layers = layers,
                            .token = {.bytes = ((llm.gated_ffn ? kGate : 2.0) + formats.written) * inner},
                            .in = in});
}

}  // namespace

Bytes Product::weights() const { return Bytes{layers * shape.batch * shape.n * shape.k * models::weight_bytes(kind)}; }

LayerWork layer_work(const LlmSpec& llm, const ParallelPlan& plan, const models::Precision& precision,
                     const models::SmallKernels& small, bool rotary_apart) {
  LayerWork work;
  const AttentionFormats attention{Formats(precision.weights), Formats(precision.of_attention_output())};
  if (llm.mla) {
    add_mla(llm, plan, attention, small, {.apart = rotary_apart, .kv = precision.kv}, work);
  } else {
    add_gqa(llm, plan, attention, small, {.apart = rotary_apart, .kv = precision.kv}, work);
  }
  const Formats formats(precision.of_ffn());
  const double hidden = llm.hidden;
  if (const double dense = llm.dense_layers(); dense > 0) {
    work.pointwise.push_back(formats.norm(dense, hidden, LayersOf::Dense));
    add_ffn("dense ffn", LayersOf::Dense, 1.0 * llm.ffn / plan.tensor, llm, formats, work);
  }
  if (!llm.moe) return work;
  const double routed = llm.moe_layers();
  const double experts = llm.moe->experts;
  // The router and the experts' own kernels read BF16; only shared experts would read what a norm quantises.
  work.pointwise.push_back(Formats(GemmKind::Bf16).norm(routed, hidden, LayersOf::Moe));
  work.products.push_back({"router", routed, {.m = 1, .n = experts, .k = hidden}, GemmKind::Bf16, LayersOf::Moe});
  if (!small.routing_in_experts) {
    work.pointwise.push_back({.kind = SmallKernel::Routing,
                              .layers = routed,
                              .token = {.width = experts, .bytes = kCopy * experts},
                              .in = LayersOf::Moe});
  }
  if (llm.moe->shared_ffn > 0 && plan.shared_expert_ranks == 0) {
    add_ffn("shared experts", LayersOf::Moe, 1.0 * llm.moe->shared_ffn / plan.tensor, llm, formats, work);
    work.pointwise.push_back(
        {.kind = SmallKernel::Add, .layers = routed, .token = {.bytes = kAdd * hidden}, .in = LayersOf::Moe});
  }
  return work;
}

Product head_product(const LlmSpec& llm, const ParallelPlan& plan) {
  return {"head", 1.0, {.m = 1, .n = 1.0 * llm.vocab / plan.tensor, .k = 1.0 * llm.hidden}, GemmKind::Bf16};
}

MoeShape expert_shape(const LlmSpec& llm, const ParallelPlan& plan) {
  expect(llm.moe.has_value(), "experts of a model that has some");
  return {.hidden = 1.0 * llm.hidden,
          .inner = 1.0 * llm.moe->expert_ffn / plan.expert_tensor(),
          .experts = 1.0 * llm.moe->experts,
          .top_k = 1.0 * llm.moe->top_k,
          .expert_ranks = 1.0 * plan.routed_ranks(),
          .gathered = plan.attention_data * plan.context > 1 && plan.expert > 1 ? 1.0 / plan.stage_chips() : 1.0,
          .redundant = 1.0 * plan.redundant_experts,
          .matrices = llm.gated_ffn ? 3.0 : 2.0};
}

double kv_heads_per_chip(const LlmSpec& llm, const ParallelPlan& plan) {
  return std::max(1.0 * llm.kv_heads() / plan.tensor, 1.0);
}

Bytes kv_bytes_per_layer(const LlmSpec& llm, const ParallelPlan& plan, models::Dtype kv) {
  const double elements =
      llm.mla ? 1.0 * llm.mla->kv_rank + llm.mla->rope_dim : 2.0 * kv_heads_per_chip(llm, plan) * llm.gqa->head_dim;
  return Bytes{elements * models::kv_bytes(kv) / (1.0 * plan.kv * plan.context)};
}

}  // namespace tokenyard::cost
