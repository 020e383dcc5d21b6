#pragma once

#include "models/base/sim_time.hpp"
#include "models/device/clocks.hpp"

#include <algorithm>
#include <optional>

namespace tokenyard::serving {

/// By how much each of many equal steps with prompts in a row is longer than `time`: of its products, what the rest of
/// it does not give back runs at the sustained speed. `at_peak` as below.
[[nodiscard]] inline SimTime longer_in_a_row(const models::BurstClocks& clocks, SimTime time, Seconds at_peak) {
  const double whole = static_cast<double>(time.ns()) * 1e-9;
  const double products = std::min(at_peak.value() / clocks.reach, whole);
  const double spent = std::max(0.0, products - (whole - products) / clocks.recovery);
  return SimTime::from(Seconds{spent * (1.0 / clocks.sustained - 1.0)});
}

/// The clocks of an instance's chips, all alike: what of their burst is spent, and by how much steps with prompts are
/// longer once it is. Work of a step is taken as even over it: a second of products spends a second, a second of the
/// rest gives 1/recovery back. Steps of decodes alone read memory and count as rest.
///
/// Source of the law: products that take turns with reads of memory on an H100 and an H200, whose nine patterns it
/// meets within 4 % (models/catalog/measured, duty.csv). Leaves out temperature and the power of memory.
class ChipClocks {
 public:
  ChipClocks() = default;
  /// Absent: clocks never fall.
  explicit ChipClocks(const std::optional<models::BurstClocks>& clocks) : clocks_(clocks) {}

  [[nodiscard]] bool limited() const { return clocks_.has_value(); }

  /// By how much a step is longer than `time`, its price at full clocks. It starts at `start`, and at the dense peak
  /// its products would take `at_peak`. REQUIRES: limited(); steps in order of their starts.
  [[nodiscard]] SimTime longer(SimTime start, SimTime time, Seconds at_peak) {
    const double rest = std::max(0.0, static_cast<double>((start - since_).ns()) * 1e-9);
    const double whole = static_cast<double>(time.ns()) * 1e-9;
    const double products = std::min(at_peak.value() / clocks_->reach, whole);
    spent_ = std::max(0.0, spent_ - rest / clocks_->recovery);
    spent_ = std::max(0.0, spent_ + products - (whole - products) / clocks_->recovery);
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
