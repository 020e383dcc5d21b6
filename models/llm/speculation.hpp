#pragma once

#include "models/llm/architecture.hpp"
#include "models/llm/parallel_plan.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::models {

/// What proposes the tokens that a step of the large model verifies.
enum class Drafter : std::uint8_t {
  Mtp,    ///< the model's own multi-token-prediction layer, again for each token (DeepSeek-V3, arXiv 2412.19437, 2.2)
  Eagle,  ///< one decoder layer with the model's attention and a dense FFN, again for each token (arXiv 2401.15077)
};

/// Speculative decoding: a decode computes `tokens` drafts beside its own token in one step and keeps those that the
/// large model would have chosen too, up to the first that it would not.
struct SpeculationSpec {
  std::uint32_t tokens = 0;        ///< drafts a step, k; 0 = off
  std::vector<double> acceptance;  ///< by position: that a draft is accepted when all before it are; k entries
  Drafter drafter = Drafter::Mtp;

  [[nodiscard]] std::uint32_t width() const { return 1 + tokens; }  ///< tokens a decode computes in a step
};

/// Throws SpecError("tokens" | "acceptance" | "draft", ...): more than 15 drafts, not one probability in [0, 1] a
/// draft, a model without the layer.
void validate(const SpeculationSpec& spec, const LlmSpec& llm);

/// Tokens a decode hands out in a step on average: 1 + p1 + p1*p2 + ...
[[nodiscard]] double tokens_per_step(const SpeculationSpec& spec);

/// The drafting layer as a model of one layer, its head and embedding those of the large one.
/// REQUIRES: validate(spec, llm) passed.
[[nodiscard]] LlmSpec draft_layer(const SpeculationSpec& spec, const LlmSpec& llm);

/// Weights of the drafting layer on each chip of the last stage: split as the model's layers are; the matrix that joins
/// embedding and hidden state (2*hidden x hidden) is whole on every chip. 0 without drafts.
[[nodiscard]] Bytes draft_weight_bytes_per_chip(const SpeculationSpec& spec, const LlmSpec& llm,
                                                const ParallelPlan& plan, const Precision& precision);
/// Cache of the drafting layer for one token, on each chip of an attention rank. 0 without drafts.
[[nodiscard]] Bytes draft_kv_bytes_per_token_per_chip(const SpeculationSpec& spec, const LlmSpec& llm,
                                                      const ParallelPlan& plan, Dtype kv);

}  // namespace tokenyard::models
