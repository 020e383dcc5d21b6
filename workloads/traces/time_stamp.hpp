#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tokenyard::workloads {

/// Nanoseconds since 1970-01-01 00:00 UTC of "2023-11-16 18:17:03.9799600", "2024-05-10 00:00:00+00:00" or
/// "2024-10-15T12:00:00.269Z": a space or T, up to 9 digits of a second or none, and Z, an offset or nothing.
/// Without an offset the stamp is taken as UTC. Nothing for any other text, for dates that do not exist and for years
/// outside 1970..2200.
[[nodiscard]] std::optional<std::int64_t> parse_time_stamp(std::string_view text);

}  // namespace tokenyard::workloads
