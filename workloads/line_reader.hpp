#pragma once

#include "workloads/make_request_source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::workloads {

/// Lines of a stream of bytes through one buffer of 64 KiB, whatever the length of the file.
class LineReader {
 public:
  explicit LineReader(std::unique_ptr<ByteSource> bytes);

  /// The next line without its end (LF or CR LF; the last line needs none), valid until the next call; nothing at the
  /// end of the file. Throws UserError for a line that does not fit the buffer.
  [[nodiscard]] std::optional<std::string_view> next();

  [[nodiscard]] std::uint64_t row() const { return row_; }  ///< of the last line given, from 1
  [[nodiscard]] const std::string& name() const { return bytes_->name(); }

 private:
  [[nodiscard]] bool refill();

  std::unique_ptr<ByteSource> bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what has not been given yet
  std::size_t end_ = 0;    // of what has been read
  std::uint64_t row_ = 0;
};

}  // namespace tokenyard::workloads
