#pragma once

#include "models/base/units.hpp"
#include "models/device/dtype.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace tokenyard::models {

/// Multi-head (kv_heads == heads) or grouped-query attention.
struct GqaSpec {
  std::uint32_t heads = 0;
  std::uint32_t kv_heads = 0;
  std::uint32_t head_dim = 0;
  std::uint32_t window = 0;           ///< tokens a sliding-window layer sees; 0 = no such layers
  std::uint32_t windowed_layers = 0;  ///< how many of the layers have the window
  bool head_norms = false;            ///< queries and keys are normalised head by head (Qwen3)
  std::uint32_t q_rank = 0;  ///< of the queries' way down, normalised before the way up (Step-3, arXiv 2507.19427,
                             ///< section 3: multi-matrix factorization attention); 0 = one matrix
};

/// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1).
struct MlaSpec {
  std::uint32_t heads = 0;
  std::uint32_t q_rank = 0;    ///< q_lora_rank
  std::uint32_t kv_rank = 0;   ///< kv_lora_rank: the latent that is cached
  std::uint32_t rope_dim = 0;  ///< cached beside the latent
  std::uint32_t nope_dim = 0;
  std::uint32_t v_dim = 0;
};

struct MoeSpec {
  std::uint32_t experts = 0;  ///< routed
  std::uint32_t top_k = 0;
  std::uint32_t expert_ffn = 0;    ///< inner size of one routed expert
  std::uint32_t shared_ffn = 0;    ///< inner size of all shared experts together; 0 = none
  std::uint32_t dense_layers = 0;  ///< leading layers with a dense FFN instead
  std::uint32_t groups = 0;        ///< of experts, for group-limited routing; 0 = none
  std::uint32_t top_groups = 0;    ///< groups that a token's experts may come from
  double load_alpha = 1.2;         ///< of the power law that the loads of its experts follow where nobody tells them
};

/// A decoder-only transformer.
struct LlmSpec {
  std::string name;
  std::uint32_t layers = 0;
  std::uint32_t hidden = 0;
  std::uint32_t vocab = 0;
  std::uint32_t max_context = 0;
  std::uint32_t ffn = 0;  ///< inner size of a dense FFN; 0 when every layer is MoE
  bool gated_ffn = true;  ///< three matrices (SwiGLU) or two
  bool tied_embeddings = false;
  std::uint32_t mtp_layers = 0;  ///< multi-token-prediction layers, not part of the totals below
  std::optional<GqaSpec> gqa;    ///< exactly one of gqa and mla
  std::optional<MlaSpec> mla;
  std::optional<MoeSpec> moe;              ///< absent = dense
  GemmKind native = GemmKind::Bf16;        ///< format of the published checkpoint's matrices
  std::optional<GemmKind> native_experts;  ///< of its routed experts, where that differs (gpt-oss)
  std::optional<double> published_total;   ///< parameters, for the check
  std::optional<double> published_active;

  [[nodiscard]] std::uint32_t heads() const { return mla ? mla->heads : gqa->heads; }
  [[nodiscard]] std::uint32_t kv_heads() const { return mla ? 1 : gqa->kv_heads; }
  [[nodiscard]] std::uint32_t dense_layers() const { return moe ? moe->dense_layers : layers; }
  [[nodiscard]] std::uint32_t moe_layers() const { return layers - dense_layers(); }
};

/// Throws SpecError for what cannot be a model: zero layers, kv_heads that do not divide heads, top_k > experts,
/// published parameters more than 3 % away from the architecture's ...
void validate(const LlmSpec& spec);

/// Weights in matrices, by where they go when a model is split. Norms and biases (under 0.1 %) are left out.
struct Parameters {
  double attention_per_layer = 0;  ///< projections of one attention block
  double dense_ffn_per_layer = 0;  ///< of one dense layer; 0 when there is none
  double expert = 0;               ///< one routed expert of one layer
  double shared_per_layer = 0;     ///< shared experts of one MoE layer
  double router_per_layer = 0;
  double embedding = 0;  ///< vocab x hidden
  double head = 0;       ///< vocab x hidden, also when tied (it is multiplied all the same)

  double total = 0;          ///< of the whole model without MTP layers; a tied head counts once
  double active = 0;         ///< used for one token: all but the experts not chosen; embedding included
  double active_matmul = 0;  ///< active without the embedding look-up: the P of "2 P T"
};
[[nodiscard]] Parameters count_parameters(const LlmSpec& spec);

/// 2 * active_matmul: FLOP per token without attention over the context.
[[nodiscard]] Flop matmul_flop_per_token(const LlmSpec& spec);

/// FLOP per generated token and cached token, all layers:
/// GQA 4*heads*head_dim per layer; MLA absorbed 2*heads*(2*kv_rank + rope_dim) per layer.
[[nodiscard]] Flop attention_flop_per_context_token(const LlmSpec& spec);

/// KV cache of one token over all layers, whole model (not per rank):
/// GQA 2*kv_heads*head_dim elements per layer; MLA kv_rank + rope_dim. Windowed layers count in full, as far as they
/// are kept: what an engine keeps of them is its KV layout's.
[[nodiscard]] Bytes kv_bytes_per_token(const LlmSpec& spec, Dtype kv);

}  // namespace tokenyard::models
