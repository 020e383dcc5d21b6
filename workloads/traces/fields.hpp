#pragma once

#include "workloads/traces/row_layout.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tokenyard::workloads {

/// What was found, short and printable: a wrong file may hold anything.
[[nodiscard]] std::string in_quotes(std::string_view text);

// Each throws RowFault{Malformed, column, "'x' is not ...; ... is needed"}.
/// A whole number of 0 or more.
[[nodiscard]] std::uint64_t whole_number(std::string_view text, const std::string& column);
/// A count of tokens: 0 .. kMaxTraceTokens.
[[nodiscard]] std::uint64_t token_count(std::string_view text, const std::string& column);
[[nodiscard]] std::int32_t signed_number(std::string_view text, const std::string& column);
/// Nanoseconds of "4.314579" times `unit`, exact to the nanosecond for plain decimals (rounded behind it), or of a date
/// (time_stamp.hpp). `example` is what the format would have there.
[[nodiscard]] std::int64_t time_ns(std::string_view text, TimeUnit unit, const std::string& column);

/// `ns`, which is how long a turn waits. Throws RowFault when it is negative.
[[nodiscard]] std::int64_t wait_of(std::int64_t ns, const std::string& column);

/// A name for anything: sessions and categories that are text. FNV-1a.
[[nodiscard]] std::uint64_t name_of(std::string_view text);

/// Longest prompt or output that a row may hold.
inline constexpr std::uint64_t kMaxTraceTokens = 1U << 30U;

}  // namespace tokenyard::workloads
