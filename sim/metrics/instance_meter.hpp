#pragma once

#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "sim/metrics/quantiles.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::metrics {

/// What an instance holds between two instants.
struct Level {
  std::uint32_t running = 0;
  std::uint32_t waiting = 0;
  std::uint64_t used_blocks = 0;
};

/// What one step did.
struct StepFigures {
  SimTime start;
  SimTime end;
  std::uint32_t decode_tokens = 0;
  std::uint32_t prefill_tokens = 0;
  std::uint64_t attention_pairs_x2 = 0;  ///< twice the (query, key) pairs of attention, all sequences
  Bytes traffic;   ///< memory read on all chips
  Joules energy;   ///< of all chips, over the step
};

/// One interval of a time series.
struct Bin {
  double running_ns = 0;   ///< integral of Level::running over time
  double waiting_ns = 0;
  double block_ns = 0;
  std::int64_t busy_ns = 0;
  std::uint64_t decode_tokens = 0;   ///< of a step that spans several intervals, in proportion to its time in each
  std::uint64_t prefill_tokens = 0;

  Bin& operator+=(const Bin& other);
};

/// Figures of one instance over the measured window [from, end of run). Fed in order of time.
class InstanceMeter {
 public:
  /// Bins of `interval` from time 0; `from` is the end of warm-up.
  InstanceMeter(SimTime from, SimTime interval);

  /// The level that holds from `now` on. Must be called at every change.
  void level(SimTime now, const Level& level) {
    advance(now);
    level_ = level;
    if (now >= from_ && level.used_blocks > peak_blocks_) peak_blocks_ = level.used_blocks;
  }

  void step(const StepFigures& step);

  /// `count` tokens came `gap` after their predecessors, at `now`.
  void gap(SimTime now, SimTime gap, std::uint64_t count) {
    if (now > from_ && count > 0) gaps_.add(gap, count);
  }

  /// Ends the last interval. No call but the getters after this.
  void finish(SimTime end) { advance(end); }

  [[nodiscard]] const SpanHistogram& gaps() const { return gaps_; }
  [[nodiscard]] const std::vector<Bin>& bins() const { return bins_; }
  [[nodiscard]] SimTime interval() const { return interval_; }
  [[nodiscard]] std::uint64_t peak_blocks() const { return peak_blocks_; }

  // Sums over the measured window. "mixed" steps computed at least one prompt token, "decode" steps none.
  std::uint64_t decode_steps = 0;
  std::uint64_t mixed_steps = 0;
  SimTime decode_busy;
  SimTime mixed_busy;
  std::uint64_t decode_tokens = 0;        ///< computed in decode, all steps
  std::uint64_t prefill_tokens = 0;
  std::uint64_t decode_tokens_mixed = 0;  ///< of decode_tokens, those of mixed steps
  double attention_pairs = 0;
  double traffic_bytes = 0;
  double traffic_bytes_decode = 0;        ///< of that, in steps without prefill
  double energy_joules = 0;               ///< of steps; idle time is added by the summary
  double block_ns = 0;                    ///< integral of used blocks
  double running_ns = 0;
  double waiting_ns = 0;
  std::uint64_t preemptions = 0;

 private:
  void advance(SimTime now);
  void add_to_bins(SimTime from, SimTime to);
  [[nodiscard]] Bin& bin_at(SimTime when);

  SimTime from_;
  SimTime interval_;
  SimTime now_;
  Level level_;
  std::uint64_t peak_blocks_ = 0;
  SpanHistogram gaps_;
  std::vector<Bin> bins_;
};

}  // namespace tokenyard::metrics
