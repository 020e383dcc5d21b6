#pragma once

#include "models/base/price_basis.hpp"
#include "models/cost/latent_work.hpp"
#include "models/cost/part_table.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/step_parts.hpp"

#include <cstdint>

namespace tokenyard::cost {

/// StepParts::latents(), compiled: nanoseconds over all layers; 0 where attention is not latent.
class LatentProducts {
 public:
  /// `largest`: most rows.
  LatentProducts(const StepCostSpec& spec, const StepParts& parts, std::uint32_t largest);

  [[nodiscard]] double operator()(LatentWork work) const {
    if (!latent_) return 0.0;
    const LatentWork parted = work.parted(absorbed_below_);
    return absorbed_(parted.rows) + expanded(parted.keys);
  }
  /// `rest` of a rank's tokens, with these where all are decodes. REQUIRES: a table of `largest`.
  [[nodiscard]] TokenTable with_absorbed(const TokenTable& rest) const {
    return latent_ ? rest + absorbed_.total() : rest;
  }

  /// Adds what the price of these rests on.
  void add_basis(LatentWork work, PriceBasis& basis) const;

 private:
  [[nodiscard]] double expanded(std::uint64_t keys) const {
    double ns = expanded_(static_cast<std::uint32_t>(keys % kExpandedAtOnce));
    if (keys >= kExpandedAtOnce) ns += static_cast<double>(keys / kExpandedAtOnce) * expanded_(kExpandedAtOnce);
    return ns;
  }

  bool latent_;
  std::uint32_t absorbed_below_;  // StepCostSpec::absorbed_prefix_below
  PartTable absorbed_;
  PartTable expanded_;
};

}  // namespace tokenyard::cost
