#pragma once

#include "sim/metrics/step_sheet.hpp"

#include <ostream>
#include <string>
#include <vector>

namespace tokenyard::report {

/// A step for a terminal: a line a kernel with its time, its share of the step, what it computes and moves on one chip,
/// and the shares of the chip's peak and of its memory's bandwidth that it reaches by that; "-" where it does neither.
[[nodiscard]] std::string step_table(const metrics::StepSheet& step);

/// The same steps for programs, exact; null where a figure does not exist. docs/results.md explains the keys.
void write_steps_json(const std::vector<metrics::StepSheet>& steps, std::ostream& out);

}  // namespace tokenyard::report
