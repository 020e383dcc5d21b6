#pragma once

#include "workloads/traces/byte_source.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::workloads {

/// Bytes that may be read (not used) behind every line given, as a parser that looks at whole words wants.
inline constexpr std::size_t kLinePadding = 64;

/// Lines of a stream of bytes through one buffer of 64 KiB, whatever the length of the file. The buffer grows only for
/// a line that is longer, up to `longest_line`.
class LineReader {
 public:
  static constexpr std::size_t kBufferBytes = 64 * 1024;
  explicit LineReader(std::unique_ptr<ByteSource> bytes, std::size_t longest_line = kBufferBytes);

  /// The next line without its end (LF or CR LF; the last line needs none), valid until the next call; nothing at the
  /// end of the file. Throws UserError for a line longer than the longest allowed.
  [[nodiscard]] std::optional<std::string_view> next();

  /// The next JSON value that stands at the top of the stream, however many lines it takes: from its first brace or
  /// bracket to the one that closes it. Throws UserError for text outside of such a value and for one without an end.
  [[nodiscard]] std::optional<std::string_view> next_document();

  /// Gives `next` the line it gave last once more. REQUIRES: it gave one, and no line was put back since.
  void put_back();

  void limit(std::size_t longest_line) { longest_line_ = longest_line; }

  /// The first bytes of what is still to be given, up to a buffer's worth, without taking them.
  [[nodiscard]] std::string_view peek();

  /// Of the last line given, from 1 in its file; of a document its first.
  [[nodiscard]] std::uint64_t row() const { return row_; }
  /// Of the file of the last line given, or peeked at; before, what the bytes call themselves.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const ByteSource& bytes() const { return *bytes_; }

 private:
  struct Begin {  // of a file of a folder, in what has been read and not been given
    std::size_t at;
    std::string name;
  };

  [[nodiscard]] bool refill();
  void enter_file();

  std::unique_ptr<ByteSource> bytes_;
  std::size_t longest_line_;
  std::vector<char> buffer_;  // kLinePadding bytes longer than what is ever filled
  std::size_t begin_ = 0;     // of what has not been given yet
  std::size_t end_ = 0;       // of what has been read
  std::size_t last_ = 0;      // begin of the line given last
  std::uint64_t row_ = 0;
  std::uint64_t lines_ = 0;  // ends of lines of the file passed
  std::string name_;
  std::deque<Begin> ahead_;
};

}  // namespace tokenyard::workloads
