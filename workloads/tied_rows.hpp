#pragma once

#include "models/base/sim_time.hpp"
#include "workloads/random_stream.hpp"
#include "workloads/traces/checked_rows.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace tokenyard::workloads {

/// Rows with equal stamps, spread over the tick of the clock that stamped them: each at an instant drawn uniformly from
/// [stamp, stamp + tick), in order. A recorder that counts in ticks of 3 s makes bursts that never were.
/// The tick is the gap to the next stamp, at most the smallest gap seen so far (of the last stamp: that one), unless
/// given. Rows whose stamp nobody shares stay where they are. Holds the rows of one stamp.
class TiedRows {
 public:
  /// `spread` false: rows pass unchanged.
  TiedRows(CheckedRows rows, bool spread, std::optional<SimTime> tick, RandomStream stream);

  [[nodiscard]] bool next(TraceRecord& record);
  [[nodiscard]] const CheckedRows& rows() const { return rows_; }
  /// The rows themselves. REQUIRES: none was taken yet.
  [[nodiscard]] CheckedRows release() && { return std::move(rows_); }

 private:
  void collect();

  CheckedRows rows_;
  bool spread_;
  std::optional<std::int64_t> tick_ns_;
  std::optional<std::int64_t> smallest_gap_ns_;
  RandomStream stream_;
  std::vector<TraceRecord> tied_;
  std::size_t given_ = 0;
  std::optional<TraceRecord> ahead_;  // first of the next stamp
  bool ended_ = false;
};

}  // namespace tokenyard::workloads
