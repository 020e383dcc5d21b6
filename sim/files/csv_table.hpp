#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::files {

/// A table of text with a header line, held whole: for measurements and catalogues of some thousand rows. Traces are
/// read row by row instead (trace_file.hpp).
class CsvTable {
 public:
  struct Row {
    std::uint64_t line = 0;           ///< of the file, from 1: where the row starts
    std::vector<std::string> fields;  ///< as many as the header has
  };

  /// Reads a plain or gzip file as CSV (RFC 4180: quoted fields may hold commas, quotes and line ends; LF or CR LF).
  /// Blanks around a field that is not quoted and a byte order mark are passed over, and so are empty lines. Throws
  /// UserError "path:line: what; what would be right": no header, two columns of one name, a row that has more or fewer
  /// fields than the header, a quote that does not end.
  [[nodiscard]] static CsvTable read(const std::string& path);

  /// The same of text in memory; `path` is for messages.
  [[nodiscard]] static CsvTable parse(const std::string& path, std::string_view text);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::vector<std::string>& header() const { return header_; }
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
  [[nodiscard]] bool has(std::string_view column) const { return place(column).has_value(); }

  /// The field of a row; empty when the table has no such column.
  [[nodiscard]] const std::string& text(const Row& row, std::string_view column) const;

  // Numbers: nothing when the field is empty or the column missing. Throw UserError "path:line: column: 'x' is not ..."
  // for anything else that is not one, is not finite, or is outside [min, max].
  [[nodiscard]] std::optional<double> number(const Row& row, std::string_view column, double min, double max) const;
  [[nodiscard]] std::optional<std::uint64_t> count(const Row& row, std::string_view column, std::uint64_t min,
                                                   std::uint64_t max) const;

  /// UserError at a field.
  [[noreturn]] void fail(const Row& row, std::string_view column, const std::string& why) const;

 private:
  [[nodiscard]] std::optional<std::size_t> place(std::string_view column) const;

  std::string path_;
  std::vector<std::string> header_;
  std::vector<Row> rows_;
};

/// All text of a plain or gzip file. Throws UserError like open_trace().
[[nodiscard]] std::string read_text(const std::string& path);

}  // namespace tokenyard::files
