#pragma once

#include "models/device/small_kernels.hpp"
#include "sim/config/yaml_map.hpp"

namespace tokenyard::config {

/// The mapping kernels.small of a chip. Throws UserError at a wrong value or an unknown key.
[[nodiscard]] models::SmallKernels read_small(YamlMap map);

}  // namespace tokenyard::config
