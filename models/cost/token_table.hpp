#pragma once

#include "models/base/errors.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace tokenyard::cost {

/// A function of a token count, compiled: every count up to 2,048, then 64 knots an octave with straight lines
/// between them. Exact at the knots; between them a smooth price is off by less than 1e-4, and one that steps with
/// tiles of 64 rows or more by less than the step: one tile of 33 at 2,048 tokens and of ever more above.
class TokenTable {
 public:
  static constexpr std::uint32_t kDense = 2048;

  /// Calls `price` once a knot from 0 to `most`. REQUIRES: most < 2^31.
  TokenTable(std::uint32_t most, const std::function<double(double)>& price);

  /// Both together, in one look-up. REQUIRES: tables of the same `most`.
  friend TokenTable operator+(TokenTable left, const TokenTable& right);

  /// REQUIRES: count <= most.
  [[nodiscard]] double operator()(std::uint32_t count) const {
    expect(count <= most_, "the step is no larger than the table");
    if (count <= kDense) return values_[count];
    const std::uint32_t shift = shift_of(count);
    const std::uint32_t below = count & ((1U << shift) - 1U);
    const double* const knot = &values_[index_of(count, shift)];
    return knot[0] + (knot[1] - knot[0]) * (static_cast<double>(below) / static_cast<double>(1U << shift));
  }

 private:
  static constexpr std::uint32_t kKnotBits = 6;  // 64 knots an octave

  static std::uint32_t shift_of(std::uint32_t count) {
    return static_cast<std::uint32_t>(std::bit_width(count)) - 1U - kKnotBits;
  }
  /// Position of the last knot at or below `count` > kDense.
  static std::size_t index_of(std::uint32_t count, std::uint32_t shift) {
    constexpr std::uint32_t first_shift = 11 - kKnotBits;  // of the octave that starts at 2,048
    return kDense + ((shift - first_shift) << kKnotBits) + (count >> shift) - (1U << kKnotBits);
  }

  std::uint32_t most_;
  std::vector<double> values_;
};

}  // namespace tokenyard::cost
