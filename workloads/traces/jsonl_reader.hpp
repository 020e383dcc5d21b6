#pragma once

#include "workloads/traces/json_value.hpp"
#include "workloads/traces/line_reader.hpp"
#include "workloads/traces/row_layout.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace tokenyard::workloads {

/// Longest line of a JSON trace: a session of a coding agent can take tens of megabytes.
inline constexpr std::size_t kLongestJson = 256 * 1024 * 1024;

/// A JSON object a line, with the keys of a RowLayout; others are passed over. Serves Mooncake and its kin, Bailian and
/// files of one's own.
class JsonlReader final : public TraceReader {
 public:
  /// `parent`: key of the row whose conversation this one continues, by its `session` key (Bailian); then a session's
  /// name is the chat at its root. Keeps one entry for every row with such a parent key.
  explicit JsonlReader(LineReader lines, RowLayout layout, std::string parent = {});

  [[nodiscard]] bool next(TraceRecord& record) override;
  [[nodiscard]] std::string place() const override;
  [[nodiscard]] std::string title(Column column) const override {
    return *columns_of(layout_)[static_cast<std::size_t>(column)];
  }

 private:
  void read(Column column, const JsonValue& value, TraceRecord& record);
  void follow_parent(TraceRecord& record, std::int64_t parent);

  LineReader lines_;
  RowLayout layout_;
  std::string parent_;
  JsonParser parser_;
  std::unordered_map<std::uint64_t, std::uint64_t> root_of_;  // looked up only, never walked
};

}  // namespace tokenyard::workloads
