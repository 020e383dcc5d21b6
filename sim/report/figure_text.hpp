#pragma once

#include "sim/metrics/recorder.hpp"

#include <cstdint>
#include <string>

namespace tokenyard::report {

// Figures as a person reads them, in ASCII. Exact figures stand in the files. What is not finite prints "-".

/// Three significant digits in ns, us, ms or s: 0.0123 -> "12.3 ms", 1.5 -> "1.50 s", 4567.8 -> "4,568 s", 0 -> "0 s".
[[nodiscard]] std::string time_text(double seconds);

/// Three significant digits and a decimal prefix: (1.5e9, "B") -> "1.50 GB", (12, "J") -> "12.0 J", (0, "B") -> "0 B".
[[nodiscard]] std::string prefixed_text(double value, const char* unit);

/// Four significant digits, whole numbers in groups of three: 12345.6 -> "12,346", 45.678 -> "45.68", 0 -> "0".
[[nodiscard]] std::string number_text(double value);

/// 1234567 -> "1,234,567".
[[nodiscard]] std::string count_text(std::uint64_t count);

/// Four decimals, as an MFU of 0.0043 is common: 0.4 -> "0.4000"; what would round to 0 but is not prints "<0.0001".
[[nodiscard]] std::string ratio_text(double ratio);

/// "wait to be fetched".
[[nodiscard]] std::string part_text(metrics::Part part);

}  // namespace tokenyard::report
