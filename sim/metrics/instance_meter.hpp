#pragma once

#include "models/base/collective_bytes.hpp"
#include "models/base/price_basis.hpp"
#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "sim/metrics/cache_figures.hpp"
#include "sim/metrics/quantiles.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tokenyard::metrics {

/// What an instance holds between two instants.
struct Level {
  std::uint32_t running = 0;
  std::uint32_t waiting = 0;
  std::uint64_t used_blocks = 0;
  std::uint64_t unfilled_tokens = 0;  ///< places in these blocks that hold no token
  friend bool operator==(const Level&, const Level&) = default;
};

/// What one step did.
struct StepFigures {
  SimTime start;
  SimTime end;
  std::uint32_t decode_tokens = 0;    ///< accepted drafts included
  std::uint32_t drafts_accepted = 0;  ///< of these
  std::uint32_t prefill_tokens = 0;
  std::uint64_t attention_pairs_x2 = 0;  ///< twice the (query, key) pairs of attention, all sequences
  Bytes traffic;                         ///< memory read on all chips, whole bytes
  SimTime exposed;                       ///< of the step: collectives that no computation hides
  CollectiveBytes sent{};                ///< by its collectives
  Watts power;                           ///< of all chips, during the step; milliwatts are the finest that counts
  PriceBasis basis{};
};

/// What a run of decode steps did, one right behind the other, from the last change of the level on. It lies within
/// InstanceMeter::run_end().
struct RunFigures {
  SimTime end;  ///< of the last step
  std::uint64_t steps = 0;
  SimTime busy;
  std::uint64_t decode_tokens = 0;
  std::uint64_t attention_pairs_x2 = 0;
  std::uint64_t traffic_bytes = 0;
  SimTime exposed;
  CollectiveBytes sent{};
  Watts power;
  PriceBasis basis{};
  std::uint64_t block_ns = 0;     ///< integral of the used blocks from the last change of the level to `end`
  std::uint64_t used_blocks = 0;  ///< that the run leaves behind
  std::uint64_t most_blocks = 0;  ///< most of them at once
  std::uint64_t unfilled_ns = 0;  ///< as block_ns, of Level::unfilled_tokens
  std::uint64_t unfilled_tokens = 0;
  std::span<const SimTime> gaps;  ///< of each step to the one before, as in InstanceMeter::gap()
  std::uint64_t tokens_per_gap = 0;
};

/// One interval of a time series.
struct Bin {
  std::uint64_t running_ns = 0;  ///< integral of Level::running over time
  std::uint64_t waiting_ns = 0;
  std::uint64_t block_ns = 0;
  std::uint64_t unfilled_ns = 0;
  std::int64_t busy_ns = 0;
  std::uint64_t decode_tokens = 0;  ///< of a step that spans several intervals, in proportion to its time in each
  std::uint64_t prefill_tokens = 0;

  Bin& operator+=(const Bin& other);
};

/// Sums of an instance over the measured window. "mixed" steps computed at least one prompt token, "decode" steps none.
/// A step that runs while warm-up ends counts as one, with what it did in proportion to its time after that.
class MeterSums {
 public:
  std::uint64_t decode_steps = 0;
  std::uint64_t mixed_steps = 0;
  SimTime decode_busy;
  SimTime mixed_busy;
  SimTime decode_exposed;  ///< of decode_busy, collectives that no computation hides
  SimTime mixed_exposed;
  std::uint64_t decode_tokens = 0;  ///< computed in decode, all steps
  std::uint64_t prefill_tokens = 0;
  std::uint64_t decode_tokens_mixed = 0;  ///< of decode_tokens, those of mixed steps
  std::uint64_t drafts_accepted = 0;      ///< of decode_tokens
  std::uint64_t preemptions = 0;
  std::uint64_t tokens_out = 0;  ///< handed to users
  CacheSums cached;              ///< of the prefix cache; its look-ups are those of measured requests, whenever
  PriceBasis basis;              ///< of the time of steps
  CollectiveBytes sent;          ///< by collectives of steps
  [[nodiscard]] double attention_pairs() const { return static_cast<double>(pairs_x2_) / 2.0; }
  [[nodiscard]] double traffic_bytes() const { return static_cast<double>(traffic_); }
  [[nodiscard]] double traffic_bytes_decode() const { return static_cast<double>(traffic_decode_); }
  /// Of steps; the summary adds idle time.
  [[nodiscard]] double energy_joules() const { return static_cast<double>(picojoules_) * 1e-12; }
  [[nodiscard]] double block_ns() const { return static_cast<double>(block_ns_); }        ///< integral of used blocks
  [[nodiscard]] double unfilled_ns() const { return static_cast<double>(unfilled_ns_); }  ///< of unfilled tokens
  [[nodiscard]] double running_ns() const { return static_cast<double>(running_ns_); }
  [[nodiscard]] double waiting_ns() const { return static_cast<double>(waiting_ns_); }
  [[nodiscard]] std::uint64_t peak_blocks() const { return peak_blocks_; }

 protected:
  Uint128 pairs_x2_ = 0;
  Uint128 traffic_ = 0;
  Uint128 traffic_decode_ = 0;
  Uint128 picojoules_ = 0;
  Uint128 block_ns_ = 0;
  Uint128 unfilled_ns_ = 0;
  Uint128 running_ns_ = 0;
  Uint128 waiting_ns_ = 0;
  std::uint64_t peak_blocks_ = 0;
};

/// Figures of one instance over the measured window [from, end of run). Fed in order of time.
/// All sums are of integers: a run of steps booked at once gives the same figures as its steps one by one.
class InstanceMeter : public MeterSums {
 public:
  /// Bins of `interval` from time 0; `from` is the end of warm-up.
  InstanceMeter(SimTime from, SimTime interval);

  /// The level that holds from `now` on. Must be called at every change.
  void level(SimTime now, const Level& level) {
    if (level == level_ && now < run_end_) return;  // nothing changes: the time is added up later
    advance(now);
    level_ = level;
    if (now >= from_ && level.used_blocks > peak_blocks_) peak_blocks_ = level.used_blocks;
  }

  void step(const StepFigures& step);

  /// Up to here, steps that start at run_begin() or later lie in one interval and on one side of the end of warm-up.
  [[nodiscard]] SimTime run_end() const { return run_end_; }
  [[nodiscard]] SimTime run_begin() const { return run_begin_; }
  /// The instant up to which the level has been added up.
  [[nodiscard]] SimTime level_since() const { return now_; }
  /// Books steps and level of a whole run. REQUIRES: its first step starts at run_begin() or later, end <= run_end().
  void run(const RunFigures& run);

  /// `count` tokens came `gap` after their predecessors, at `now`.
  void gap(SimTime now, SimTime gap, std::uint64_t count) {
    if (now > from_ && count > 0) {
      gaps_.add(gap, count);
      tokens_out += count;
    }
  }
  /// A request was given its first token at `now`.
  void first_token(SimTime now) {
    if (now > from_) ++tokens_out;
  }

  /// A sequence was preempted at `now`.
  void preempted(SimTime now) {
    if (now >= from_) ++preemptions;
  }

  /// The prefix cache did this at `now`, or was found to have done it.
  void cache(SimTime now, const CacheSums& did);
  /// Of the run as a whole: what a measured request that has ended had looked up, what is found when the run ends.
  void cache(const CacheSums& did) { cached += did; }

  /// Ends the last interval. No call but the getters after this.
  void finish(SimTime end) { advance(end); }
  /// What holds at `now`, in the midst of a run. REQUIRES: all steps that end by then have been booked.
  [[nodiscard]] const MeterSums& sums_at(SimTime now) {
    advance(now);
    return *this;
  }

  [[nodiscard]] const SpanHistogram& gaps() const { return gaps_; }
  [[nodiscard]] const std::vector<Bin>& bins() const { return bins_; }
  /// Of bin `index`; most instances have no prefix cache, and keep nothing for it.
  [[nodiscard]] CacheSums cache_in(std::size_t index) const {
    return index < cache_bins_.size() ? cache_bins_[index] : CacheSums{};
  }
  /// Bytes of collectives in bin `index`, of a step that spans several as in Bin; nothing is kept where none are sent.
  [[nodiscard]] CollectiveBytes sent_in(std::size_t index) const;
  [[nodiscard]] SimTime interval() const { return interval_; }

 private:
  void advance(SimTime now);
  void add_to_bins(SimTime from, SimTime to);
  void add_level(Bin& bin, SimTime span) const;
  [[nodiscard]] Bin& bin_at(SimTime when);
  /// That of the present run, without a division.
  [[nodiscard]] Bin& run_bin() { return run_bin_ < bins_.size() ? bins_[run_bin_] : bin_at(run_begin_); }

  void find_run_limits();
  void spread(const StepFigures& step);
  void add_sent(const Bin& bin, const CollectiveBytes& bytes);
  void measure(const StepFigures& step);

  SimTime from_;
  SimTime interval_;
  SimTime run_begin_;  // of the interval (or window) that now_ lies in
  SimTime run_end_;
  std::size_t run_bin_ = 0;  // index of the bin that holds run_begin_
  SimTime now_;
  Level level_;
  SpanHistogram gaps_;
  std::vector<Bin> bins_;
  std::vector<CacheSums> cache_bins_;                                 // never longer than bins_
  std::array<std::vector<CollectiveBytes::Of>, kSenders> sent_bins_;  // likewise; empty for those that send nothing
};

}  // namespace tokenyard::metrics
