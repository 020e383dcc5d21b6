#pragma once

#include "workloads/traces/trace_stats.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tokenyard::traffic {

/// Rate, burstiness, lengths, reuse and sessions, as far as the stream has them. `lru_blocks`: the capacities that
/// stats.caches() was made with. REQUIRES: stats.finish() was called, and it saw a request.
[[nodiscard]] std::string stats_table(const workloads::TraceStats& stats, const std::vector<std::uint64_t>& lru_blocks);

/// Arrivals a second over time, a bar a row, as `counts` of equal windows of `width_s` seconds have them.
[[nodiscard]] std::string rate_plot(const std::vector<std::uint64_t>& counts, double width_s);

}  // namespace tokenyard::traffic
