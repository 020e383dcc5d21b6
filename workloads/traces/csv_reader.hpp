#pragma once

#include "workloads/traces/line_reader.hpp"
#include "workloads/traces/row_layout.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::workloads {

/// Rows of a CSV file with a header: the columns of a RowLayout in any order, others are passed over. Lines that start
/// with '#' before the header are comments. Fields may be quoted (RFC 4180), but hold no line ends.
class CsvReader final : public TraceReader {
 public:
  /// Reads the header. Throws UserError when a column of the layout is missing that is not optional.
  CsvReader(LineReader lines, RowLayout layout);

  [[nodiscard]] bool next(TraceRecord& record) override;
  [[nodiscard]] std::string place() const override;
  [[nodiscard]] std::string title(Column column) const override {
    return *columns_of(layout_)[static_cast<std::size_t>(column)];
  }
  [[nodiscard]] TraceOrder order() const override { return layout_.sessions ? TraceOrder::Sessions : TraceOrder::Rows; }

 private:
  [[nodiscard]] std::optional<std::string_view> next_filled_line();
  void split(std::string_view line);
  [[nodiscard]] std::string_view field(Column column) const { return fields_[static_cast<std::size_t>(column)]; }
  [[nodiscard]] bool has(Column column) const { return has_[static_cast<std::size_t>(column)]; }
  void read_prefix(TraceRecord& record) const;

  LineReader lines_;
  RowLayout layout_;
  std::size_t columns_ = 0;  // of the header
  std::array<bool, kColumns> has_{};
  std::vector<std::uint8_t> role_of_;              // by place in a row: our column, or kColumns
  std::array<std::string_view, kColumns> fields_;  // of the row at hand
  std::array<std::string, kColumns> unquoted_;     // holds those fields that were quoted
};

}  // namespace tokenyard::workloads
