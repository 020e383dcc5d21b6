#pragma once

#include "workloads/traces/record.hpp"
#include "workloads/traces/row_layout.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::workloads {

/// How the records of a trace hang together.
enum class TraceOrder : std::uint8_t {
  Rows,      ///< one clock for all; each record by itself or, with a session, one of a conversation
  Sessions,  ///< the turns of a session stand together, by `after` and `wait_ns`; only the first may have a global time
};

/// Records of one file in one format. It parses and no more: order, zeros and lengths are CheckedRows' concern.
class TraceReader {
 public:
  virtual ~TraceReader() = default;

  /// The next record into `record`, whose former content goes; false at the end of the file. Throws RowFault for a row
  /// that does not hold what the format promises (the next call reads on behind it), UserError when the file as a whole
  /// cannot be read.
  [[nodiscard]] virtual bool next(TraceRecord& record) = 0;

  /// Where the record given last stands, for messages: "file:row".
  [[nodiscard]] virtual std::string place() const = 0;
  [[nodiscard]] virtual TraceOrder order() const { return TraceOrder::Rows; }
  /// Where the trace's clock stood when it began, where the file says so; else it begins with the first record.
  [[nodiscard]] virtual std::optional<std::int64_t> origin_ns() const { return std::nullopt; }
  /// Of TraceOrder::Sessions: whether times of first turns are of one clock, so that it is known when sessions began.
  [[nodiscard]] virtual bool starts_known() const { return true; }
  /// What the format calls a column, for messages.
  [[nodiscard]] virtual std::string title(Column column) const;
  /// Whether a prompt with prefix ids has one for each of its blocks, the last perhaps left out.
  [[nodiscard]] virtual bool whole_prefixes() const { return true; }
  /// What a reader of the results must know of how the file was understood (estimated lengths ...).
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
};

}  // namespace tokenyard::workloads
