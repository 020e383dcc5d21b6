#pragma once

#include "models/base/units.hpp"
#include "workloads/curve_clock.hpp"
#include "workloads/random_stream.hpp"
#include "workloads/spec.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tokenyard::workloads {

/// Shape k of the Weibull law whose CV is `cv`: CV^2 = G(1 + 2/k) / G(1 + 1/k)^2 - 1, found by bisection to 1e-12.
/// REQUIRES: 0.02 <= cv <= 10.
[[nodiscard]] double weibull_shape(double cv);

/// The instants at which an open loop sends. Gaps are added up as doubles from 0, so that rounding each instant to a
/// nanosecond afterwards does not let the rate drift; the first request comes one gap after 0.
/// A gamma gap of mean m and CV c has shape 1/c^2 and scale m c^2; c = 1 is the exponential gap of a Poisson process.
class ArrivalClock {
 public:
  /// REQUIRES: validate(spec) passed. A closed loop draws nothing: every instant is 0.
  ArrivalClock(const ArrivalSpec& spec, RandomStream stream, const std::optional<RateCurve>& curve = std::nullopt);

  /// Never earlier than the one before; infinite when the curve has come to 0 for ever.
  [[nodiscard]] Seconds next();

 private:
  void advance();
  void advance(const ModulatedArrivals& spec);

  ArrivalSpec spec_;
  RandomStream stream_;
  std::optional<CurveClock> curve_;
  std::uint64_t count_ = 0;
  double elapsed_s_ = 0.0;  // even time: before the curve
  double shape_ = 1.0;      // of a Weibull law
  std::size_t state_ = 0;   // of a modulated process
  double left_s_ = 0.0;     // of the time in that state
};

}  // namespace tokenyard::workloads
