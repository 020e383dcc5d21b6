#include "models/cost/latent_products.hpp"

namespace tokenyard::cost {

LatentProducts::LatentProducts(const StepCostSpec& spec, const StepParts& parts, std::uint32_t largest)
    : latent_(spec.llm.mla.has_value()),
      absorbed_(latent_ ? largest : 0, [&](double rows) { return parts.latents(rows, 0.0); }),
      expanded_(latent_ ? kExpandedAtOnce : 0, [&](double keys) { return parts.latents(0.0, keys); }) {}

void LatentProducts::add_basis(LatentWork work, PriceBasis& basis) const {
  if (!latent_) return;
  absorbed_.add_basis(work.rows, basis);
  for (std::uint64_t whole = work.keys / kExpandedAtOnce; whole > 0; --whole) {
    expanded_.add_basis(kExpandedAtOnce, basis);
  }
  expanded_.add_basis(static_cast<std::uint32_t>(work.keys % kExpandedAtOnce), basis);
}

}  // namespace tokenyard::cost
