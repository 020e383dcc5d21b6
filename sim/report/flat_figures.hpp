#pragma once

#include "sim/metrics/summary.hpp"

#include <string>
#include <utility>
#include <vector>

namespace tokenyard::report {

/// The numbers of summary.json by their path, in its order: "latency.tpot.p50_s", "pools.decode.mfu". What stands in a
/// list goes by its name (pools, planes, classes), else by its index. What is null is left out.
[[nodiscard]] std::vector<std::pair<std::string, double>> flat_figures(const metrics::Summary& summary);

}  // namespace tokenyard::report
