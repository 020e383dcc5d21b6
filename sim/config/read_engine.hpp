#pragma once

#include "sim/config/experiment.hpp"
#include "sim/config/yaml_map.hpp"

namespace tokenyard::config {

/// An `engine` mapping: whose rules, with the keys of that engine, and how it uses host and memory. Throws UserError.
[[nodiscard]] EngineSpec read_engine(YamlMap map);

}  // namespace tokenyard::config
