#include "models/llm/speculation.hpp"

#include "models/base/errors.hpp"

#include <string>

namespace tokenyard::models {
namespace {

constexpr std::uint32_t kMostDrafts = 15;  // a step of 16 tokens a sequence; engines stop far below

}  // namespace

void validate(const SpeculationSpec& spec, const LlmSpec& llm) {
  if (spec.tokens == 0) return;
  if (spec.tokens > kMostDrafts) throw SpecError("tokens", "at most " + std::to_string(kMostDrafts) + " drafts a step");
  if (spec.acceptance.size() != spec.tokens) {
    throw SpecError("acceptance", "has " + std::to_string(spec.acceptance.size()) + " probabilities for " +
                                      std::to_string(spec.tokens) + " drafts; give one a draft, or one number for all");
  }
  for (const double p : spec.acceptance) {
    if (!(p >= 0.0 && p <= 1.0)) throw SpecError("acceptance", "must be from 0 to 1");
  }
  if (spec.drafter == Drafter::Mtp && llm.mtp_layers == 0) {
    throw SpecError("draft", llm.name + " has no multi-token-prediction layer; this works: eagle");
  }
  if (spec.drafter != Drafter::Model) return;
  expect(spec.model.has_value(), "a drafting model is named");
  if (spec.model->vocab != llm.vocab) {
    throw SpecError("draft.llm", spec.model->name + " has " + std::to_string(spec.model->vocab) +
                                     " tokens in its vocabulary, " + llm.name + " has " + std::to_string(llm.vocab) +
                                     "; a model drafts for one of its own vocabulary");
  }
}

double tokens_per_step(const SpeculationSpec& spec) {
  double sum = 1.0;
  double all_before = 1.0;
  for (const double p : spec.acceptance) {
    all_before *= p;
    sum += all_before;
  }
  return sum;
}

LlmSpec drafting_model(const SpeculationSpec& spec, const LlmSpec& llm) {
  if (spec.drafter == Drafter::Model) return *spec.model;
  LlmSpec draft = llm;
  draft.layers = 1;
  draft.mtp_layers = 0;
  draft.published_total.reset();
  draft.published_active.reset();
  if (draft.gqa) {  // an Eagle layer sees everything
    draft.gqa->window = 0;
    draft.gqa->windowed_layers = 0;
  }
  if (spec.drafter == Drafter::Mtp && draft.moe) {
    draft.moe->dense_layers = 0;
    draft.ffn = 0;
  }
  if (spec.drafter == Drafter::Eagle) {
    // Without a dense FFN of its own the model gives no size: as wide as the experts that one token visits.
    if (draft.ffn == 0 && draft.moe) draft.ffn = draft.moe->top_k * draft.moe->expert_ffn + draft.moe->shared_ffn;
    draft.moe.reset();
  }
  return draft;
}

ParallelPlan drafting_plan(const LlmSpec& drafting, const ParallelPlan& plan) {
  ParallelPlan stage = plan;
  stage.pipeline = 1;
  if (!drafting.moe) {
    stage.expert = 1;
    stage.redundant_experts = 0;
    stage.shared_expert_ranks = 0;
  }
  return stage;
}

Precision drafting_precision(const SpeculationSpec& spec, const Precision& precision) {
  if (spec.drafter != Drafter::Model) return precision;
  return {.weights = spec.model->native,
          .experts = spec.model->native_experts.value_or(spec.model->native),
          .kv = precision.kv};
}

Bytes draft_weight_bytes_per_chip(const SpeculationSpec& spec, const LlmSpec& llm, const ParallelPlan& plan,
                                  const Precision& precision) {
  if (spec.tokens == 0) return Bytes{0.0};
  LlmSpec draft = drafting_model(spec, llm);
  const ParallelPlan stage = drafting_plan(draft, plan);
  const Precision formats = drafting_precision(spec, precision);
  if (spec.drafter == Drafter::Model) return weight_bytes_per_chip(draft, stage, formats);
  draft.vocab = 0;  // embedding and head are the model's
  const double join = 2.0 * llm.hidden * llm.hidden * weight_bytes(precision.weights);
  return weight_bytes_per_chip(draft, stage, formats) + Bytes{join};
}

Bytes draft_kv_bytes_per_token_per_chip(const SpeculationSpec& spec, const LlmSpec& llm, const ParallelPlan& plan,
                                        Dtype kv) {
  if (spec.tokens == 0) return Bytes{0.0};
  const LlmSpec draft = drafting_model(spec, llm);
  return kv_bytes_per_token_per_chip(draft, drafting_plan(draft, plan), kv);
}

}  // namespace tokenyard::models
