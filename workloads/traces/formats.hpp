#pragma once

#include "workloads/traces/byte_source.hpp"
#include "workloads/traces/row_layout.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tokenyard::workloads {

/// What a person says of a trace file.
struct TraceFormat {
  std::string name = "auto";       ///< one of trace_formats()
  RowLayout columns{};             ///< of the formats csv and jsonl; prompt and output at least
  std::uint32_t block_tokens = 0;  ///< tokens of each prefix id in the file; 0 = as the format has it
};

/// The names that `format:` takes, "auto" first. docs/traces.md describes them.
[[nodiscard]] const std::vector<std::string>& trace_formats();

/// The format of a file by its first bytes: a header line or the keys of the first JSON object; empty = none of them.
[[nodiscard]] std::string detect_format(std::string_view first_bytes);

/// Reads what stands at the file's beginning. Throws UserError when the format cannot be told, or is not what it is
/// said to be; SpecError("columns", ...) when csv or jsonl lack columns.
[[nodiscard]] std::unique_ptr<TraceReader> make_trace_reader(std::unique_ptr<ByteSource> bytes,
                                                             const TraceFormat& format);

}  // namespace tokenyard::workloads
