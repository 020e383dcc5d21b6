#pragma once

#include "workloads/traces/byte_source.hpp"

#include <memory>
#include <string>

namespace tokenyard::files {

/// The text of a plain or gzip file (told apart by its first bytes, not by its name), a piece at a time; of a folder
/// its .json and .jsonl files, one behind the other in order of their names. Throws UserError "path: why" here when the
/// file is missing or not readable, or the folder has no such files, and from read() when the gzip data is truncated or
/// corrupt.
[[nodiscard]] std::unique_ptr<workloads::ByteSource> open_trace(const std::string& path);

}  // namespace tokenyard::files
