#include "workloads/tied_rows.hpp"

#include <algorithm>
#include <utility>

namespace tokenyard::workloads {

TiedRows::TiedRows(CheckedRows rows, bool spread, std::optional<SimTime> tick, RandomStream stream)
    : rows_(std::move(rows)), spread_(spread), stream_(std::move(stream)) {
  if (tick) tick_ns_ = tick->ns();
}

/// The rows of the next stamp.
void TiedRows::collect() {
  tied_.clear();
  given_ = 0;
  if (ahead_) tied_.push_back(std::move(*ahead_));
  ahead_.reset();
  TraceRecord record;
  while (!ended_) {
    if (!rows_.next(record)) {
      ended_ = true;
    } else if (tied_.empty() || record.at_ns == tied_.front().at_ns) {
      tied_.push_back(std::move(record));
      record = {};
    } else {
      ahead_ = std::move(record);
      break;
    }
  }
  if (tied_.empty() || !tied_.front().at_ns) return;
  const std::int64_t stamp = *tied_.front().at_ns;
  if (ahead_ && ahead_->at_ns) {
    const std::int64_t gap = *ahead_->at_ns - stamp;
    smallest_gap_ns_ = std::min(gap, smallest_gap_ns_.value_or(gap));
  }
  if (tied_.size() < 2) return;
  const std::int64_t width = tick_ns_.value_or(smallest_gap_ns_.value_or(0));
  std::vector<double> shares(tied_.size());
  for (double& share : shares) share = stream_.uniform01();
  std::sort(shares.begin(), shares.end());
  for (std::size_t i = 0; i < tied_.size(); ++i) {
    tied_[i].at_ns = stamp + static_cast<std::int64_t>(shares[i] * static_cast<double>(width));
  }
}

bool TiedRows::next(TraceRecord& record) {
  if (!spread_) return rows_.next(record);
  if (given_ == tied_.size()) collect();
  if (given_ == tied_.size()) return false;
  std::swap(record, tied_[given_++]);
  return true;
}

}  // namespace tokenyard::workloads
