#pragma once

#include "sim/config/experiment.hpp"
#include "sim/config/yaml_map.hpp"

namespace tokenyard::config {

/// An `engine` mapping: whose rules, with the keys of that engine, and how it uses host and memory, on `ranks` that
/// share each layer (SGLang's tp_size, attention ranks included). Throws UserError.
[[nodiscard]] EngineSpec read_engine(YamlMap map, std::uint32_t ranks = 1);

}  // namespace tokenyard::config
