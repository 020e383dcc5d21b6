#pragma once

#include "sim/metrics/summary.hpp"

#include <string>
#include <vector>

namespace tokenyard::report {

// Text for a terminal, about 100 columns wide. Ratios are in [0, 1]; "-" stands for what does not exist.

/// One run, the answers first. Says in its first line when the run was interrupted.
[[nodiscard]] std::string run_table(const metrics::Summary& summary);

/// Runs side by side, a column each, in the order given; pools are matched by role, planes by name. Says in its first
/// line when a run was interrupted. REQUIRES: at least one. Made for 2 to 6; more are wider than 100 columns.
[[nodiscard]] std::string compare_table(const std::vector<metrics::Summary>& designs);

}  // namespace tokenyard::report
