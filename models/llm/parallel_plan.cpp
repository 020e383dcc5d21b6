#include "models/llm/parallel_plan.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace tokenyard::models {
namespace {

std::vector<std::uint32_t> divisors(std::uint32_t number) {
  std::vector<std::uint32_t> found;
  for (std::uint32_t d = 1; d <= number; ++d) {
    if (number % d == 0) found.push_back(d);
  }
  return found;
}

std::string listed(const std::vector<std::uint32_t>& numbers) {
  std::string text;
  for (const std::uint32_t number : numbers) text += (text.empty() ? "" : ", ") + std::to_string(number);
  return text;
}

/// Empty when `tensor` ranks can share one attention rank's layers, else the reason.
std::string tensor_objection(std::uint32_t tensor, const LlmSpec& llm) {
  const auto does_not_divide = [&](std::uint32_t number, const std::string& what) {
    return std::to_string(tensor) + " does not divide the " + what + " of " + std::to_string(number);
  };
  if (llm.heads() % tensor != 0) {
    return std::to_string(tensor) + " does not divide the " + std::to_string(llm.heads()) + " heads";
  }
  if (llm.gqa && tensor % llm.gqa->kv_heads != 0 && llm.gqa->kv_heads % tensor != 0) {
    return std::to_string(tensor) + " neither divides the " + std::to_string(llm.gqa->kv_heads) +
           " KV heads nor is a multiple of them";
  }
  if (llm.dense_layers() > 0 && llm.ffn % tensor != 0) return does_not_divide(llm.ffn, "dense FFN");
  if (llm.moe && llm.moe->shared_ffn % tensor != 0) return does_not_divide(llm.moe->shared_ffn, "shared experts");
  return {};
}

/// Likewise for `expert` groups of the routed experts on the plan's stage.
std::string expert_objection(std::uint32_t expert, const ParallelPlan& plan, const MoeSpec& moe) {
  const std::string stage = std::to_string(plan.stage_chips());
  if (plan.stage_chips() % expert != 0) {
    return std::to_string(expert) + " does not divide the " + stage +
           " chips of a stage (tensor * context * attention_data)";
  }
  const std::uint32_t held = moe.experts + plan.redundant_experts;
  const std::uint32_t shared = plan.shared_expert_ranks;
  if (expert <= shared) return "leaves no rank for routed experts beside shared_expert_ranks " + std::to_string(shared);
  if (held % (expert - shared) != 0) {
    return (shared == 0 ? std::to_string(expert)
                        : "less shared_expert_ranks it is " + std::to_string(expert - shared) + ", which") +
           " does not divide the " + std::to_string(held) + " experts" +
           (plan.redundant_experts > 0 ? " (redundant ones included)" : "");
  }
  const std::uint32_t split = plan.stage_chips() / expert;
  if (moe.expert_ffn % split != 0) {
    return "with " + stage + " chips in a stage every expert is split " + std::to_string(split) +
           " ways, which do not divide its inner size of " + std::to_string(moe.expert_ffn);
  }
  return {};
}

void check_expert(const ParallelPlan& plan, const LlmSpec& llm) {
  if (!llm.moe) {
    if (plan.expert != 1) throw SpecError("expert", llm.name + " is a dense model; it must be 1");
    if (plan.redundant_experts != 0) {
      throw SpecError("redundant_experts", llm.name + " is a dense model; it must be 0");
    }
    if (plan.shared_expert_ranks != 0) {
      throw SpecError("shared_expert_ranks", llm.name + " is a dense model; it must be 0");
    }
    return;
  }
  if (plan.shared_expert_ranks > 0) {
    if (llm.moe->shared_ffn != llm.moe->expert_ffn) {
      throw SpecError("shared_expert_ranks", "needs shared experts of the size of a routed one (" +
                                                 std::to_string(llm.moe->expert_ffn) + "); those of " + llm.name +
                                                 " have " + std::to_string(llm.moe->shared_ffn));
    }
    if (plan.expert != plan.stage_chips()) {
      throw SpecError("shared_expert_ranks", "needs a group of experts a chip: expert must be " +
                                                 std::to_string(plan.stage_chips()) + ", not " +
                                                 std::to_string(plan.expert));
    }
  }
  const std::string objection = expert_objection(plan.expert, plan, *llm.moe);
  if (objection.empty()) return;
  std::vector<std::uint32_t> choices = divisors(plan.stage_chips());
  std::erase_if(choices, [&](std::uint32_t e) { return !expert_objection(e, plan, *llm.moe).empty(); });
  throw SpecError("expert", objection + (choices.empty() ? "; no value fits this stage: change tensor or attention_data"
                                                         : "; these work: " + listed(choices)));
}

/// Projections of one attention block that a tensor rank holds.
double attention_share(const LlmSpec& llm, std::uint32_t tensor) {
  const Parameters p = count_parameters(llm);
  if (llm.mla) {  // the way down to the latents stands whole on every rank
    const double down = 1.0 * llm.hidden * (llm.mla->q_rank + llm.mla->kv_rank + llm.mla->rope_dim);
    return (p.attention_per_layer - down) / tensor + down;
  }
  const double down = 1.0 * llm.hidden * llm.gqa->q_rank;                       // likewise
  const double head = 2.0 * llm.hidden * llm.gqa->head_dim;                     // one K and one V head,
  const double heads = std::max(1.0 * llm.gqa->kv_heads / tensor, 1.0) * head;  // copied once tensor exceeds them
  return (p.attention_per_layer - down - llm.gqa->kv_heads * head) / tensor + down + heads;
}

/// Of these, the projection behind attention, over all ranks.
double attention_output(const LlmSpec& llm) {
  return 1.0 * llm.heads() * (llm.mla ? llm.mla->v_dim : llm.gqa->head_dim) * llm.hidden;
}

std::uint32_t most_layers(const LlmSpec& llm, const ParallelPlan& plan) {
  return (llm.layers + plan.pipeline - 1) / plan.pipeline;
}

}  // namespace

void validate(const ParallelPlan& plan, const LlmSpec& llm) {
  const auto at_least_one = [](std::uint32_t value, const char* field) {
    if (value == 0) throw SpecError(field, "must be at least 1");
  };
  at_least_one(plan.tensor, "tensor");
  at_least_one(plan.pipeline, "pipeline");
  at_least_one(plan.attention_data, "attention_data");
  at_least_one(plan.expert, "expert");
  at_least_one(plan.context, "context");
  at_least_one(plan.kv, "kv");

  if (const std::string objection = tensor_objection(plan.tensor, llm); !objection.empty()) {
    std::vector<std::uint32_t> choices = divisors(llm.heads());
    std::erase_if(choices, [&](std::uint32_t t) { return !tensor_objection(t, llm).empty(); });
    throw SpecError("tensor", objection + "; these work: " + listed(choices));
  }
  if (plan.pipeline > llm.layers) {
    throw SpecError("pipeline", "at most one stage a layer: " + llm.name + " has " + std::to_string(llm.layers));
  }
  check_expert(plan, llm);
  const std::uint32_t copies = llm.mla ? plan.tensor : std::max(plan.tensor / llm.gqa->kv_heads, 1U);
  if (copies % plan.kv != 0) {
    throw SpecError("kv", std::to_string(plan.kv) + " does not divide the " + std::to_string(copies) +
                              " copies of the cache that tensor " + std::to_string(plan.tensor) +
                              " holds; these work: " + listed(divisors(copies)));
  }
}

std::vector<StageLayers> stage_layers(const LlmSpec& llm, const ParallelPlan& plan) {
  std::vector<StageLayers> stages;
  std::uint32_t first = 0;  // first layer of the stage
  for (std::uint32_t stage = 0; stage < plan.pipeline; ++stage) {
    const std::uint32_t layers = llm.layers / plan.pipeline + (stage < llm.layers % plan.pipeline ? 1 : 0);
    const std::uint32_t dense = first < llm.dense_layers() ? std::min(layers, llm.dense_layers() - first) : 0;
    stages.push_back(
        {.dense = dense, .moe = layers - dense, .embedding = stage == 0, .head = stage + 1 == plan.pipeline});
    first += layers;
  }
  return stages;
}

Bytes weight_bytes_per_chip(const LlmSpec& llm, const ParallelPlan& plan, const Precision& precision) {
  const Parameters p = count_parameters(llm);
  const double tensor = plan.tensor;
  const double ffn_weight = weight_bytes(precision.of_ffn());
  const double bf16 = weight_bytes(GemmKind::Bf16);
  const double output = attention_output(llm) / tensor;
  const double attention = (attention_share(llm, plan.tensor) - output) * weight_bytes(precision.weights) +
                           output * weight_bytes(precision.of_attention_output());
  const double dense_layer = attention + p.dense_ffn_per_layer / tensor * ffn_weight;
  const double expert_weight = weight_bytes(precision.experts);
  double ffn = 0.0;  // of a MoE layer
  if (llm.moe && plan.shared_expert_ranks > 0) {
    const double held = 1.0 * (llm.moe->experts + plan.redundant_experts) / plan.routed_ranks();
    ffn = std::max(held * p.expert, 1.0 * p.shared_per_layer) * expert_weight;
  } else if (llm.moe) {
    ffn = p.shared_per_layer / tensor * ffn_weight +
          (llm.moe->experts + plan.redundant_experts) * p.expert / plan.stage_chips() * expert_weight;
  }
  const double moe_layer = llm.moe ? attention + p.router_per_layer * bf16 + ffn : 0.0;

  double fullest = 0.0;
  for (const StageLayers& stage : stage_layers(llm, plan)) {
    double bytes = stage.dense * dense_layer + stage.moe * moe_layer;
    const bool has_head = stage.head && !(llm.tied_embeddings && stage.embedding);
    bytes += (stage.embedding ? p.embedding : 0.0) / tensor * bf16 + (has_head ? p.head : 0.0) / tensor * bf16;
    fullest = std::max(fullest, bytes);
  }
  return Bytes{fullest};
}

Bytes kv_bytes_per_token_per_chip(const LlmSpec& llm, const ParallelPlan& plan, Dtype kv) {
  double elements = 0.0;
  if (llm.mla) {
    elements = 1.0 * llm.mla->kv_rank + llm.mla->rope_dim;
  } else {
    const std::uint32_t kv_heads = std::max(llm.gqa->kv_heads / plan.tensor, 1U);
    elements = 2.0 * kv_heads * llm.gqa->head_dim;
  }
  return Bytes{most_layers(llm, plan) * elements * kv_bytes(kv) / (1.0 * plan.kv * plan.context)};
}

}  // namespace tokenyard::models
