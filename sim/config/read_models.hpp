#pragma once

#include "models/device/accelerator.hpp"
#include "models/llm/architecture.hpp"
#include "sim/config/yaml_map.hpp"

#include <string>

namespace tokenyard::config {

/// Read and validate a mapping of section "chip" (a catalogue entry of models/catalog/chips, or one in place).
/// Throws UserError with the place of what is wrong.
[[nodiscard]] models::AcceleratorSpec read_chip(YamlMap map);

/// The chip of an entry of models/catalog/chips, or of a file ending in .yaml (relative to the working folder).
/// Throws UserError, also when there is no such entry.
[[nodiscard]] models::AcceleratorSpec load_chip(const std::string& name);

/// Likewise for section "llm" (models/catalog/llms).
[[nodiscard]] models::LlmSpec read_llm(YamlMap map);

}  // namespace tokenyard::config
