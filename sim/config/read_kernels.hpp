#pragma once

#include "models/device/kernels.hpp"
#include "sim/config/yaml_map.hpp"

namespace tokenyard::config {

/// Read a mapping of section "chip.kernels": the coefficients of each kernel family that the entry has. Values are
/// validated with the chip (read_chip). Throws UserError with the place of what is wrong.
[[nodiscard]] models::KernelSet read_kernels(YamlMap map);

}  // namespace tokenyard::config
