#pragma once

#include "workloads/make_request_source.hpp"

#include <memory>
#include <string>

namespace tokenyard::files {

/// The text of a plain or gzip file (told apart by its first bytes, not by its name), a piece at a time.
/// Throws UserError "path: why" here when the file is missing, a directory or not readable, and from read() when the
/// gzip data is truncated or corrupt.
[[nodiscard]] std::unique_ptr<workloads::ByteSource> open_trace(const std::string& path);

}  // namespace tokenyard::files
