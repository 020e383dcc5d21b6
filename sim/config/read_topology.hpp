#pragma once

#include "sim/config/yaml_map.hpp"
#include "topologies/spec.hpp"

namespace tokenyard::config {

/// Read and validate a mapping of section "topology" (an entry of topologies/, or one in place).
/// Throws UserError with the place of what is wrong.
[[nodiscard]] topologies::TopologySpec read_topology(YamlMap map);

}  // namespace tokenyard::config
