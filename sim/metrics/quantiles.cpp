#include "sim/metrics/quantiles.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::metrics {
namespace {

/// 1-based nearest rank: the smallest sample that at least a share q of all samples does not exceed.
std::uint64_t nearest_rank(double q, std::uint64_t count) {
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count) - 1e-9));
  return std::clamp<std::uint64_t>(rank, 1, count);
}

}  // namespace

void SpanHistogram::add(std::span<const SimTime> spans, std::uint64_t weight) {
  Uint128 sum = 0;
  for (std::size_t i = 0; i < spans.size();) {
    // Bits below the bucket's width are free: all spans that share the others share the bucket.
    const std::size_t bucket = bucket_of(spans[i].ns());
    const int shift = bucket < 2048 ? 0 : static_cast<int>((bucket >> 10) - 1);
    const std::int64_t prefix = spans[i].ns() >> shift;
    std::int64_t same_sum = 0;
    const std::size_t first = i;
    for (; i < spans.size() && spans[i].ns() >> shift == prefix; ++i) same_sum += spans[i].ns();
    if (bucket >= counts_.size()) counts_.resize(bucket + 1);
    counts_[bucket] += weight * (i - first);
    sum += static_cast<Uint128>(same_sum) * weight;
  }
  total_ += weight * spans.size();
  sum_ns_ += sum;
}

void SpanHistogram::add(const SpanHistogram& other) {
  if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
  sum_ns_ += other.sum_ns_;
}

Seconds SpanHistogram::mean() const {
  expect(total_ > 0, "a mean needs samples");
  return Seconds{static_cast<double>(sum_ns_) / static_cast<double>(total_) * 1e-9};
}

Seconds SpanHistogram::quantile(double q) const {
  expect(total_ > 0 && q > 0.0 && q <= 1.0, "a quantile needs samples and 0 < q <= 1");
  std::uint64_t left = nearest_rank(q, total_);
  std::size_t bucket = 0;
  while (left > counts_[bucket]) left -= counts_[bucket++];
  if (bucket < 2048) return Seconds{static_cast<double>(bucket) * 1e-9};
  const auto shift = static_cast<int>((bucket >> 10) - 1);
  const double width = std::ldexp(1.0, shift);
  const double low = static_cast<double>(bucket - (static_cast<std::size_t>(shift) << 10)) * width;
  return Seconds{(low + (width - 1.0) / 2.0) * 1e-9};
}

void Quantiles::add(SimTime span) {
  if (!exact()) {
    folded_.add(span, 1);
    return;
  }
  samples_.push_back(span);
  sorted_ = false;
  if (samples_.size() > exact_limit_) {
    for (const SimTime sample : samples_) folded_.add(sample, 1);
    samples_ = {};
  }
}

Seconds Quantiles::mean() const {
  if (!exact()) return folded_.mean();
  expect(!samples_.empty(), "a mean needs samples");
  Uint128 sum = 0;
  for (const SimTime sample : samples_) sum += static_cast<Uint128>(sample.ns());
  return Seconds{static_cast<double>(sum) / static_cast<double>(samples_.size()) * 1e-9};
}

Seconds Quantiles::quantile(double q) {
  if (!exact()) return folded_.quantile(q);
  expect(!samples_.empty() && q > 0.0 && q <= 1.0, "a quantile needs samples and 0 < q <= 1");
  if (!sorted_) {
    std::sort(samples_.begin(), samples_.end());
    sorted_ = true;
  }
  return samples_[nearest_rank(q, samples_.size()) - 1].seconds();
}

}  // namespace tokenyard::metrics
