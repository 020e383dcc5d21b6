#pragma once

#include "workloads/random_stream.hpp"
#include "workloads/spec.hpp"

#include <cstdint>
#include <utility>

namespace tokenyard::workloads {

/// One length in tokens, >= 1. REQUIRES: validate(spec) passed.
/// A constant draws nothing; every other kind draws from `stream` alone.
[[nodiscard]] std::uint32_t draw_length(const LengthSpec& spec, RandomStream& stream);

/// Two lengths, each by its own law, whose ranks correlate (Spearman): by a Gaussian copula, whose Pearson correlation
/// is 2 sin(pi/6 rho) (K. Pearson 1907). Clamping and rounding take a little away. REQUIRES: -1 < rank_correlation < 1.
[[nodiscard]] std::pair<std::uint32_t, std::uint32_t> draw_lengths(const LengthSpec& first, const LengthSpec& second,
                                                                   double rank_correlation, RandomStream& stream);

/// A time in seconds. REQUIRES: validate(spec) passed.
[[nodiscard]] double draw_seconds(const TimeSpec& spec, RandomStream& stream);

/// A share of a beta law with that mean and standard deviation; `mean` itself, without a draw, when sd is 0.
/// REQUIRES: 0 <= mean <= 1, sd^2 < mean (1 - mean) or sd == 0.
[[nodiscard]] double draw_share(double mean, double sd, RandomStream& stream);

}  // namespace tokenyard::workloads
