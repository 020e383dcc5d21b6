#include "models/base/units_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <stdexcept>
#include <system_error>

namespace tokenyard {
namespace {

struct Unit {
  std::string_view name;
  double in_base_units;
};

constexpr std::array kTime{Unit{"s", 1.0},   Unit{"ms", 1e-3},  Unit{"us", 1e-6},
                           Unit{"ns", 1e-9}, Unit{"min", 60.0}, Unit{"h", 3600.0}};
constexpr std::array kData{Unit{"B", 1.0},   Unit{"kB", 1e3},     Unit{"MB", 1e6},        Unit{"GB", 1e9},
                           Unit{"TB", 1e12}, Unit{"KiB", 1024.0}, Unit{"MiB", 1048576.0}, Unit{"GiB", 1073741824.0}};
constexpr std::array kBandwidth{Unit{"GB/s", 1e9},     Unit{"TB/s", 1e12},         Unit{"MB/s", 1e6},
                                Unit{"B/s", 1.0},      Unit{"Gbps", 0.125e9},      Unit{"Tbps", 0.125e12},
                                Unit{"Mbps", 0.125e6}, Unit{"GiB/s", 1073741824.0}};
constexpr std::array kFlopRate{Unit{"TFLOP/s", 1e12}, Unit{"PFLOP/s", 1e15}, Unit{"GFLOP/s", 1e9}};
constexpr std::array kRate{Unit{"/s", 1.0}, Unit{"/min", 1.0 / 60.0}, Unit{"/h", 1.0 / 3600.0}};
constexpr std::array kPower{Unit{"W", 1.0}, Unit{"kW", 1e3}, Unit{"MW", 1e6}};

std::string names(std::span<const Unit> units) {
  std::string text;
  for (const Unit& unit : units) {
    text += (text.empty() ? "" : ", ") + std::string(unit.name);
  }
  return text;
}

double parse(std::string_view text, std::span<const Unit> units) {
  double number = 0.0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || !std::isfinite(number)) {
    throw std::invalid_argument("'" + std::string(text) + "' is not a number with a unit; units: " + names(units));
  }
  std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  while (unit.ends_with(' ')) unit.remove_suffix(1);
  if (unit.empty() && number == 0.0) return 0.0;
  for (const Unit& known : units) {
    if (known.name == unit) return number * known.in_base_units;
  }
  throw std::invalid_argument("'" + std::string(text) + "' needs a unit, one of: " + names(units));
}

}  // namespace

Seconds parse_seconds(std::string_view text) { return Seconds{parse(text, kTime)}; }
Bytes parse_bytes(std::string_view text) { return Bytes{parse(text, kData)}; }
BytesPerSecond parse_bandwidth(std::string_view text) { return BytesPerSecond{parse(text, kBandwidth)}; }
FlopPerSecond parse_flop_rate(std::string_view text) { return FlopPerSecond{parse(text, kFlopRate)}; }
PerSecond parse_rate(std::string_view text) { return PerSecond{parse(text, kRate)}; }
Watts parse_watts(std::string_view text) { return Watts{parse(text, kPower)}; }

std::string seconds_units() { return names(kTime); }
std::string bytes_units() { return names(kData); }
std::string bandwidth_units() { return names(kBandwidth); }
std::string flop_rate_units() { return names(kFlopRate); }
std::string rate_units() { return names(kRate); }
std::string watts_units() { return names(kPower); }

}  // namespace tokenyard
