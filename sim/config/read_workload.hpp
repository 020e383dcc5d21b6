#pragma once

#include "sim/config/yaml_map.hpp"
#include "workloads/spec.hpp"

namespace tokenyard::config {

/// Read and validate a mapping of section "workload". Throws UserError with the place of what is wrong.
[[nodiscard]] workloads::WorkloadSpec read_workload(YamlMap map);

}  // namespace tokenyard::config
