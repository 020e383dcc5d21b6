#pragma once

#include "models/cost/step_shape.hpp"

#include <cstdint>

namespace tokenyard::cost {

/// What the products between latents and heads multiply on one rank of a step.
struct LatentWork {
  std::uint32_t rows = 0;    ///< tokens of decodes, those included that fill up a graph
  std::uint32_t tokens = 0;  ///< of prompts
  std::uint64_t keys = 0;    ///< of prompts, cached ones included

  /// The same with prompts that are computed absorbed as rows, where StepCostSpec::absorbed_prefix_below is `below`.
  [[nodiscard]] LatentWork parted(std::uint32_t below) const {
    if (!absorbs_prompts(tokens, static_cast<double>(keys), below)) return *this;
    return {.rows = rows + tokens};
  }
};

/// Of `shape` when its rank computes `own` tokens.
[[nodiscard]] inline LatentWork latent_work(const StepShape& shape, std::uint32_t own) {
  return {.rows = own - shape.prefill_tokens,
          .tokens = shape.prefill_tokens,
          .keys = static_cast<std::uint64_t>(shape.keys_of_prompts() + 0.5)};
}
[[nodiscard]] inline LatentWork half_of(const LatentWork& work) {
  return {.rows = (work.rows + 1) / 2, .tokens = (work.tokens + 1) / 2, .keys = (work.keys + 1) / 2};
}

}  // namespace tokenyard::cost
