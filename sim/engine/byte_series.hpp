#pragma once

#include "models/base/sim_time.hpp"

#include <vector>

namespace tokenyard::engine {

/// Bytes by interval of time, from 0 on. The interval is doubled when a series would grow beyond kMost of them.
class ByteSeries {
 public:
  static constexpr std::size_t kMost = 4096;

  /// REQUIRES: interval > 0.
  explicit ByteSeries(SimTime interval) : interval_(interval) {}

  /// `bytes` that came evenly between two instants. REQUIRES: from <= to.
  void add(SimTime from, SimTime to, double bytes);

  [[nodiscard]] SimTime interval() const { return interval_; }
  [[nodiscard]] const std::vector<double>& bytes() const { return bytes_; }

 private:
  [[nodiscard]] double& at(SimTime when);

  SimTime interval_;
  std::vector<double> bytes_;
};

}  // namespace tokenyard::engine
