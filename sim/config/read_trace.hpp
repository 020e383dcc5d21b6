#pragma once

#include "sim/config/yaml_map.hpp"
#include "workloads/spec.hpp"

#include <string>
#include <vector>

namespace tokenyard::config {

/// A trace to replay: a mapping of section "workload.trace". Throws UserError with the place of what is wrong.
[[nodiscard]] workloads::TraceSpec read_trace(YamlMap map);

/// A trace by itself, with the keys of workload.trace as the command line has them: {"format", "mooncake"} ...
/// Throws UserError "--set: key: what; what would be right".
[[nodiscard]] workloads::TraceSpec read_trace_settings(const std::string& path, std::vector<Override> settings);

}  // namespace tokenyard::config
