#pragma once

#include "models/base/price_basis.hpp"
#include "models/cost/part_table.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/step_shape.hpp"

#include <cstdint>

namespace tokenyard::cost {

/// What the products between latents and heads multiply on one rank of a step.
struct LatentWork {
  std::uint32_t rows = 0;  ///< tokens of decodes, those included that fill up a graph
  std::uint64_t keys = 0;  ///< of prompts, cached ones included
};

/// Of `shape` when its rank computes `own` tokens.
[[nodiscard]] inline LatentWork latent_work(const StepShape& shape, std::uint32_t own) {
  return {.rows = own - shape.prefill_tokens, .keys = static_cast<std::uint64_t>(shape.keys_of_prompts() + 0.5)};
}
[[nodiscard]] inline LatentWork half_of(LatentWork work) {
  return {.rows = (work.rows + 1) / 2, .keys = (work.keys + 1) / 2};
}

/// StepParts::latents(), compiled: nanoseconds over all layers; 0 where attention is not latent.
class LatentProducts {
 public:
  /// `largest`: most rows.
  LatentProducts(const StepCostSpec& spec, const StepParts& parts, std::uint32_t largest);

  [[nodiscard]] double operator()(LatentWork work) const {
    return latent_ ? absorbed_(work.rows) + expanded(work.keys) : 0.0;
  }
  /// Of a step that only decodes.
  [[nodiscard]] double absorbed(std::uint32_t rows) const { return latent_ ? absorbed_(rows) : 0.0; }

  /// Adds what the price of these rests on.
  void add_basis(LatentWork work, PriceBasis& basis) const;

 private:
  [[nodiscard]] double expanded(std::uint64_t keys) const {
    double ns = expanded_(static_cast<std::uint32_t>(keys % kExpandedAtOnce));
    if (keys >= kExpandedAtOnce) ns += static_cast<double>(keys / kExpandedAtOnce) * expanded_(kExpandedAtOnce);
    return ns;
  }

  bool latent_;
  PartTable absorbed_;
  PartTable expanded_;
};

}  // namespace tokenyard::cost
