#pragma once

#include "models/base/units.hpp"
#include "workloads/random_stream.hpp"
#include "workloads/spec.hpp"

#include <cstdint>

namespace tokenyard::workloads {

/// The instants at which an open loop sends. Gaps are added up as doubles from 0, so that rounding each instant to a
/// nanosecond afterwards does not let the rate drift; the first request comes one gap after 0.
/// A gamma gap of mean m and CV c has shape 1/c^2 and scale m c^2; c = 1 is the exponential gap of a Poisson process.
class ArrivalClock {
 public:
  /// REQUIRES: validate(spec) passed. A closed loop draws nothing: every instant is 0.
  ArrivalClock(const ArrivalSpec& spec, RandomStream stream);

  [[nodiscard]] Seconds next();  ///< never earlier than the one before

 private:
  ArrivalSpec spec_;
  RandomStream stream_;
  std::uint64_t count_ = 0;
  double elapsed_s_ = 0.0;
};

}  // namespace tokenyard::workloads
