#pragma once

#include "models/device/accelerator.hpp"
#include "models/fit/family.hpp"
#include "models/fit/samples.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace tokenyard::fit {

/// How far a formula is from measured times: |ln(predicted / measured)|, nearest rank.
struct FitError {
  std::size_t rows = 0;
  double p50 = 0.0;
  double p90 = 0.0;
  double bias = 0.0;               ///< median of ln(predicted / measured)
  std::vector<std::size_t> worst;  ///< rows of the samples with the largest errors, largest first; at most 3
};

/// From the least to the greatest value of one figure of the shapes.
struct Range {
  double least = 0.0;
  double greatest = 0.0;
};

struct FittedFamily {
  std::vector<double> values;  ///< in the order of the family's parameters
  std::size_t fitted = 0;      ///< rows used
  FitError held_out;           ///< on rows that were not used
  std::vector<Range> valid;    ///< of all rows that serving meets, by figure of the shape
};

/// Rows of a family that serving meets, one for each shape (the fastest), with the figures that the family derives.
/// Those are what is fitted and judged.
[[nodiscard]] Samples serving_rows(const Family& family, const Samples& samples, const models::AcceleratorSpec& chip);

/// Whether a row of serving_rows() is kept from the fit to judge it: one shape in four, by the hash of the shape, or
/// what family.hold_every says.
[[nodiscard]] bool held_out(const Family& family, const Samples& rows, std::size_t row);

/// From the least to the greatest value of each figure of the shape. REQUIRES: a row.
[[nodiscard]] std::vector<Range> ranges_of(const Family& family, const Samples& rows);

/// The error of coefficients `values` on the rows of `rows` that are held out.
[[nodiscard]] FitError error_on_held_out(const Family& family, std::span<const double> values, const Samples& rows,
                                         const models::AcceleratorSpec& chip);

/// The coefficients with the least robust error on the rows that are not held out (at most 4,000 of them, evenly by the
/// hash): the sum of 2 d^2 (sqrt(1 + (e/d)^2) - 1) with e = ln(predicted / measured) and d = 0.05, which counts an
/// outlier by its size and not by its square. Terms that the formula can do without are kept only when they help
/// (family.hpp). One more search starts from the coefficients that the chip has, if it has some, with the terms that
/// these have. REQUIRES: rows from serving_rows(), at least family.fewest of them, one held out and one not; the family
/// suits the chip.
[[nodiscard]] FittedFamily fit_family(const Family& family, const Samples& rows, const models::AcceleratorSpec& chip);

}  // namespace tokenyard::fit
