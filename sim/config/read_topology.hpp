#pragma once

#include "sim/config/yaml_map.hpp"
#include "topologies/spec.hpp"

#include <string>
#include <vector>

namespace tokenyard::config {

/// Read and validate a mapping of section "topology" (an entry of topologies/, or one in place).
/// Throws UserError with the place of what is wrong.
[[nodiscard]] topologies::TopologySpec read_topology(YamlMap map);

/// The machine that `name` stands for: an entry of topologies/, a file of one, or an experiment's file, whose
/// `topology` is meant. Overrides are relative to the machine. Throws UserError.
[[nodiscard]] topologies::TopologySpec read_machine(const std::string& name, const std::vector<Override>& overrides);

}  // namespace tokenyard::config
