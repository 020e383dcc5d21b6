#include "sim/calibrate/kernel_table.hpp"

#include "models/base/errors.hpp"
#include "sim/files/trace_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>

namespace tokenyard::calibrate {
namespace {

constexpr int kFoldersUp = 4;

std::string read_all(const std::string& path) {
  const auto file = files::open_trace(path);
  std::string text;
  char buffer[64 * 1024];
  while (const std::size_t got = file->read(buffer, sizeof buffer)) text.append(buffer, got);
  return text;
}

/// Cells of one line as places in `text`. A quoted cell may hold commas; "" in it stands for one quote (not undone
/// here).
std::vector<std::pair<std::size_t, std::size_t>> cells_of(const std::string& text, std::size_t begin, std::size_t end) {
  std::vector<std::pair<std::size_t, std::size_t>> cells;
  std::size_t start = begin;
  bool quoted = false;
  for (std::size_t i = begin; i <= end; ++i) {
    if (i < end && text[i] == '"') quoted = !quoted;
    if (i < end && (text[i] != ',' || quoted)) continue;
    const bool quotes = i - start >= 2 && text[start] == '"' && text[i - 1] == '"';
    cells.emplace_back(quotes ? start + 1 : start, quotes ? i - start - 2 : i - start);
    start = i + 1;
  }
  return cells;
}

/// Ends of the line that starts at `begin`: of its text (without CR), and where the next one starts.
std::pair<std::size_t, std::size_t> line_end(const std::string& text, std::size_t begin) {
  std::size_t end = text.find('\n', begin);
  const std::size_t next = end == std::string::npos ? text.size() : end + 1;
  if (end == std::string::npos) end = text.size();
  if (end > begin && text[end - 1] == '\r') --end;
  return {end, next};
}

/// A flat JSON object of texts, as a cell of a CSV file writes it: {""name"": ""value"", ...}.
std::map<std::string, std::string, std::less<>> flat_object(std::string_view cell) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while ((at = cell.find("\"\"", at)) != std::string_view::npos) {
    const std::size_t end = cell.find("\"\"", at + 2);
    if (end == std::string_view::npos) break;
    words.emplace_back(cell.substr(at + 2, end - at - 2));
    at = end + 2;
  }
  std::map<std::string, std::string, std::less<>> object;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) object.emplace(words[i], words[i + 1]);
  return object;
}

/// The cell `wanted` of the row of `index` whose cell `file` is `name`.
std::optional<std::string> index_cell(const std::string& index, std::string_view name, std::string_view wanted) {
  const std::string text = read_all(index);
  std::size_t begin = 0;
  std::size_t file_at = 0;
  std::size_t wanted_at = 0;
  for (bool header = true; begin < text.size(); header = false) {
    const auto [end, next] = line_end(text, begin);
    const auto cells = cells_of(text, begin, end);
    begin = next;
    if (header) {
      file_at = wanted_at = cells.size();
      for (std::size_t i = 0; i < cells.size(); ++i) {
        const auto title = std::string_view(text).substr(cells[i].first, cells[i].second);
        if (title == "file") file_at = i;
        if (title == wanted) wanted_at = i;
      }
      if (file_at == cells.size() || wanted_at == cells.size()) return std::nullopt;  // an index of something else
    } else if (cells.size() > std::max(file_at, wanted_at) &&
               std::string_view(text).substr(cells[file_at].first, cells[file_at].second) == name) {
      return text.substr(cells[wanted_at].first, cells[wanted_at].second);
    }
  }
  return std::nullopt;
}

}  // namespace

KernelTable KernelTable::load(const std::string& path) {
  KernelTable table;
  table.path_ = path;
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) throw UserError(path + ": is a folder; a CSV file is needed");
  table.text_ = read_all(path);
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  std::size_t begin = table.text_.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  for (std::size_t line = 1; begin < table.text_.size(); ++line) {
    const auto [end, next] = line_end(table.text_, begin);
    auto cells = cells_of(table.text_, begin, end);
    const bool empty = end == begin;
    begin = next;
    if (line == 1) {
      for (const auto& [start, length] : cells) {
        table.names_.push_back(table.text_.substr(start, length));
        if (!table.columns_.emplace(table.names_.back(), table.names_.size() - 1).second) {
          throw UserError(path + ":1: column '" + table.names_.back() + "' stands twice in the header");
        }
      }
      continue;
    }
    if (empty) continue;
    if (cells.size() != table.names_.size()) {
      throw UserError(path + ":" + std::to_string(line) + ": " + std::to_string(cells.size()) +
                      " cells, but the header has " + std::to_string(table.names_.size()));
    }
    table.lines_.push_back(line);
    table.cells_.insert(table.cells_.end(), cells.begin(), cells.end());
  }
  if (table.names_.empty()) throw UserError(path + ": is empty; a kernel table starts with a header line");
  if (table.lines_.empty()) throw UserError(path + ": has a header but no rows");
  table.read_index();
  return table;
}

void KernelTable::read_index() {
  const std::filesystem::path file = std::filesystem::absolute(path_).lexically_normal();
  std::filesystem::path folder = file.parent_path();
  for (int up = 0; up < kFoldersUp; ++up, folder = folder.parent_path()) {
    const std::filesystem::path index = folder / "INDEX.csv";
    if (std::filesystem::is_regular_file(index)) {
      const auto cell =
          index_cell(index.string(), file.lexically_relative(folder).generic_string(), "constant_columns");
      if (cell) constants_ = flat_object(*cell);
      return;
    }
    if (folder == folder.parent_path()) return;
  }
}

bool KernelTable::has(std::string_view column) const {
  return columns_.find(column) != columns_.end() || constants_.find(column) != constants_.end();
}

bool KernelTable::has_all(std::initializer_list<std::string_view> columns) const {
  return std::all_of(columns.begin(), columns.end(), [&](std::string_view column) { return has(column); });
}

std::string KernelTable::header() const {
  std::string joined;
  for (const std::string& name : names_) joined += (joined.empty() ? "" : ", ") + name;
  return joined;
}

bool KernelTable::given(std::size_t row, std::string_view column) const {
  const auto at = columns_.find(column);
  return at == columns_.end() || cells_[row * names_.size() + at->second].second > 0;
}

std::string_view KernelTable::text(std::size_t row, std::string_view column) const {
  const auto at = columns_.find(column);
  if (at == columns_.end()) {
    const auto constant = constants_.find(column);
    if (constant == constants_.end()) fail(row, column, "the table has no such column; it has: " + header());
    return constant->second;
  }
  const auto [start, length] = cells_[row * names_.size() + at->second];
  if (length == 0) fail(row, column, "is empty");
  return std::string_view(text_).substr(start, length);
}

double KernelTable::number(std::size_t row, std::string_view column) const {
  const std::string_view cell = text(row, column);
  double value = 0.0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc{} || end != cell.data() + cell.size() || !std::isfinite(value)) {
    fail(row, column, "'" + std::string(cell) + "' is not a number; figures stand without a unit");
  }
  return value;
}

double KernelTable::positive(std::size_t row, std::string_view column) const {
  const double value = number(row, column);
  if (!(value > 0.0)) fail(row, column, "'" + std::string(text(row, column)) + "' is not above 0");
  return value;
}

double KernelTable::count(std::size_t row, std::string_view column) const {
  constexpr double kMost = 1e9;
  const double value = positive(row, column);
  if (std::floor(value) < value || value > kMost) {
    fail(row, column, "'" + std::string(text(row, column)) + "' is not a whole number up to 1e9");
  }
  return value;
}

void KernelTable::fail(std::size_t row, std::string_view column, const std::string& why) const {
  throw UserError(path_ + ":" + std::to_string(lines_[row]) + ": column '" + std::string(column) + "': " + why);
}

}  // namespace tokenyard::calibrate
