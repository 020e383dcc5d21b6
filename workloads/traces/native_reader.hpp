#pragma once

#include "workloads/traces/json_value.hpp"
#include "workloads/traces/line_reader.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tokenyard::workloads {

inline constexpr std::string_view kNativeKey = "tokenyard_trace";

/// Our own format, which holds everything a record has: a JSON object a line, the first of them
/// {"tokenyard_trace": 1, "order": "rows" | "sessions", "origin_ns": 0} (origin_ns may be absent), every other one a
/// request with the keys of write_native() (all but prompt and output may be absent).
class NativeReader final : public TraceReader {
 public:
  /// Reads the first line. Throws UserError when it is not that of this format.
  explicit NativeReader(LineReader lines);

  [[nodiscard]] bool next(TraceRecord& record) override;
  [[nodiscard]] std::string place() const override;
  [[nodiscard]] TraceOrder order() const override { return order_; }
  [[nodiscard]] bool whole_prefixes() const override { return false; }
  [[nodiscard]] std::optional<std::int64_t> origin_ns() const override { return origin_ns_; }

 private:
  LineReader lines_;
  JsonParser parser_;
  TraceOrder order_ = TraceOrder::Rows;
  std::optional<std::int64_t> origin_ns_;
  std::uint32_t turns_ = 0;  // of the session at hand
  std::optional<std::uint64_t> session_;
};

/// The lines that NativeReader reads, each with its end.
[[nodiscard]] std::string native_header(TraceOrder order, std::optional<std::int64_t> origin_ns = std::nullopt);
void append_native(const TraceRecord& record, std::string& text);

}  // namespace tokenyard::workloads
