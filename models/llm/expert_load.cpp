#include "models/llm/expert_load.hpp"

#include "models/base/errors.hpp"

#include <string>

namespace tokenyard::models {

void validate(const ExpertLoad& load, std::uint32_t experts, std::uint32_t redundant) {
  if (!(load.alpha >= 0.0 && load.alpha <= 10.0)) throw SpecError("expert_load_alpha", "must be from 0 to 10");
  if (!(load.sigma >= 0.0 && load.sigma <= 5.0)) throw SpecError("expert_load_sigma", "must be from 0 to 5");
  if (!(load.drift >= 0.0 && load.drift <= 1.0)) throw SpecError("expert_load_drift", "must be from 0 to 1");
  if (load.routing == Routing::Measured) {
    if (load.shares.size() != experts) {
      throw SpecError("expert_shares", "has " + std::to_string(load.shares.size()) + " entries for " +
                                           std::to_string(experts) + " experts");
    }
    double sum = 0.0;
    for (const double share : load.shares) {
      if (!(share >= 0.0 && share < 1e12)) throw SpecError("expert_shares", "must not be negative or above 1e12");
      sum += share;
    }
    if (sum <= 0.0) throw SpecError("expert_shares", "one at least must be above 0");
  }
  if (redundant > 0 && load.eplb == Eplb::Off) {
    throw SpecError("redundant_experts",
                    "needs a balancer that says which experts are held twice: set eplb to on or ideal");
  }
}

}  // namespace tokenyard::models
