#pragma once

#include "models/base/sim_time.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tokenyard::metrics {

__extension__ using Uint128 = unsigned __int128;  ///< sums of nanoseconds times tokens outgrow 64 bits in long runs

/// Time spans with weights, counted in buckets that are at most 1/1,024 wide relative to their value (spans below
/// 2,048 ns are counted exactly). Counts are integers, so the order of adding does not matter, and two halves of a run
/// can be added up. Memory: 8 bytes a bucket in use, 55,000 buckets at most.
class SpanHistogram {
 public:
  void add(SimTime span, std::uint64_t weight) {
    const std::size_t bucket = bucket_of(span.ns());
    if (bucket >= counts_.size()) counts_.resize(bucket + 1);
    counts_[bucket] += weight;
    total_ += weight;
    sum_ns_ += static_cast<Uint128>(span.ns()) * weight;
  }
  /// The same for each of `spans`; quick where neighbours are alike.
  void add(std::span<const SimTime> spans, std::uint64_t weight);
  void add(const SpanHistogram& other);

  [[nodiscard]] std::uint64_t count() const { return total_; }
  /// Exact. REQUIRES: count() > 0.
  [[nodiscard]] Seconds mean() const;
  /// Nearest rank, middle of the bucket: at most 0.05 % off. REQUIRES: count() > 0, 0 < q <= 1.
  [[nodiscard]] Seconds quantile(double q) const;

 private:
  /// Bits below the leading eleven are dropped.
  [[nodiscard]] static std::size_t bucket_of(std::int64_t ns) {
    const auto value = static_cast<std::uint64_t>(ns < 0 ? 0 : ns);
    if (value < 2048) return value;
    const int shift = 53 - __builtin_clzll(value);  // leading bit 11 -> 1, 12 -> 2, ...
    return (static_cast<std::size_t>(shift) << 10) + (value >> shift);
  }
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  Uint128 sum_ns_ = 0;
};

/// Time spans of requests. Exact (nearest rank on raw samples) up to `exact_limit` samples, a SpanHistogram beyond, so
/// that a run of any length fits in memory.
class Quantiles {
 public:
  explicit Quantiles(std::size_t exact_limit = std::size_t{1} << 18) : exact_limit_(exact_limit) {}

  void add(SimTime span);

  [[nodiscard]] std::uint64_t count() const { return exact() ? samples_.size() : folded_.count(); }
  [[nodiscard]] bool exact() const { return folded_.count() == 0; }
  /// REQUIRES: count() > 0.
  [[nodiscard]] Seconds mean() const;
  /// REQUIRES: count() > 0, 0 < q <= 1.
  [[nodiscard]] Seconds quantile(double q);

 private:
  std::size_t exact_limit_;
  std::vector<SimTime> samples_;
  bool sorted_ = false;
  SpanHistogram folded_;
};

}  // namespace tokenyard::metrics
