#pragma once

#include "models/device/provenance.hpp"
#include "sim/config/yaml_map.hpp"

namespace tokenyard::config {

/// The keys that every group of fitted figures ends in: where they come from, and how far off they were.
[[nodiscard]] models::Provenance read_provenance(YamlMap& map);

}  // namespace tokenyard::config
