#pragma once

#include "models/base/units.hpp"
#include "models/llm/architecture.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace tokenyard::models {

/// How one instance of a model is spread over chips: pipeline stages, each of attention_data attention ranks of
/// tensor * context chips. MoE layers are spread over all chips of a stage: `expert` groups of whole experts, each
/// split stage_chips / expert ways inside the experts.
struct ParallelPlan {
  std::uint32_t tensor = 1;
  std::uint32_t pipeline = 1;
  std::uint32_t attention_data = 1;
  std::uint32_t expert = 1;
  std::uint32_t context = 1;  ///< groups of `tensor` chips that share a rank's prompts by position, weights on each
  std::uint32_t kv = 1;  ///< chips of a tensor group that share one sequence's cache instead of each holding a copy
  std::uint32_t redundant_experts = 0;  ///< of every MoE layer, held besides all experts of the model
  /// Of the `expert` ranks, those that hold a copy of the shared experts and nothing else: every token goes to one of
  /// them as to its routed ones. 0: each rank computes them for its own tokens.
  std::uint32_t shared_expert_ranks = 0;

  [[nodiscard]] std::uint32_t rank_chips() const { return tensor * context; }
  [[nodiscard]] std::uint32_t stage_chips() const { return rank_chips() * attention_data; }
  [[nodiscard]] std::uint32_t chips() const { return stage_chips() * pipeline; }
  [[nodiscard]] std::uint32_t expert_tensor() const { return stage_chips() / expert; }  ///< splits inside an expert
  [[nodiscard]] std::uint32_t routed_ranks() const { return expert - shared_expert_ranks; }
};

/// Throws SpecError("tensor" | "pipeline" | "attention_data" | "expert" | "context" | "kv", ...) when the plan does not
/// divide the model; the message lists the values that would. tensor may exceed the KV heads (they are then replicated)
/// but must be a multiple of them or divide them; it divides the heads, the dense FFN and the shared experts. expert is
/// 1 for a dense model, else it divides stage_chips and the experts, redundant ones included, and expert_tensor divides
/// expert_ffn. shared_expert_ranks leaves ranks for the routed experts, is 0 unless each chip is such a rank, and needs
/// shared experts of the size of a routed one. kv divides the copies of the cache that a tensor group would hold:
/// tensor / KV heads, and tensor for MLA.
void validate(const ParallelPlan& plan, const LlmSpec& llm);

/// Layers of one pipeline stage.
struct StageLayers {
  std::uint32_t dense = 0;
  std::uint32_t moe = 0;
  bool embedding = false;  ///< the first stage
  bool head = false;       ///< the last stage: LM head and sampling

  [[nodiscard]] std::uint32_t layers() const { return dense + moe; }
  friend bool operator==(const StageLayers&, const StageLayers&) = default;
};
/// Layers dealt evenly to the stages in order, the first ones taking what is left over. One entry a stage.
[[nodiscard]] std::vector<StageLayers> stage_layers(const LlmSpec& llm, const ParallelPlan& plan);

/// Storage formats of one instance.
struct Precision {
  GemmKind weights = GemmKind::Bf16;  ///< all matrices that no other field names; LM head and router are BF16
  GemmKind experts = GemmKind::Bf16;  ///< routed experts
  Dtype kv = Dtype::Bf16;
  std::optional<GemmKind> ffn{};               ///< dense FFN and shared experts; absent: as `weights`
  std::optional<GemmKind> attention_output{};  ///< projection behind attention; absent: as `weights`

  [[nodiscard]] GemmKind of_ffn() const { return ffn.value_or(weights); }
  [[nodiscard]] GemmKind of_attention_output() const { return attention_output.value_or(weights); }
};

/// Weights on the fullest chip of the fullest pipeline stage: attention, dense FFN and shared experts split by tensor,
/// routed experts by stage_chips, embedding and head by tensor on the first and last stage (BF16), layers
/// as stage_layers() deals them. Whole on every chip: the router (BF16), MLA's projections
/// down to the latents, those of queries down to their rank, and, once tensor exceeds the KV heads, one K and one V
/// head.
[[nodiscard]] Bytes weight_bytes_per_chip(const LlmSpec& llm, const ParallelPlan& plan, const Precision& precision);

/// KV bytes one token of one attention rank takes on each of that rank's chips: heads split by tensor, replicated
/// when tensor exceeds the KV heads; the MLA latent is replicated on every tensor rank; layers split by pipeline,
/// tokens by kv and context.
[[nodiscard]] Bytes kv_bytes_per_token_per_chip(const LlmSpec& llm, const ParallelPlan& plan, Dtype kv);

}  // namespace tokenyard::models
