#include "models/cost/step_cost.hpp"

namespace tokenyard::cost {
namespace {

/// What `of` says of each step of a run, added up.
template <class Sum, class Of>
Sum sum_over(StepShape shape, std::uint64_t steps, Of of) {
  Sum sum{};
  for (std::uint64_t i = 0; i < steps; ++i) {
    sum += of(shape);
    shape.grow();
  }
  return sum;
}

}  // namespace

PriceBasis StepCost::basis(std::span<const StepShape>) const { return {}; }

PriceBasis StepCost::decode_run_basis(const StepShape& first, std::uint64_t steps) const {
  return sum_over<PriceBasis>(first, steps, [this](const StepShape& shape) { return basis({&shape, 1}); });
}

void StepCost::decode_run(const StepShape& first, std::span<SimTime> prices) const {
  StepShape shape = first;
  for (SimTime& price : prices) {
    price = step(shape);
    shape.grow();
  }
}

std::uint64_t StepCost::decode_run_traffic(std::uint32_t decodes, std::uint64_t first_context,
                                           std::uint64_t steps) const {
  return sum_over<std::uint64_t>(
      {.decodes = decodes, .decode_context = first_context}, steps,
      [this](const StepShape& shape) { return static_cast<std::uint64_t>(traffic({&shape, 1}).value()); });
}

SimTime StepCost::decode_run_exposed(const StepShape& first, std::uint64_t steps) const {
  return sum_over<SimTime>(first, steps, [this](const StepShape& shape) { return exposed({&shape, 1}); });
}

}  // namespace tokenyard::cost
