#include "workloads/arrivals.hpp"

#include <cmath>
#include <limits>
#include <utility>

namespace tokenyard::workloads {

double weibull_shape(double cv) {
  const auto cv_of = [](double shape) {
    const double mean = std::lgamma(1.0 + 1.0 / shape);
    return std::sqrt(std::expm1(std::lgamma(1.0 + 2.0 / shape) - 2.0 * mean));
  };
  double low = 0.1;
  double high = 100.0;  // the CV falls as the shape rises
  while (high - low > 1e-12 * high) {
    const double middle = 0.5 * (low + high);
    if (middle == low || middle == high) break;
    (cv_of(middle) > cv ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

ArrivalClock::ArrivalClock(const ArrivalSpec& spec, RandomStream stream, const std::optional<RateCurve>& curve)
    : spec_(spec), stream_(std::move(stream)) {
  if (curve) curve_.emplace(*curve);
  if (const auto* weibull = std::get_if<WeibullArrivals>(&spec_)) shape_ = weibull_shape(weibull->cv);
  if (const auto* modulated = std::get_if<ModulatedArrivals>(&spec_)) {
    left_s_ = stream_.exponential() * modulated->dwell.front().value();
  }
}

/// Memoryless: at a change of state the gap is drawn anew.
void ArrivalClock::advance(const ModulatedArrivals& spec) {
  while (true) {
    const double rate = spec.rates[state_].value();
    const double gap_s = rate > 0.0 ? stream_.exponential() / rate : std::numeric_limits<double>::infinity();
    if (gap_s <= left_s_) {
      left_s_ -= gap_s;
      elapsed_s_ += gap_s;
      return;
    }
    elapsed_s_ += left_s_;
    state_ = (state_ + 1) % spec.rates.size();
    left_s_ = stream_.exponential() * spec.dwell[state_].value();
  }
}

void ArrivalClock::advance() {
  ++count_;
  if (const auto* constant = std::get_if<ConstantArrivals>(&spec_)) {
    // Not a sum: the rounding errors of equal gaps all point the same way.
    elapsed_s_ = static_cast<double>(count_) / constant->rate.value();
  } else if (const auto* poisson = std::get_if<PoissonArrivals>(&spec_)) {
    elapsed_s_ += stream_.exponential() / poisson->rate.value();
  } else if (const auto* gamma = std::get_if<GammaArrivals>(&spec_)) {
    const double variance = gamma->cv * gamma->cv;  // of a gap whose mean is 1
    elapsed_s_ += stream_.gamma(1.0 / variance) * variance / gamma->rate.value();
  } else if (const auto* weibull = std::get_if<WeibullArrivals>(&spec_)) {
    const double scale = std::exp(-std::lgamma(1.0 + 1.0 / shape_));  // of a gap whose mean is 1
    elapsed_s_ += scale * std::pow(stream_.exponential(), 1.0 / shape_) / weibull->rate.value();
  } else if (const auto* modulated = std::get_if<ModulatedArrivals>(&spec_)) {
    advance(*modulated);
  } else if (const auto* batch = std::get_if<BatchArrivals>(&spec_)) {
    if ((count_ - 1) % batch->size == 0) {
      elapsed_s_ += stream_.exponential() * static_cast<double>(batch->size) / batch->rate.value();
    }
  }
}

Seconds ArrivalClock::next() {
  advance();
  if (!curve_) return Seconds{elapsed_s_};
  return Seconds{curve_->real_s(elapsed_s_).value_or(std::numeric_limits<double>::infinity())};
}

}  // namespace tokenyard::workloads
