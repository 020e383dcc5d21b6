#include "workloads/traces/fields.hpp"

#include "workloads/traces/row_fault.hpp"
#include "workloads/traces/time_stamp.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <system_error>

namespace tokenyard::workloads {
namespace {

[[nodiscard]] bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

/// "123.4567" times unit, digit by digit; nothing for any other shape and for what does not fit.
[[nodiscard]] std::optional<std::int64_t> exact_ns(std::string_view text, std::int64_t unit) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  constexpr std::int64_t kLimit = std::numeric_limits<std::int64_t>::max();
  std::int64_t whole = 0;
  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    if (whole > kLimit / 10 - 1) return std::nullopt;
    whole = whole * 10 + (text[at] - '0');
  }
  if (at == 0 || whole > kLimit / unit - 1) return std::nullopt;
  std::int64_t sum = whole * unit;
  if (at < text.size() && text[at] == '.') {
    std::int64_t weight = unit;
    for (++at; at < text.size() && is_digit(text[at]); ++at) {
      if (weight == 1) sum += text[at] >= '5' ? 1 : 0;  // rounded at the first digit behind the nanosecond
      weight = weight == 1 ? 0 : weight / 10;
      sum += weight * (text[at] - '0');
    }
  }
  if (at != text.size()) return std::nullopt;
  return negative ? -sum : sum;
}

template <class Number>
[[nodiscard]] std::errc parse(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end != text.data() + text.size()) return std::errc::invalid_argument;
  return error;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string shown(text.substr(0, kShown));
  std::replace_if(shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "'" + shown + (text.size() > kShown ? "...'" : "'");
}

std::uint64_t whole_number(std::string_view text, const std::string& column) {
  std::uint64_t value = 0;
  if (parse(text, value) != std::errc{}) {
    throw RowFault(Fault::Malformed, column, in_quotes(text) + " is not a whole number of 0 or more, as is needed");
  }
  return value;
}

std::uint64_t token_count(std::string_view text, const std::string& column) {
  std::int64_t value = 0;
  const std::errc error = parse(text, value);
  const bool overflows = error == std::errc::result_out_of_range;
  if (error != std::errc{} && !overflows) {
    throw RowFault(Fault::Malformed, column,
                   in_quotes(text) + " is not a whole number; a token count of 1 or more is needed");
  }
  if (value < 0 && !overflows) {
    throw RowFault(Fault::Malformed, column, in_quotes(text) + " is negative; a token count of 1 or more is needed");
  }
  if (overflows || value > static_cast<std::int64_t>(kMaxTraceTokens)) {
    throw RowFault(Fault::Malformed, column,
                   in_quotes(text) + " is too large for a token count; at most " + std::to_string(kMaxTraceTokens));
  }
  return static_cast<std::uint64_t>(value);
}

std::int32_t signed_number(std::string_view text, const std::string& column) {
  std::int32_t value = 0;
  if (parse(text, value) != std::errc{}) {
    throw RowFault(Fault::Malformed, column, in_quotes(text) + " is not a whole number from -2^31 to 2^31 - 1");
  }
  return value;
}

std::int64_t time_ns(std::string_view text, TimeUnit unit, const std::string& column) {
  if (const auto exact = exact_ns(text, nanoseconds(unit))) return *exact;
  if (const auto stamp = parse_time_stamp(text)) return *stamp;
  double value = 0.0;  // 1e-05, as pandas writes it
  if (parse(text, value) == std::errc{} && std::isfinite(value)) {
    const double scaled = value * static_cast<double>(nanoseconds(unit));
    if (std::abs(scaled) < 9e18) return std::llround(scaled);
  }
  throw RowFault(Fault::Malformed, column,
                 in_quotes(text) + " is not a time; '2023-11-16 18:17:03.9799600' or a number would be one");
}

std::int64_t wait_of(std::int64_t ns, const std::string& column) {
  if (ns < 0) throw RowFault(Fault::Malformed, column, "is negative; how long is waited is 0 or more");
  return ns;
}

std::string TraceReader::title(Column column) const { return kPlainTitles[static_cast<std::size_t>(column)]; }

std::uint64_t name_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char letter : text) {
    hash ^= static_cast<unsigned char>(letter);
    hash *= 0x100000001b3U;
  }
  return hash;
}

}  // namespace tokenyard::workloads
