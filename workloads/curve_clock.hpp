#pragma once

#include "models/base/units.hpp"
#include "workloads/spec.hpp"

#include <cstddef>
#include <optional>

namespace tokenyard::workloads {

/// Turns the even time in which a stream of constant rate is drawn into time with a RateCurve: the integral of the
/// factor from 0 to real time is the even time. So a Poisson stream stays one, with a rate that follows the curve.
class CurveClock {
 public:
  /// REQUIRES: validate(curve) passed.
  explicit CurveClock(const RateCurve& curve);

  /// Real time of an even time, which never falls from call to call; nothing when the curve never gets there.
  [[nodiscard]] std::optional<double> real_s(double even_s);

 private:
  [[nodiscard]] double end_s() const;  // of the segment at hand, in its own turn of the period
  void next_segment();

  RateCurve curve_;
  std::size_t segment_ = 0;  // between knots segment_ and segment_ + 1; behind the last knot it is the last
  double turn_s_ = 0.0;      // where this turn of the period began
  double here_s_ = 0.0;      // real time reached
  double even_s_ = 0.0;      // and its even time
};

}  // namespace tokenyard::workloads
