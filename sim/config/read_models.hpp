#pragma once

#include "models/device/accelerator.hpp"
#include "models/llm/architecture.hpp"
#include "sim/config/yaml_map.hpp"

namespace tokenyard::config {

/// Read and validate a mapping of section "chip" (a catalogue entry of models/catalog/chips, or one in place).
/// Throws UserError with the place of what is wrong.
[[nodiscard]] models::AcceleratorSpec read_chip(YamlMap map);

/// Likewise for section "llm" (models/catalog/llms).
[[nodiscard]] models::LlmSpec read_llm(YamlMap map);

}  // namespace tokenyard::config
