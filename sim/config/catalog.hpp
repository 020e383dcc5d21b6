#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::config {

/// Folder that holds models/catalog/chips, models/catalog/llms, topologies and workloads/presets: $TOKENYARD_HOME when
/// set, else the nearest of the working folder and its parents that has them, else the source tree this build came
/// from.
[[nodiscard]] std::filesystem::path catalog_root();

/// Names of the entries of a folder ("models/catalog/chips"), sorted.
[[nodiscard]] std::vector<std::string> catalog_names(std::string_view folder);

/// The known name nearest to what was written, if any is near enough to be meant; else empty.
[[nodiscard]] std::string nearest(std::string_view written, const std::vector<std::string>& known);

}  // namespace tokenyard::config
