#pragma once

#include <algorithm>
#include <cstdint>

namespace tokenyard::policy {

/// Share of the output tokens still allowed to running requests that SGLang keeps free when it admits others.
///
/// Starts at 0.7 times the conservativeness (at most 1), falls by an even amount every decode step until 0.14 of that
/// is left after 600, starts anew when the scheduler is idle, and is set from what is running when memory ran out.
/// Source: SGLang, python/sglang/srt/managers/scheduler.py at 0003215cf146 and its environment defaults.
class NewTokenRatio {
 public:
  explicit NewTokenRatio(double conservativeness)
      : start_(std::min(kStart * conservativeness, 1.0)), least_(start_ * kLeastShare), from_(start_) {}

  [[nodiscard]] double value() const {
    if (steps_ == 0) return from_;
    return std::max(from_ - static_cast<double>(steps_) * (start_ - least_) / kSteps, least_);
  }
  void decay(std::uint64_t decode_steps) { steps_ += decode_steps; }
  void reset() { set(start_); }
  /// After a retraction: `given` tokens out of `allowed` had been produced by the `requests` that stay.
  void retracted(std::uint64_t given, std::uint64_t allowed, std::uint64_t requests) {
    set(std::min(static_cast<double>(given + kStepsAhead * requests) / static_cast<double>(allowed + 1), 1.0));
  }

 private:
  static constexpr double kStart = 0.7;
  static constexpr double kLeastShare = 0.14;
  static constexpr double kSteps = 600.0;
  static constexpr std::uint64_t kStepsAhead = 20;

  void set(double value) {
    from_ = value;
    steps_ = 0;
  }

  double start_;
  double least_;
  double from_;
  std::uint64_t steps_ = 0;
};

}  // namespace tokenyard::policy
