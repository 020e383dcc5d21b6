#pragma once

#include "workloads/traces/trace_reader.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::workloads {

inline constexpr std::uint32_t kMooncakeBlock = 512;  ///< tokens of its ids: the format has no word for another size

/// Lines of a trace file in one of the formats that can be written.
class TraceWriter {
 public:
  /// "tokenyard" (everything), "mooncake" (milliseconds, lengths, ids of 512 tokens) and "azure" (stamps and lengths).
  [[nodiscard]] static const std::vector<std::string>& formats();

  /// REQUIRES: `format` is one of formats().
  /// `origin_ns`: where the clock of the records begins, when that is not with the first; kept by tokenyard.
  TraceWriter(const std::string& format, TraceOrder order, std::optional<std::int64_t> origin_ns = std::nullopt);

  /// The lines before the first record; may be empty.
  [[nodiscard]] std::string header() const;
  /// Throws UserError when the format cannot hold it: a record without a time in mooncake and azure.
  void append(const TraceRecord& record, std::string& text);
  /// What of the records so far the format had no place for: "prefix ids", "sessions"; for a warning.
  [[nodiscard]] std::vector<std::string> left_out() const;

 private:
  std::string format_;
  TraceOrder order_;
  std::optional<std::int64_t> origin_ns_;
  bool lost_prefix_ = false;
  bool lost_session_ = false;
  bool lost_class_ = false;
};

}  // namespace tokenyard::workloads
