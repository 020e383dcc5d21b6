#pragma once

#include "models/llm/architecture.hpp"
#include "models/llm/parallel_plan.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace tokenyard::models {

/// What proposes the tokens that a step of the large model verifies.
enum class Drafter : std::uint8_t {
  Mtp,    ///< the model's own multi-token-prediction layer, again for each token (DeepSeek-V3, arXiv 2412.19437, 2.2)
  Eagle,  ///< one decoder layer with the model's attention and a dense FFN, again for each token (arXiv 2401.15077)
  Model,  ///< a smaller model of the same vocabulary, again for each token (Leviathan et al., arXiv 2211.17192)
};

/// Speculative decoding: a decode computes `tokens` drafts beside its own token in one step and keeps those that the
/// large model would have chosen too, up to the first that it would not.
struct SpeculationSpec {
  std::uint32_t tokens = 0;        ///< drafts a step, k; 0 = off
  std::vector<double> acceptance;  ///< by position: that a draft is accepted when all before it are; k entries
  Drafter drafter = Drafter::Mtp;
  std::optional<LlmSpec> model{};  ///< that drafts; Drafter::Model has one

  [[nodiscard]] std::uint32_t width() const { return 1 + tokens; }  ///< tokens a decode computes in a step
};

/// Throws SpecError("tokens" | "acceptance" | "draft", ...): more than 15 drafts, not one probability in [0, 1] a
/// draft, a model without the layer, a drafting model of another vocabulary.
void validate(const SpeculationSpec& spec, const LlmSpec& llm);

/// Tokens a decode hands out in a step on average: 1 + p1 + p1*p2 + ...
[[nodiscard]] double tokens_per_step(const SpeculationSpec& spec);

/// What drafts, as a model: its own, or one of one layer whose head and embedding are those of the large one.
/// REQUIRES: validate(spec, llm) passed.
[[nodiscard]] LlmSpec drafting_model(const SpeculationSpec& spec, const LlmSpec& llm);

/// How it is spread: as the layers of the last stage are, a dense one without groups of experts.
[[nodiscard]] ParallelPlan drafting_plan(const LlmSpec& drafting, const ParallelPlan& plan);

/// In which formats: those of its own checkpoint beside the cache's, or as the large model.
[[nodiscard]] Precision drafting_precision(const SpeculationSpec& spec, const Precision& precision);

/// Weights of what drafts on each chip of the last stage: split as the model's layers are; the matrix that joins
/// embedding and hidden state of a layer (2*hidden x hidden) is whole on every chip, a drafting model has embedding and
/// head of its own. 0 without drafts.
[[nodiscard]] Bytes draft_weight_bytes_per_chip(const SpeculationSpec& spec, const LlmSpec& llm,
                                                const ParallelPlan& plan, const Precision& precision);
/// Cache of what drafts for one token, on each chip of an attention rank. 0 without drafts.
[[nodiscard]] Bytes draft_kv_bytes_per_token_per_chip(const SpeculationSpec& spec, const LlmSpec& llm,
                                                      const ParallelPlan& plan, Dtype kv);

}  // namespace tokenyard::models
