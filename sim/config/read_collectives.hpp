#pragma once

#include "models/device/collective_kernels.hpp"
#include "sim/config/yaml_map.hpp"

namespace tokenyard::config {

/// Read a mapping of section "collectives" (an entry of models/catalog/collectives, or one in place). Figures and the
/// names in use are checked with the chip that has them.
[[nodiscard]] models::CollectiveKernels read_collectives(YamlMap map);

}  // namespace tokenyard::config
