#include "sim/report/figure_text.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace tokenyard::report {
namespace {

constexpr const char* kNothing = "-";

/// Puts commas between groups of three digits, from the right. `digits` holds nothing but digits, perhaps after a '-'.
std::string grouped(std::string digits) {
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

/// 1.23, 12.3, 123 or 1,234: the limits are those at which rounding would give one more digit.
std::string three_digits(double value) {
  const double size = std::abs(value);
  if (size < 9.995) return fmt::format("{:.2f}", value);
  if (size < 99.95) return fmt::format("{:.1f}", value);
  return grouped(fmt::format("{:.0f}", value));
}

struct Prefix {
  double factor;
  const char* text;
};

}  // namespace

std::string time_text(double seconds) {
  if (!std::isfinite(seconds)) return kNothing;
  const double size = std::abs(seconds);
  if (!(size > 0.0)) return "0 s";
  if (size >= 0.9995) return three_digits(seconds) + " s";
  if (size >= 0.9995e-3) return three_digits(seconds * 1e3) + " ms";
  if (size >= 0.9995e-6) return three_digits(seconds * 1e6) + " us";
  return three_digits(seconds * 1e9) + " ns";
}

std::string prefixed_text(double value, const char* unit) {
  if (!std::isfinite(value)) return kNothing;
  if (!(std::abs(value) > 0.0)) return fmt::format("0 {}", unit);
  constexpr std::array<Prefix, 6> kPrefixes{{{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1.0, ""}}};
  for (const Prefix& prefix : kPrefixes) {
    if (std::abs(value) >= 0.9995 * prefix.factor) {
      return fmt::format("{} {}{}", three_digits(value / prefix.factor), prefix.text, unit);
    }
  }
  return fmt::format("{:.3g} {}", value, unit);
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return kNothing;
  const double size = std::abs(value);
  if (!(size > 0.0)) return "0";
  if (size < 0.09995) return fmt::format("{:.4g}", value);
  if (size < 0.99995) return fmt::format("{:.4f}", value);
  if (size < 9.9995) return fmt::format("{:.3f}", value);
  if (size < 99.995) return fmt::format("{:.2f}", value);
  if (size < 999.95) return fmt::format("{:.1f}", value);
  return grouped(fmt::format("{:.0f}", value));
}

std::string count_text(std::uint64_t count) { return grouped(fmt::format("{}", count)); }

std::string ratio_text(double ratio) {
  if (!std::isfinite(ratio)) return kNothing;
  if (ratio > 0.0 && ratio < 0.00005) return "<0.0001";
  return fmt::format("{:.4f}", ratio);
}

std::string part_text(metrics::Part part) {
  using metrics::Part;
  switch (part) {
    case Part::Queue:
      return "in queue";
    case Part::Prefill:
      return "prefill";
    case Part::KvWait:
      return "wait to be fetched";
    case Part::KvTransfer:
      return "KV transfer";
    case Part::DecodeWait:
      return "wait for decode";
    case Part::Preempted:
      return "preempted";
    case Part::Decode:
      return "decode";
    case Part::FrontEnd:
      return "front end";
  }
  return "";
}

}  // namespace tokenyard::report
