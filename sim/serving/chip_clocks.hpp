#pragma once

#include "models/base/sim_time.hpp"
#include "models/cost/step_cost.hpp"
#include "models/device/clocks.hpp"

#include <algorithm>
#include <optional>

namespace tokenyard::serving {

/// Seconds of a step of `time` in which chips draw their full power, as they would at full clocks.
[[nodiscard]] inline double heavy_seconds(const models::BurstClocks& clocks, SimTime time,
                                          const cost::HeavyWork& work) {
  const double heavy = work.at_peak.value() / clocks.reach + clocks.decode_attention * work.decode_attention.value();
  return std::min(heavy, static_cast<double>(time.ns()) * 1e-9);
}

/// What a step spends of the burst beyond what the rest of it gives back; below 0 when it gives back more.
[[nodiscard]] inline double spent_seconds(const models::BurstClocks& clocks, SimTime time,
                                          const cost::HeavyWork& work) {
  const double heavy = heavy_seconds(clocks, time, work);
  return heavy - (static_cast<double>(time.ns()) * 1e-9 - heavy) / clocks.recovery;
}

/// By how much each of many equal steps in a row is longer than `time`: what it spends runs at the sustained speed.
[[nodiscard]] inline SimTime longer_in_a_row(const models::BurstClocks& clocks, SimTime time,
                                             const cost::HeavyWork& work) {
  const double spent = std::max(0.0, spent_seconds(clocks, time, work));
  return SimTime::from(Seconds{spent * (1.0 / clocks.sustained - 1.0)});
}

/// The clocks of an instance's chips, all alike: what of their burst is spent, and by how much steps are longer once it
/// is. Work of a step is taken as even over it: a second of heavy work spends a second, a second of the rest gives
/// 1/recovery back. Steps of decodes alone that give back more than they spend count as rest.
///
/// Source of the law: products that take turns with reads of memory on an H100 and an H200, whose nine patterns it
/// meets within 4 %, and steps of 2 to 2,048 decodes for seconds, of whose slowing by up to 0.19 it misses 0.045 at
/// most (models/catalog/measured, duty.csv and decode_clocks.csv). Leaves out temperature.
class ChipClocks {
 public:
  ChipClocks() = default;
  /// Absent: clocks never fall.
  explicit ChipClocks(const std::optional<models::BurstClocks>& clocks) : clocks_(clocks) {}

  [[nodiscard]] bool limited() const { return clocks_.has_value(); }

  /// Whether attention of decodes alone would spend more than it gives back. If so the share of a run's steps that is
  /// heavy, once above what rest gives back, stays there: it grows with the contexts while something else sets the
  /// step's length, then goes towards attention's own. REQUIRES: limited().
  [[nodiscard]] bool attention_spends() const { return clocks_->decode_attention * (1.0 + clocks_->recovery) > 1.0; }

  /// Whether a step of `time` spends more than it gives back. REQUIRES: limited().
  [[nodiscard]] bool spends(SimTime time, const cost::HeavyWork& work) const {
    return spent_seconds(*clocks_, time, work) > 0.0;
  }

  /// By how much a step is longer than `time`, its price at full clocks. It starts at `start`. REQUIRES: limited();
  /// steps in order of their starts.
  [[nodiscard]] SimTime longer(SimTime start, SimTime time, const cost::HeavyWork& work) {
    const double rest = std::max(0.0, static_cast<double>((start - since_).ns()) * 1e-9);
    spent_ = std::max(0.0, spent_ - rest / clocks_->recovery);
    spent_ = std::max(0.0, spent_ + spent_seconds(*clocks_, time, work));
    const double over = std::max(0.0, spent_ - clocks_->burst.value());
    spent_ -= over;
    const SimTime more = SimTime::from(Seconds{over * (1.0 / clocks_->sustained - 1.0)});
    since_ = start + time + more;
    return more;
  }

 private:
  std::optional<models::BurstClocks> clocks_;
  double spent_ = 0.0;  // seconds of the burst, at since_
  SimTime since_;
};

}  // namespace tokenyard::serving
