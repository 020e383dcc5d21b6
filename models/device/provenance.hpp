#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::models {

/// The values of one figure of the shapes ("m", "context") that a set of coefficients was fitted on.
struct ValidRange {
  std::string figure;
  double least = 0.0;
  double greatest = 0.0;
};

/// One figure of a shape that is priced.
struct ShapeFigure {
  std::string_view name;
  double value = 0.0;
};

/// Where a set of coefficients comes from, and how far it was off on shapes it was not fitted on. What was never
/// measured is absent.
struct Provenance {
  std::string source;               ///< never empty
  std::optional<double> error_p50;  ///< median of |ln(predicted / measured)|
  std::optional<double> error_p90;  ///< its 90th percentile
  std::uint32_t rows = 0;           ///< shapes measured, those held out included; 0: unknown
  std::vector<ValidRange> valid;    ///< a shape outside one of these is extrapolated; empty: unknown

  /// Whether the coefficients were fitted on measured kernels; else they are assumed or another chip's.
  [[nodiscard]] bool measured() const;
  /// Whether a shape lies within what was measured, as far as is known: a figure without a range is no reason against
  /// it.
  [[nodiscard]] bool covers(std::initializer_list<ShapeFigure> shape) const;
};

}  // namespace tokenyard::models
