#pragma once

#include "models/base/units.hpp"

#include <cmath>
#include <compare>
#include <cstdint>

namespace tokenyard {

/// Simulated time, an instant or a span, in whole nanoseconds since the start of the run.
///
/// Integers, because sums of integers do not depend on their order: a request's parts add up to its latency
/// exactly, a run of decode steps ends at the same instant whether it is played at once or step by step, and
/// every build prints the same bytes. 2^63 ns are 292 years; one step is 10^5 ns or more.
class SimTime {
 public:
  constexpr SimTime() = default;
  constexpr explicit SimTime(std::int64_t nanoseconds) : ns_(nanoseconds) {}

  /// Nearest nanosecond, halves away from zero. REQUIRES: |seconds| < 9.2e9.
  [[nodiscard]] static SimTime from(Seconds seconds) { return SimTime{std::llround(seconds.value() * 1e9)}; }
  [[nodiscard]] static constexpr SimTime never() { return SimTime{INT64_MAX}; }

  [[nodiscard]] constexpr std::int64_t ns() const { return ns_; }
  [[nodiscard]] constexpr Seconds seconds() const { return Seconds{static_cast<double>(ns_) / 1e9}; }

  constexpr SimTime& operator+=(SimTime other) {
    ns_ += other.ns_;
    return *this;
  }
  constexpr SimTime& operator-=(SimTime other) {
    ns_ -= other.ns_;
    return *this;
  }
  friend constexpr SimTime operator+(SimTime a, SimTime b) { return SimTime{a.ns_ + b.ns_}; }
  friend constexpr SimTime operator-(SimTime a, SimTime b) { return SimTime{a.ns_ - b.ns_}; }
  friend constexpr SimTime operator*(SimTime a, std::int64_t k) { return SimTime{a.ns_ * k}; }
  friend constexpr auto operator<=>(SimTime, SimTime) = default;

 private:
  std::int64_t ns_ = 0;
};

}  // namespace tokenyard
