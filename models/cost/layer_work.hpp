#pragma once

#include "models/cost/kernels.hpp"
#include "models/cost/small_kernels.hpp"
#include "models/device/dtype.hpp"
#include "models/device/small_kernels.hpp"
#include "models/llm/architecture.hpp"
#include "models/llm/parallel_plan.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace tokenyard::cost {

/// Which layers of a model a kernel belongs to.
enum class LayersOf : std::uint8_t { All, Dense, Moe };

/// A matrix product that one chip computes in `layers` layers of the model; shape.m is 1: a token's worth.
struct Product {
  std::string_view line;  ///< what explain_step() calls it
  double layers = 0;
  GemmShape shape;
  models::GemmKind kind = models::GemmKind::Bf16;
  LayersOf in = LayersOf::All;
  bool after_attention = false;  ///< multiplies what attention wrote

  [[nodiscard]] Bytes weights() const;  ///< of all these layers, on one chip
};

/// A small kernel of `layers` layers.
struct Pointwise {
  models::SmallKernel kind = models::SmallKernel::Norm;
  double layers = 0;
  SmallShape token;  ///< what it does for one
  LayersOf in = LayersOf::All;
  bool after_reduce = false;     ///< a norm that follows an all-reduce of the tensor group, where there is one
  bool after_attention = false;  ///< quantises what attention wrote
};

/// Everything that one chip of an attention rank computes for that rank's tokens, attention itself and the routed
/// experts left out.
struct LayerWork {
  std::vector<Product> products;     ///< of every token
  std::vector<Pointwise> pointwise;  ///< likewise
  // Of latent attention, by the kind of token; both multiply the same weights.
  std::vector<Product> absorbed;  ///< of every token of decodes
  std::vector<Product> expanded;  ///< of every key that prompts see, cached ones included
  std::vector<Pointwise> joined;  ///< likewise
};

/// GQA: one fused product for queries, keys and values (KV heads are replicated once tensor exceeds them), one for the
/// output; queries of a rank: the fused product goes down to it, whole on every chip, and a norm and one more up. MLA:
/// one down to both latents (whole on every chip), one up to the queries, one for the output; in decodes the
/// up-projection of the latent absorbed into queries and outputs (one product a head each), in prompts one product that
/// expands the latents of all their keys to keys and values of all heads, and a copy that joins the keys with their
/// rotary part. Sources: DeepSeek-V2, arXiv 2405.04434, section 2.1 and appendix C; vllm, mla_attention.py, the comment
/// at its top, _compute_prefill_context and _concat_k_nope_k_pe; TensorRT-LLM, attention.py, forward_context_default;
/// sglang, forward_mha.py. Small kernels: the norms before attention and before the FFN or the experts, one of both
/// latents, one of the heads of queries and keys where a model has them (two with `rotary_apart`), an activation behind
/// the up-projection of a dense FFN or of shared experts and the sum of these with the routed ones, rotary embedding
/// and routing where no other kernel of `small` contains them. With weights of one byte or less (blocks of FP8
/// excepted, whose products quantise themselves) norm and activation write what the next product reads, and the output
/// of attention is quantised by a kernel of its own; each by the format of the product that reads. `rotary_apart`:
/// the engine embeds and appends in kernels of its own even where `small` says that attention contains them: one kernel
/// more than the table's one for both, and with GQA and a cache of one byte another that quantises the queries (latent
/// attention quantises them where it embeds: flashinfer, mla_rope_quantize_fp8).
[[nodiscard]] LayerWork layer_work(const models::LlmSpec& llm, const models::ParallelPlan& plan,
                                   const models::Precision& precision, const models::SmallKernels& small = {},
                                   bool rotary_apart = false);

/// The LM head: BF16, its rows split over the tensor ranks.
[[nodiscard]] Product head_product(const models::LlmSpec& llm, const models::ParallelPlan& plan);

/// The routed experts of one layer on one chip, without tokens. REQUIRES: llm.moe.
[[nodiscard]] MoeShape expert_shape(const models::LlmSpec& llm, const models::ParallelPlan& plan);

/// KV heads that one chip holds.
[[nodiscard]] double kv_heads_per_chip(const models::LlmSpec& llm, const models::ParallelPlan& plan);

/// What one cached token takes on one chip in one layer.
[[nodiscard]] Bytes kv_bytes_per_layer(const models::LlmSpec& llm, const models::ParallelPlan& plan, models::Dtype kv);

}  // namespace tokenyard::cost
