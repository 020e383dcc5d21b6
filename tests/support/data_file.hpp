#pragma once

#include "tests/support/source_root.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace tokenyard::test {

/// Where the traces lie: $TOKENYARD_DATA, else shared/data beside the source tree; nothing, and a message, when the
/// file is not there.
inline std::optional<std::string> data_file(const std::string& path) {
  const char* const named = std::getenv("TOKENYARD_DATA");
  const std::filesystem::path root = named != nullptr ? std::filesystem::path(named) : source_root() / "../shared/data";
  const std::filesystem::path file = root / path;
  if (std::filesystem::exists(file)) return file.string();
  MESSAGE("skipped: no " << file.string() << "; set TOKENYARD_DATA to a folder with traces/");
  return std::nullopt;
}

}  // namespace tokenyard::test
