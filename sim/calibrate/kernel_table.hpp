#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::calibrate {

/// A table of measured kernel times: a CSV file (plain or gzip) with a header line, and what an INDEX.csv says of it.
///
/// INDEX.csv is looked for beside the table and in the folders above it, up to four; its row for the table (column
/// `file`, relative to the index) holds in `constant_columns` a flat JSON object of the columns that have one value in
/// all rows.
class KernelTable {
 public:
  /// Throws UserError "path: why" when there is no such file, no header or no row, "path:line: why" for a row whose
  /// cells are not as many as the header's.
  [[nodiscard]] static KernelTable load(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::size_t rows() const { return lines_.size(); }
  /// Line of the file that the row stands in, from 1 (the header is line 1).
  [[nodiscard]] std::size_t line(std::size_t row) const { return lines_[row]; }

  /// Whether the header, or the index, has the column.
  [[nodiscard]] bool has(std::string_view column) const;
  [[nodiscard]] bool has_all(std::initializer_list<std::string_view> columns) const;
  [[nodiscard]] std::string header() const;  ///< the names, joined by ", "

  /// Whether the row has something in the column, which the table has.
  [[nodiscard]] bool given(std::size_t row, std::string_view column) const;

  /// Throw UserError "path:line: column 'm': why" for a missing column, an empty cell, what is not a number (a unit
  /// behind it, for instance), or a number that is not above 0 where one is needed, nor a whole number up to 1e9 where
  /// things are counted.
  [[nodiscard]] std::string_view text(std::size_t row, std::string_view column) const;
  [[nodiscard]] double number(std::size_t row, std::string_view column) const;
  [[nodiscard]] double positive(std::size_t row, std::string_view column) const;
  [[nodiscard]] double count(std::size_t row, std::string_view column) const;

  /// UserError at a cell.
  [[noreturn]] void fail(std::size_t row, std::string_view column, const std::string& why) const;

 private:
  void read_index();

  std::string path_;
  std::string text_;  // the whole file
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::vector<std::string> names_;  // of the columns, in the order of the header
  std::map<std::string, std::string, std::less<>> constants_;
  std::vector<std::size_t> lines_;
  std::vector<std::pair<std::size_t, std::size_t>> cells_;  // start and length in text_, row by row
};

}  // namespace tokenyard::calibrate
