#include "workloads/traces/line_reader.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tokenyard::workloads {

LineReader::LineReader(std::unique_ptr<ByteSource> bytes, std::size_t longest_line)
    : bytes_(std::move(bytes)), longest_line_(longest_line), buffer_(kBufferBytes + kLinePadding) {
  expect(bytes_ != nullptr, "a trace has bytes to read");
  name_ = bytes_->name();
}

/// Where a file of a folder begins with what is given next, its name and rows are told from now on.
void LineReader::enter_file() {
  for (; !ahead_.empty() && ahead_.front().at <= begin_; ahead_.pop_front()) {
    name_ = std::move(ahead_.front().name);
    lines_ = 0;
  }
}

/// Moves the unfinished line to the front and reads behind it; false at the end of the file.
bool LineReader::refill() {
  enter_file();
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    for (Begin& begin : ahead_) begin.at -= begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ + kLinePadding == buffer_.size()) {
    if (end_ >= longest_line_) {
      throw UserError(name() + ":" + std::to_string(lines_ + 1) + ": this line is longer than " +
                      std::to_string(longest_line_) + " bytes; is this " +
                      (longest_line_ == kBufferBytes ? "a CSV file?" : "a trace?"));
    }
    buffer_.resize(std::min(2 * end_, longest_line_) + kLinePadding);
  }
  const std::size_t room = buffer_.size() - kLinePadding - end_;
  const std::size_t got = bytes_->read(buffer_.data() + end_, room);
  expect(got <= room, "a byte source fills no more than it was given");
  if (got > 0 && bytes_->name() != (ahead_.empty() ? name_ : ahead_.back().name)) {
    ahead_.push_back({end_, bytes_->name()});
  }
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
  enter_file();

  const char* const start = buffer_.data() + begin_;
  last_ = begin_;
  std::string_view line(start, line_end != nullptr ? static_cast<std::size_t>(line_end - start) : end_ - begin_);
  begin_ += line.size() + (line_end != nullptr ? 1 : 0);
  if (line.ends_with('\r')) line.remove_suffix(1);
  row_ = ++lines_;
  return line;
}

std::string_view LineReader::peek() {
  while (end_ - begin_ < kBufferBytes && refill()) {
  }
  enter_file();
  return {buffer_.data() + begin_, end_ - begin_};
}

void LineReader::put_back() {
  begin_ = last_;
  row_ = --lines_;
}

std::optional<std::string_view> LineReader::next_document() {
  while (true) {  // white space between documents
    if (begin_ == end_ && !refill()) return std::nullopt;
    enter_file();
    const char letter = buffer_[begin_];
    row_ = lines_ + 1;
    if (letter == '{' || letter == '[') break;
    if (letter != '\n' && letter != ' ' && letter != '\t' && letter != '\r') {
      throw UserError(name() + ":" + std::to_string(row_) + ": is not JSON; '{' or '[' is needed here");
    }
    lines_ += letter == '\n' ? 1 : 0;
    ++begin_;
  }
  const auto no_end = [this] {
    return UserError(name() + ":" + std::to_string(row_) +
                     ": the JSON value that begins here has no end; is the file whole?");
  };
  const auto next_byte = [&](std::size_t& at) {  // makes sure that there is one at `at`
    if (at < end_) return;
    at -= begin_;
    if (!refill()) throw no_end();
  };
  std::size_t depth = 0;
  bool in_text = false;
  for (std::size_t at = begin_;; ++at) {
    next_byte(at);
    const char letter = buffer_[at];
    if (letter == '\n') ++lines_;
    if (in_text) {
      if (letter == '\\') next_byte(++at);
      if (letter == '"') in_text = false;
      continue;
    }
    if (letter == '"') in_text = true;
    if (letter == '{' || letter == '[') ++depth;
    if ((letter == '}' || letter == ']') && --depth == 0) {
      if (!ahead_.empty() && ahead_.front().at <= at) throw no_end();  // it would end in another file
      const std::string_view document(buffer_.data() + begin_, at + 1 - begin_);
      begin_ = at + 1;
      return document;
    }
  }
}

}  // namespace tokenyard::workloads
