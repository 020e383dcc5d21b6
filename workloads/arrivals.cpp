#include "workloads/arrivals.hpp"

#include <utility>

namespace tokenyard::workloads {

ArrivalClock::ArrivalClock(const ArrivalSpec& spec, RandomStream stream) : spec_(spec), stream_(std::move(stream)) {}

Seconds ArrivalClock::next() {
  ++count_;
  if (const auto* constant = std::get_if<ConstantArrivals>(&spec_)) {
    // Not a sum: the rounding errors of equal gaps all point the same way.
    elapsed_s_ = static_cast<double>(count_) / constant->rate.value();
  } else if (const auto* poisson = std::get_if<PoissonArrivals>(&spec_)) {
    elapsed_s_ += stream_.exponential() / poisson->rate.value();
  } else if (const auto* gamma = std::get_if<GammaArrivals>(&spec_)) {
    const double variance = gamma->cv * gamma->cv;  // of a gap whose mean is 1
    elapsed_s_ += stream_.gamma(1.0 / variance) * variance / gamma->rate.value();
  }
  return Seconds{elapsed_s_};
}

}  // namespace tokenyard::workloads
