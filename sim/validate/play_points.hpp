#pragma once

#include "sim/metrics/scoreboard.hpp"
#include "sim/validate/point.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

namespace tokenyard::validate {

struct PlayPointsOptions {
  unsigned jobs = 1;
  const std::atomic<bool>* interrupted = nullptr;
  std::function<void(std::size_t played, std::size_t all)> progress;
};

struct PlayedPoints {
  std::vector<metrics::ScoredPoint> points;  ///< in the order given
  int status = 0;                            ///< 0; 70 when a process died of a mistake of ours; 130 interrupted
};

/// Plays every point that can be in a process of its own (a search plays many), each set-up once however many rows
/// share it, and puts the predictions beside what was measured; the order of `points`. A row with the set-up and the
/// measured figures of an earlier one is a repeat. An experiment that refuses its row (it does not fit, the chip has no
/// such kernel) makes it a refused point with that line.
[[nodiscard]] PlayedPoints play_points(const std::vector<Point>& points, const PlayPointsOptions& options);

}  // namespace tokenyard::validate
