#pragma once

#include "sim/config/yaml_map.hpp"
#include "workloads/spec.hpp"

namespace tokenyard::config {

/// A number of tokens, turns or steps drawn by a law: a mapping of section "workload.length". Throws UserError with the
/// place of what is wrong, as all readers here.
[[nodiscard]] workloads::LengthSpec read_length(YamlMap map);

/// A duration drawn by a law: a mapping of section "workload.time".
[[nodiscard]] workloads::TimeSpec read_time_law(YamlMap map);

}  // namespace tokenyard::config
