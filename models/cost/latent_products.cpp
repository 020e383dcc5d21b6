#include "models/cost/latent_products.hpp"

namespace tokenyard::cost {

LatentProducts::LatentProducts(const StepCostSpec& spec, const StepParts& parts, std::uint32_t largest)
    : latent_(spec.llm.mla.has_value()),
      absorbed_below_(spec.absorbed_prefix_below),
      absorbed_(latent_ ? largest : 0, [&](double rows) { return parts.absorbed(rows); }),
      expanded_(latent_ ? kExpandedAtOnce : 0, [&](double keys) { return parts.expanded(keys); }) {}

void LatentProducts::add_basis(LatentWork work, PriceBasis& basis) const {
  if (!latent_) return;
  const auto [rows, tokens, keys] = work.parted(absorbed_below_);
  absorbed_.add_basis(rows, basis);
  for (std::uint64_t whole = keys / kExpandedAtOnce; whole > 0; --whole) {
    expanded_.add_basis(kExpandedAtOnce, basis);
  }
  expanded_.add_basis(static_cast<std::uint32_t>(keys % kExpandedAtOnce), basis);
}

}  // namespace tokenyard::cost
