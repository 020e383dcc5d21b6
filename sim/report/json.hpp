#pragma once

#include "sim/metrics/summary.hpp"

#include <istream>
#include <ostream>
#include <string>

namespace tokenyard::report {

/// summary.json: all figures but those of single links (links.csv has them). Keys end in their unit, ratios are in
/// [0, 1]. What does not exist (a percentile of no samples, MFU of steps that were never run) is null, and so is what
/// is not finite. Same summary, same bytes. docs/results.md explains the keys.
void write_summary(const metrics::Summary& summary, std::ostream& out);

/// Reads it back, exactly; null as 0, `links` empty. Throws UserError "name: why" when it is not a summary of this
/// report_schema.
[[nodiscard]] metrics::Summary read_summary(std::istream& in, const std::string& name);

}  // namespace tokenyard::report
