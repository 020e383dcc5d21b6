#pragma once

#include "sim/config/yaml_map.hpp"

#include <string>
#include <vector>

namespace tokenyard {

// What `tokenyard topology` prints of a machine: an entry of topologies/, a file of one, or the machine of an
// experiment. All throw UserError.

/// Bill of materials, figures of every plane, and what pairs of chips see of each other, as a table.
[[nodiscard]] std::string machine_sheet(const std::string& name, const std::vector<config::Override>& overrides);

/// The same machine as a drawing: for Graphviz, and as a picture (topologies/picture.hpp).
[[nodiscard]] std::string machine_dot(const std::string& name, const std::vector<config::Override>& overrides);
[[nodiscard]] std::string machine_svg(const std::string& name, const std::vector<config::Override>& overrides);

}  // namespace tokenyard
