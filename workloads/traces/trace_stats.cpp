#include "workloads/traces/trace_stats.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::workloads {

double LengthCounts::mean() const {
  return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

double LengthCounts::quantile(double share) const {
  expect(count_ > 0 && share >= 0.0 && share <= 1.0, "a quantile is of something");
  const double place = share * static_cast<double>(count_ - 1);
  const auto below = static_cast<std::uint64_t>(place);
  std::uint64_t passed = 0;
  for (auto at = counts_.begin(); at != counts_.end(); ++at) {
    passed += at->second;
    if (passed <= below) continue;
    const auto low = static_cast<double>(at->first);
    const auto next = std::next(at);
    const double high = passed > below + 1 || next == counts_.end() ? low : static_cast<double>(next->first);
    return low + (place - static_cast<double>(below)) * (high - low);
  }
  return static_cast<double>(counts_.rbegin()->first);
}

void Moments::add(double value) {
  ++count_;
  const double away = value - mean_;
  mean_ += away / static_cast<double>(count_);
  squares_ += away * (value - mean_);
}

void Moments::add_zeros(std::uint64_t count) {
  const auto more = static_cast<double>(count);
  const auto before = static_cast<double>(count_);
  if (count == 0) return;
  squares_ += mean_ * mean_ * before * more / (before + more);
  mean_ *= before / (before + more);
  count_ += count;
}

double Moments::variance() const { return count_ == 0 ? 0.0 : squares_ / static_cast<double>(count_); }

void WindowCounts::add(std::int64_t at_ns) {
  if (!first_ns_) first_ns_ = at_ns;
  const std::int64_t window = (at_ns - *first_ns_) / width_ns_;
  if (window_ < window) {
    counts_.add(static_cast<double>(here_));
    largest_ = std::max(largest_, here_);
    here_ = 0;
    counts_.add_zeros(static_cast<std::uint64_t>(window - window_ - 1));  // however long nothing came
    window_ = window;
  }
  ++here_;
}

TraceStats::TraceStats(const std::vector<std::uint64_t>& lru_blocks) {
  reuse_.emplace_back();
  for (const std::uint64_t capacity : lru_blocks) reuse_.emplace_back(capacity);
}

void TraceStats::add(const TraceRecord& record, bool in_sessions) {
  prompt_.add(record.prompt_tokens);
  output_.add(record.output_tokens);
  for (ReuseMeter& cache : reuse_) cache.add(record);
  if (record.session) ++sessions_[*record.session];
  if (record.wait_ns) waits_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(*record.wait_ns, 0)) / 1'000'000);
  if (!record.at_ns || (in_sessions && record.turn > 0)) return;
  const std::int64_t at = *record.at_ns;
  if (first_ns_ && at < last_ns_) return;  // beginnings of sessions with clocks of their own
  if (first_ns_) {
    gaps_.add(static_cast<double>(at - last_ns_) * 1e-9);
    ties_ += at == last_ns_ ? 1 : 0;
  } else {
    first_ns_ = at;
  }
  last_ns_ = at;
  seconds_.add(at);
  minutes_.add(at);
}

void TraceStats::finish() {
  for (const auto& [session, turns] : sessions_) turns_.add(turns);
}

double TraceStats::span_s() const { return first_ns_ ? static_cast<double>(last_ns_ - *first_ns_) * 1e-9 : 0.0; }
double TraceStats::rate() const { return span_s() > 0.0 ? static_cast<double>(gaps_.count()) / span_s() : 0.0; }
double TraceStats::gap_cv() const { return gaps_.mean() > 0.0 ? std::sqrt(gaps_.variance()) / gaps_.mean() : 0.0; }

double TraceStats::dispersion() const {
  const Moments& counts = seconds_.counts();
  return counts.mean() > 0.0 ? counts.variance() / counts.mean() : 0.0;
}

double TraceStats::busiest_minute() const {
  const Moments& counts = minutes_.counts();
  return counts.mean() > 0.0 ? static_cast<double>(minutes_.largest()) / counts.mean() : 0.0;
}

}  // namespace tokenyard::workloads
