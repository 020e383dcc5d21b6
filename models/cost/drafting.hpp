#pragma once

#include "models/cost/attention.hpp"
#include "models/cost/latent_products.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/step_shape.hpp"
#include "models/cost/token_table.hpp"

#include <cstdint>

namespace tokenyard::cost {

/// What drafting adds to a step that verifies. What drafts, a layer or a model of its own, runs k times: first over all
/// tokens of the step, prompts included, since it keeps a cache of its own (a layer also takes the hidden states just
/// computed); then k - 1 times over the one token a sequence that it proposed last. Each time the head proposes a token
/// a sequence. A layer takes embedding and hidden state joined through a matrix of 2*hidden x hidden, whole on every
/// chip. Leaves out launches: passes replay graphs. Source: DeepSeek-V3, arXiv 2412.19437, section 2.2; EAGLE, arXiv
/// 2401.15077; arXiv 2211.17192; the order of passes is vLLM's.
class DraftParts {
 public:
  /// REQUIRES: spec.speculation.tokens > 0, of a model that has the layer.
  explicit DraftParts(const StepCostSpec& spec);

  /// All that one rank waits for on its own when it computes `tokens` for `shape`, attention included.
  [[nodiscard]] Part rank(double tokens, const StepShape& shape) const;

  /// The first pass of one rank over `tokens` without attention and what it does to latents; head and sampling not
  /// included.
  [[nodiscard]] Part first(double tokens) const;
  /// All heads, and the later passes, of one rank with `rows` sequences, without attention; with what they do to
  /// latents.
  [[nodiscard]] Part later(double rows) const;
  /// Routed experts and their exchange, all ranks together: of the first pass, of all later ones.
  [[nodiscard]] Part first_shared(double tokens) const;
  [[nodiscard]] Part later_shared(double rows) const;

 private:
  StepCostSpec spec_;  ///< of what drafts alone
  StepParts parts_;
  StepParts single_;  ///< with one token a sequence
  double passes_;     ///< later ones: k - 1
};

/// The same compiled, with attention.
class Drafting {
 public:
  /// `largest`: most tokens of a rank; `largest_shared`: of all ranks together, 0 without experts.
  Drafting(const StepCostSpec& spec, std::uint32_t largest, std::uint32_t largest_shared);

  /// Nanoseconds that a rank waits for on its own when it computes `tokens` for `shape`.
  [[nodiscard]] double rank(std::uint32_t tokens, const StepShape& shape) const;
  /// Nanoseconds of what all ranks do together, for `tokens` and `rows` sequences of all of them.
  [[nodiscard]] double shared(std::uint32_t tokens, std::uint32_t rows) const {
    return first_shared_(tokens) + later_shared_(rows);
  }

 private:
  LatentProducts latents_;
  Attention verify_;  // one layer, k + 1 tokens a sequence
  Attention single_;  // one layer, one token a sequence
  double passes_;
  TokenTable first_;
  TokenTable later_;
  TokenTable first_shared_;
  TokenTable later_shared_;
};

}  // namespace tokenyard::cost
