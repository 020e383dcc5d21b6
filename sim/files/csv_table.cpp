#include "sim/files/csv_table.hpp"

#include "models/base/errors.hpp"
#include "sim/files/trace_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace tokenyard::files {
namespace {

const std::string kNothing;

std::string short_decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

/// Takes a text apart, a record at a time.
class Records {
 public:
  Records(const std::string& path, std::string_view text) : path_(path), text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  /// The fields of the next line that is not empty, and where it starts; nothing at the end.
  [[nodiscard]] std::optional<CsvTable::Row> next() {
    while (at_ < text_.size()) {
      CsvTable::Row row{.line = line_};
      read(row);
      if (row.fields.size() > 1 || !row.fields[0].empty()) return row;
    }
    return std::nullopt;
  }

 private:
  void read(CsvTable::Row& row) {
    for (;;) {
      row.fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted(row.line) : plain());
      if (at_ < text_.size() && text_[at_] == ',') {
        ++at_;
        continue;
      }
      if (at_ < text_.size() && text_[at_] == '\r') ++at_;
      if (at_ < text_.size() && text_[at_] != '\n') {
        throw UserError(path_ + ":" + std::to_string(line_) +
                        ": a comma or the end of the line is due after a quoted field");
      }
      ++at_;
      ++line_;
      return;
    }
  }

  std::string plain() {
    const std::size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
    std::string_view field = text_.substr(at_, end - at_);
    at_ = end;
    while (!field.empty() && (field.back() == ' ' || field.back() == '\t' || field.back() == '\r'))
      field.remove_suffix(1);
    while (!field.empty() && (field.front() == ' ' || field.front() == '\t')) field.remove_prefix(1);
    return std::string(field);
  }

  std::string quoted(std::uint64_t begun) {
    std::string field;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') {
          ++at_;
          return field;
        }
        ++at_;
      }
      if (text_[at_] == '\n') ++line_;
      field += text_[at_];
    }
    throw UserError(path_ + ":" + std::to_string(begun) + ": a quote is opened and never closed");
  }

  const std::string& path_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 1;
};

}  // namespace

std::string read_text(const std::string& path) {
  const auto file = open_trace(path);
  std::string text;
  std::vector<char> buffer(std::size_t{1} << 16);
  while (const std::size_t got = file->read(buffer.data(), buffer.size())) text.append(buffer.data(), got);
  return text;
}

CsvTable CsvTable::read(const std::string& path) { return parse(path, read_text(path)); }

CsvTable CsvTable::parse(const std::string& path, std::string_view text) {
  CsvTable table;
  table.path_ = path;
  Records records(path, text);
  const auto header = records.next();
  if (!header) throw UserError(path + ":1: is empty; a header with the names of the columns is needed");
  table.header_ = header->fields;
  for (std::size_t i = 0; i < table.header_.size(); ++i) {
    const auto begin = table.header_.begin();
    if (!table.header_[i].empty() && std::find(begin, begin + static_cast<std::ptrdiff_t>(i), table.header_[i]) !=
                                         begin + static_cast<std::ptrdiff_t>(i)) {
      throw UserError(path + ":" + std::to_string(header->line) + ": two columns are called '" + table.header_[i] +
                      "'");
    }
  }
  while (auto row = records.next()) {
    if (row->fields.size() != table.header_.size()) {
      throw UserError(path + ":" + std::to_string(row->line) + ": has " + std::to_string(row->fields.size()) +
                      " fields; the header has " + std::to_string(table.header_.size()));
    }
    table.rows_.push_back(std::move(*row));
  }
  return table;
}

std::optional<std::size_t> CsvTable::place(std::string_view column) const {
  const auto found = std::find(header_.begin(), header_.end(), column);
  if (found == header_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header_.begin());
}

const std::string& CsvTable::text(const Row& row, std::string_view column) const {
  const auto at = place(column);
  return at ? row.fields[*at] : kNothing;
}

std::optional<double> CsvTable::number(const Row& row, std::string_view column, double min, double max) const {
  const std::string& written = text(row, column);
  if (written.empty()) return std::nullopt;
  double value = 0.0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (error != std::errc{} || end != written.data() + written.size() || !std::isfinite(value)) {
    fail(row, column, "'" + written + "' is not a number; a plain one is needed, in the unit that the column names");
  }
  if (value < min || value > max) {
    fail(row, column, "'" + written + "' is out of range; from " + short_decimal(min) + " to " + short_decimal(max));
  }
  return value;
}

std::optional<std::uint64_t> CsvTable::count(const Row& row, std::string_view column, std::uint64_t min,
                                             std::uint64_t max) const {
  const auto value = number(row, column, static_cast<double>(min), static_cast<double>(max));
  if (!value) return std::nullopt;
  if (std::floor(*value) < *value) fail(row, column, "'" + text(row, column) + "' is not a whole number");
  return static_cast<std::uint64_t>(*value);
}

void CsvTable::fail(const Row& row, std::string_view column, const std::string& why) const {
  throw UserError(path_ + ":" + std::to_string(row.line) + ": " + std::string(column) + ": " + why);
}

}  // namespace tokenyard::files
