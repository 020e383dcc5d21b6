#pragma once

#include "models/device/accelerator.hpp"
#include "models/fit/family.hpp"
#include "models/fit/fit_family.hpp"
#include "sim/calibrate/measurements.hpp"

#include <string>
#include <vector>

namespace tokenyard::calibrate {

/// What the tables say of one family of the chip.
struct FamilyResult {
  const fit::Family* family = nullptr;
  std::vector<double> values;      ///< fitted, or the chip's own when only checked
  fit::FitError error;             ///< on the shapes that are held out
  std::vector<fit::Range> valid;   ///< by figure of the shape
  std::size_t rows = 0;            ///< shapes that serving meets
  std::vector<std::string> worst;  ///< "path:line: m 1, n 512, k 512: 4.10 us measured, 5.20 us predicted"
};

struct Calibration {
  std::vector<FamilyResult> families;  ///< in the order of fit::families()
  std::vector<std::string> left_out;   ///< a sentence for each family that could not be fitted, and why
};

/// Reads kernel tables (table_formats.hpp) into one set of measurements. Throws UserError with file, line and column.
[[nodiscard]] Measurements read_tables(const std::vector<std::string>& paths);

/// Families beyond fit::families() that tables may be of: communication, which needs a machine. Outlives the results.
using MoreFamilies = std::vector<fit::Family>;

/// Fits every family that the measurements hold and the chip can have.
/// Throws UserError when the measured times of a family are not of this chip or unit: a median above 30 times what the
/// formula gives with the family's starting coefficients, or below a thirtieth; or a product, or more than half of a
/// family's rows, above the chip's peaks (peaks.hpp).
[[nodiscard]] Calibration fit_tables(const Measurements& measured, const models::AcceleratorSpec& chip,
                                     const MoreFamilies& more = {});

/// Judges the coefficients that the chip has by the same rows that fit_tables() holds out.
[[nodiscard]] Calibration check_tables(const Measurements& measured, const models::AcceleratorSpec& chip,
                                       const MoreFamilies& more = {});

}  // namespace tokenyard::calibrate
