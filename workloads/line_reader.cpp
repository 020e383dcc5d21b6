#include "workloads/line_reader.hpp"

#include "models/base/errors.hpp"

#include <cstring>
#include <utility>

namespace tokenyard::workloads {
namespace {
constexpr std::size_t kBufferBytes = 64 * 1024;
}  // namespace

LineReader::LineReader(std::unique_ptr<ByteSource> bytes) : bytes_(std::move(bytes)), buffer_(kBufferBytes) {
  expect(bytes_ != nullptr, "a trace has bytes to read");
}

/// Moves the unfinished line to the front and reads behind it; false at the end of the file.
bool LineReader::refill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) {
    throw UserError(name() + ":" + std::to_string(row_ + 1) + ": this line is longer than " +
                    std::to_string(kBufferBytes) + " bytes; is this a CSV file?");
  }
  const std::size_t got = bytes_->read(buffer_.data() + end_, buffer_.size() - end_);
  expect(got <= buffer_.size() - end_, "a byte source fills no more than it was given");
  end_ += got;
  return got > 0;
}

std::optional<std::string_view> LineReader::next() {
  std::size_t searched = begin_;
  const char* line_end = nullptr;
  while (true) {
    line_end = static_cast<const char*>(std::memchr(buffer_.data() + searched, '\n', end_ - searched));
    if (line_end != nullptr) break;
    const std::size_t length = end_ - begin_;
    if (!refill()) break;
    searched = length;  // the line now starts at 0
  }
  if (line_end == nullptr && begin_ == end_) return std::nullopt;

  const char* const start = buffer_.data() + begin_;
  std::string_view line(start, line_end != nullptr ? static_cast<std::size_t>(line_end - start) : end_ - begin_);
  begin_ += line.size() + (line_end != nullptr ? 1 : 0);
  if (line.ends_with('\r')) line.remove_suffix(1);
  ++row_;
  return line;
}

}  // namespace tokenyard::workloads
