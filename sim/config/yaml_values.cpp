#include "sim/config/yaml_map.hpp"

#include "models/base/units_text.hpp"

#include <charconv>
#include <cmath>
#include <sstream>
#include <stdexcept>
#include <system_error>

// The getters that turn one word into a value: what they need of a mapping is its text and a place to complain at.

namespace tokenyard::config {

bool YamlMap::flag(std::string_view key) {
  const std::string written = text(key);
  if (written == "true") return true;
  if (written == "false") return false;
  fail(key, "'" + written + "' is neither true nor false");
}

std::int64_t YamlMap::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const std::string written = text(key);
  std::string digits = written;
  std::erase(digits, '_');
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = end == digits.data() + digits.size();
  const bool too_long = whole && error == std::errc::result_out_of_range;
  if (!too_long && (error != std::errc{} || !whole)) fail(key, "'" + written + "' is not a whole number");
  if (too_long || value < min || value > max) {
    fail(key, written + " is out of range; from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return value;
}

std::uint32_t YamlMap::count(std::string_view key, std::uint32_t min, std::uint32_t max) {
  return static_cast<std::uint32_t>(integer(key, min, max));
}

double YamlMap::number(std::string_view key, double min, double max) {
  const std::string written = text(key);
  double value = 0.0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (error != std::errc{} || end != written.data() + written.size() || !std::isfinite(value)) {
    fail(key, "'" + written + "' is not a number");
  }
  if (value < min || value > max) {
    std::ostringstream range;
    range << written << " is out of range; from " << min << " to " << max;
    fail(key, range.str());
  }
  return value;
}

std::vector<double> YamlMap::numbers(std::string_view key) {
  std::vector<double> all;
  for (const std::string& written : texts(key)) {
    double value = 0.0;
    const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
    if (error != std::errc{} || end != written.data() + written.size() || !std::isfinite(value)) {
      fail(key, "'" + written + "' is not a number");
    }
    all.push_back(value);
  }
  return all;
}

namespace {
/// Parses a text with a unit; refuses what is negative or absurd. `most` is far above anything that exists: beyond it
/// sums of times or bytes would leave their types.
template <class Parse, class Fail>
auto parsed(const std::string& written, Parse parse, double most, const char* most_text, Fail fail) {
  try {
    const auto value = parse(written);
    if (value.value() > most) fail("'" + written + "' is out of range; at most " + most_text);
    if (value.value() >= 0.0) return value;
  } catch (const std::invalid_argument& error) {
    fail(error.what());
  }
  fail("'" + written + "' is negative; 0 or more is needed");
  return parse("0");
}
}  // namespace

Seconds YamlMap::seconds(std::string_view key) {
  // SimTime ends at 9.22e9 s.
  return parsed(text(key), parse_seconds, 9e9, "9e9 s", [&](const std::string& why) { fail(key, why); });
}
Bytes YamlMap::bytes(std::string_view key) {
  return parsed(text(key), parse_bytes, 1e18, "1e6 TB", [&](const std::string& why) { fail(key, why); });
}
BytesPerSecond YamlMap::bandwidth(std::string_view key) {
  return parsed(text(key), parse_bandwidth, 1e18, "1e6 TB/s", [&](const std::string& why) { fail(key, why); });
}
FlopPerSecond YamlMap::flop_rate(std::string_view key) {
  return parsed(text(key), parse_flop_rate, 1e21, "1e6 PFLOP/s", [&](const std::string& why) { fail(key, why); });
}
PerSecond YamlMap::rate(std::string_view key) {
  return parsed(text(key), parse_rate, 1e9, "1e9 /s", [&](const std::string& why) { fail(key, why); });
}
Watts YamlMap::watts(std::string_view key) {
  return parsed(text(key), parse_watts, 1e9, "1000 MW", [&](const std::string& why) { fail(key, why); });
}

}  // namespace tokenyard::config
