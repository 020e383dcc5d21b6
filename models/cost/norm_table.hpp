#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tokenyard::cost {

/// p_norm(floor, slope * x, p) of one varying x >= 0, compiled, because pow() costs more than the rest of a step's
/// price. Straight lines between knots that split each octave evenly; knot and place between knots are read from the
/// bits of x. Within 1e-4 of the formula and never falling as x grows.
class NormTable {
 public:
  /// REQUIRES: floor, slope >= 0; p > 0.
  NormTable(double floor, double slope, double p);

  [[nodiscard]] double operator()(double x) const {
    if (!(x >= kLowest && x < kHighest)) [[unlikely]]
      return formula(x);
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(x) - std::bit_cast<std::uint64_t>(kLowest);
    const double* const knot = &values_[static_cast<std::size_t>(bits >> shift_)];
    return knot[0] + (knot[1] - knot[0]) * (static_cast<double>(static_cast<std::int64_t>(bits & mask_)) * unit_);
  }

 private:
  static constexpr double kLowest = 0.0625;            // ns: less than the work of a token
  static constexpr double kHighest = 1099511627776.0;  // 2^40 ns: more than any step takes

  [[nodiscard]] double formula(double x) const;

  double floor_;
  double slope_;
  double p_;
  std::uint32_t shift_;  // bits of the mantissa below a knot
  std::uint64_t mask_;
  double unit_;
  std::vector<double> values_;
};

}  // namespace tokenyard::cost
