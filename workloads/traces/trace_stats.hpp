#pragma once

#include "workloads/traces/record.hpp"
#include "workloads/traces/reuse_meter.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace tokenyard::workloads {

/// Counts by value: memory goes with the number of different values, not with that of draws.
class LengthCounts {
 public:
  void add(std::uint64_t value) {
    ++counts_[value];
    ++count_;
    sum_ += value;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }
  [[nodiscard]] double mean() const;
  /// Between neighbours linear (Hyndman and Fan's type 7). REQUIRES: count() > 0, 0 <= share <= 1.
  [[nodiscard]] double quantile(double share) const;

 private:
  std::map<std::uint64_t, std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
};

/// Mean and variance of what is added, by Welford's recurrence (Technometrics 4(3), 1962).
class Moments {
 public:
  void add(double value);
  void add_zeros(std::uint64_t count);  ///< at once
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double mean() const { return mean_; }
  /// Of the values as they are, divided by their number; 0 without any.
  [[nodiscard]] double variance() const;

 private:
  std::uint64_t count_ = 0;
  double mean_ = 0.0;
  double squares_ = 0.0;
};

/// How many fall into each of equal windows of time that start with the first.
class WindowCounts {
 public:
  explicit WindowCounts(std::int64_t width_ns) : width_ns_(width_ns) {}
  /// REQUIRES: at_ns never falls.
  void add(std::int64_t at_ns);
  /// Of the whole windows so far: the one at hand is left out.
  [[nodiscard]] const Moments& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t largest() const { return largest_; }

 private:
  std::int64_t width_ns_;
  std::optional<std::int64_t> first_ns_;
  std::int64_t window_ = 0;
  std::uint64_t here_ = 0;
  std::uint64_t largest_ = 0;
  Moments counts_;
};

/// What there is to know of a stream of requests, a record at a time in the order of the trace. Arrivals are those with
/// a time on the trace's own clock: of sessions, their first turns.
class TraceStats {
 public:
  /// `lru_blocks`: capacities to measure besides the infinite one.
  explicit TraceStats(const std::vector<std::uint64_t>& lru_blocks = {});

  void add(const TraceRecord& record, bool in_sessions);

  [[nodiscard]] std::uint64_t requests() const { return prompt_.count(); }
  [[nodiscard]] const LengthCounts& prompt() const { return prompt_; }
  [[nodiscard]] const LengthCounts& output() const { return output_; }
  [[nodiscard]] double span_s() const;  ///< from the first to the last arrival
  [[nodiscard]] double rate() const;    ///< arrivals a second: (count - 1) / span; 0 without a span
  [[nodiscard]] std::uint64_t arrivals() const { return gaps_.count() + (first_ns_ ? 1 : 0); }
  [[nodiscard]] double gap_cv() const;          ///< standard deviation of the gaps over their mean
  [[nodiscard]] double dispersion() const;      ///< variance over mean of arrivals in a second; 1 = Poisson
  [[nodiscard]] double busiest_minute() const;  ///< over the mean minute
  [[nodiscard]] std::uint64_t ties() const { return ties_; }  ///< arrivals at the instant of the one before
  [[nodiscard]] const ReuseMeter& reuse() const { return reuse_.front(); }  ///< infinite cache
  /// By capacity, as asked for.
  [[nodiscard]] const std::vector<ReuseMeter>& caches() const { return reuse_; }
  [[nodiscard]] std::uint64_t sessions() const { return sessions_.size(); }
  [[nodiscard]] const LengthCounts& turns() const { return turns_; }     ///< of sessions, one each
  [[nodiscard]] const LengthCounts& waits_ms() const { return waits_; }  ///< between turns: think and tool time
  /// Ends the session at hand. REQUIRES: the last call before the results are read.
  void finish();

 private:
  LengthCounts prompt_;
  LengthCounts output_;
  LengthCounts turns_;
  LengthCounts waits_;
  Moments gaps_;
  WindowCounts seconds_{1'000'000'000};
  WindowCounts minutes_{60'000'000'000};
  std::vector<ReuseMeter> reuse_;
  std::optional<std::int64_t> first_ns_;
  std::int64_t last_ns_ = 0;
  std::uint64_t ties_ = 0;
  std::map<std::uint64_t, std::uint64_t> sessions_;  // turns by session
};

}  // namespace tokenyard::workloads
