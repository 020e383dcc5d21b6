#pragma once

#include "sim/config/yaml_map.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::traffic {

/// A recorded trace and what is wanted of it.
struct TraceJob {
  std::string path;
  std::vector<config::Override> settings;  ///< keys of workload.trace: format, window, spread_ties, block_tokens ...
  std::uint64_t seed = 0;                  ///< of spread_ties
  std::optional<std::uint64_t> limit;      ///< at most so many requests
};

// Each reads the trace once, a record at a time, and throws UserError for what is wrong with it or with the settings.

/// What there is to know of it, as a table for the screen. `lru_blocks`: capacities of caches to measure its reuse
/// with.
[[nodiscard]] std::string trace_stats(const TraceJob& job, const std::vector<std::uint64_t>& lru_blocks);

/// Writes what is kept of it to `out` (all or nothing) in format `to`; empty = its own where that can be written, else
/// tokenyard. Times stay those of the trace, with gaps divided by speedup. Gives lines for the screen: what was
/// written, dropped, and had no place in the format.
[[nodiscard]] std::string trace_convert(const TraceJob& job, const std::string& to, const std::string& out);

}  // namespace tokenyard::traffic
