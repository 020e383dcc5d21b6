#pragma once

#include "models/base/sim_time.hpp"
#include "sim/metrics/instance_meter.hpp"
#include "sim/metrics/records.hpp"
#include "sim/metrics/summary.hpp"

#include <deque>
#include <ostream>
#include <vector>

namespace tokenyard::report {

// Tables for programs: a header line, then rows that end in LF. Columns end in their unit. docs/results.md explains
// them.

/// steps.csv: a row a step, by start and then by instance.
void write_steps(const std::vector<metrics::StepRecord>& steps, std::ostream& out);

/// links.csv: a row a link and direction, in the order given.
void write_links(const std::vector<metrics::LinkFigures>& links, std::ostream& out);

/// timeseries.csv: a row an interval and instance, by time and then by instance, from 0 to the end of the run. All
/// instances are brought to the coarsest interval among them; the last interval ends with the run. `meters`: by
/// instance, pools in order. REQUIRES: the meters were made with the same interval, and are finished.
void write_timeseries(const std::vector<metrics::PoolFacts>& pools, const std::deque<metrics::InstanceMeter>& meters,
                      SimTime end, std::ostream& out);

}  // namespace tokenyard::report
