#pragma once

#include "models/base/units.hpp"

#include <string>
#include <string_view>

namespace tokenyard {

/// Read "80 GB", "3.35 TB/s", "400 Gbps", "2.5 us", "12.5 /s", "700 W". A bare number is refused, except 0.
/// Throw std::invalid_argument that lists the units that would do.
[[nodiscard]] Seconds parse_seconds(std::string_view text);
[[nodiscard]] Bytes parse_bytes(std::string_view text);
[[nodiscard]] BytesPerSecond parse_bandwidth(std::string_view text);
[[nodiscard]] FlopPerSecond parse_flop_rate(std::string_view text);
[[nodiscard]] PerSecond parse_rate(std::string_view text);
[[nodiscard]] Watts parse_watts(std::string_view text);

/// The unit names parse_... accepts, for messages and for `tokenyard keys`: "s, ms, us, ns, min, h".
[[nodiscard]] std::string seconds_units();
[[nodiscard]] std::string bytes_units();
[[nodiscard]] std::string bandwidth_units();
[[nodiscard]] std::string flop_rate_units();
[[nodiscard]] std::string rate_units();
[[nodiscard]] std::string watts_units();

}  // namespace tokenyard
