#include "sim/report/grid.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

namespace tokenyard::report {
namespace {

/// Continuation bytes of UTF-8 are 10xxxxxx.
bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

/// Byte offset of character number `index`.
std::size_t offset_of(std::string_view text, std::size_t index) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (starts_character(text[at]) && index-- == 0) return at;
  }
  return text.size();
}

}  // namespace

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string_view first_characters(std::string_view text, std::size_t most) {
  return text.substr(0, offset_of(text, most));
}

std::string cut_name(std::string_view name, std::size_t most) {
  expect(most >= 4, "a cut name keeps a character at both ends");
  const std::size_t length = width(name);
  if (length <= most) return std::string(name);
  const std::size_t tail = (most - 2) / 2;
  const std::size_t head = most - 2 - tail;
  return std::string(first_characters(name, head)) + ".." + std::string(name.substr(offset_of(name, length - tail)));
}

std::string wrapped(std::string_view text, std::size_t columns, std::string_view first, std::string_view other) {
  std::string lines;
  std::string_view start = first;
  do {
    const std::size_t most = columns - width(start);
    std::size_t end = offset_of(text, most);
    std::size_t next = end;
    if (end < text.size()) {
      // A word that is longer than a line is cut.
      if (const std::size_t blank = text.rfind(' ', end); blank != std::string_view::npos && blank > 0) {
        end = blank;
        next = blank + 1;
      }
    }
    lines.append(start).append(text.substr(0, end)).push_back('\n');
    text.remove_prefix(next);
    start = other;
  } while (!text.empty());
  return lines;
}

std::string Grid::text() const {
  std::vector<std::size_t> widths;
  for (const auto& cells : rows_) {
    if (cells.size() > widths.size()) widths.resize(cells.size());
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], width(cells[i]));
  }
  std::string lines;
  for (const auto& cells : rows_) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string blanks(widths[i] - width(cells[i]), ' ');
      lines += i == 0 ? cells[i] + blanks : "  " + blanks + cells[i];
    }
    while (lines.ends_with(' ')) lines.pop_back();
    lines += '\n';
  }
  return lines;
}

}  // namespace tokenyard::report
