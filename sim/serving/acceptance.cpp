#include "sim/serving/acceptance.hpp"

#include "models/base/errors.hpp"

#include <utility>

namespace tokenyard::serving {

DrawnAcceptance::DrawnAcceptance(const models::SpeculationSpec& spec, std::unique_ptr<policy::UniformDraw> draw)
    : draw_(std::move(draw)) {
  expect(spec.tokens > 0 && spec.acceptance.size() == spec.tokens, "every draft has a probability");
  double all = 1.0;
  for (const double p : spec.acceptance) reaches_.push_back(all *= p);
}

std::uint32_t DrawnAcceptance::next() {
  const double u = draw_->next();
  std::uint32_t accepted = 0;
  while (accepted < reaches_.size() && u < reaches_[accepted]) ++accepted;
  return accepted;
}

}  // namespace tokenyard::serving
