#pragma once

#include "sim/calibrate/calibrate.hpp"

#include <string>

namespace tokenyard::calibrate {

/// A table for people: each family with its rows, error on held-out shapes (median, 90th percentile, bias) and its
/// worst rows; then what was left out.
[[nodiscard]] std::string report_text(const Calibration& calibration);

/// A chip entry (YAML) that lays the coefficients over `base`: `base`, `name`, `kernels`. Each family with its errors,
/// number of shapes, range of validity and `source`; those of communication over the entry `collectives`.
[[nodiscard]] std::string chip_yaml(const Calibration& calibration, const std::string& base,
                                    const std::string& collectives, const std::string& name, const std::string& source);

}  // namespace tokenyard::calibrate
