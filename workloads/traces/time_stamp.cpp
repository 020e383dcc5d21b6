#include "workloads/traces/time_stamp.hpp"

#include <chrono>

namespace tokenyard::workloads {
namespace {

[[nodiscard]] bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

/// Reads a text from its start and forgets what it has read; `ok` turns false at the first thing that does not fit.
struct Scanner {
  std::string_view rest;
  bool ok = true;

  [[nodiscard]] int digits(std::size_t count) {
    if (rest.size() < count) ok = false;
    if (!ok) return 0;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      ok = ok && is_digit(rest[i]);
      value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(count);
    return ok ? value : 0;
  }
  [[nodiscard]] bool take(char letter) {
    if (!rest.starts_with(letter)) return false;
    rest.remove_prefix(1);
    return true;
  }
  void need(char letter) { ok = take(letter) && ok; }
};

[[nodiscard]] std::int64_t fraction_ns(Scanner& scan) {
  if (!scan.take('.')) return 0;
  std::int64_t value = 0;
  std::int64_t weight = 1'000'000'000;
  while (!scan.rest.empty() && is_digit(scan.rest.front())) {
    value = value * 10 + (scan.rest.front() - '0');
    weight /= 10;
    scan.rest.remove_prefix(1);
    if (weight == 0) break;
  }
  if (weight == 0 || weight == 1'000'000'000) {
    scan.ok = false;  // more than 9 digits, or a point without any
    return 0;
  }
  return value * weight;
}

[[nodiscard]] std::chrono::minutes offset(Scanner& scan) {
  if (scan.take('Z') || scan.rest.empty()) return std::chrono::minutes{0};
  const bool behind = scan.take('-');
  if (!behind) scan.need('+');
  const int hours = scan.digits(2);
  scan.need(':');
  const int minutes = scan.digits(2);
  scan.ok = scan.ok && hours <= 14 && minutes < 60;
  const std::chrono::minutes east{hours * 60 + minutes};
  return behind ? -east : east;
}

}  // namespace

std::optional<std::int64_t> parse_time_stamp(std::string_view text) {
  Scanner scan{text};
  const int year = scan.digits(4);
  scan.need('-');
  const int month = scan.digits(2);
  scan.need('-');
  const int day = scan.digits(2);
  if (!scan.take('T')) scan.need(' ');
  const int hour = scan.digits(2);
  scan.need(':');
  const int minute = scan.digits(2);
  scan.need(':');
  const int second = scan.digits(2);
  const std::int64_t nanoseconds = fraction_ns(scan);
  const std::chrono::minutes east = offset(scan);
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!scan.ok || !scan.rest.empty() || !date.ok() || year < 1970 || year > 2200) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::chrono::seconds since_1970 = std::chrono::sys_days{date}.time_since_epoch() + std::chrono::hours{hour} +
                                          std::chrono::minutes{minute} + std::chrono::seconds{second} - east;
  return since_1970.count() * 1'000'000'000 + nanoseconds;
}

}  // namespace tokenyard::workloads
