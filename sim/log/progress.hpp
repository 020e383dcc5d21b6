#pragma once

#include "models/base/sim_time.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>

namespace tokenyard::log {

/// How far a run has come.
struct ProgressState {
  double fraction = 0.0;  ///< of the work, in [0, 1]
  SimTime now;
  std::uint64_t requests_done = 0;
};

/// One line on a terminal that is written over and over: " 42 %  12.500 s simulated  420 requests  7 s to go".
/// For whoever watches: nothing that it knows of wall time leaves it.
class Progress {
 public:
  using WallClock = std::function<std::chrono::steady_clock::time_point()>;

  /// On stderr, if that is a terminal; else it says nothing.
  Progress();
  /// For tests: writes to `out`, which must outlive it, and takes wall time from `clock`.
  Progress(std::ostream& out, WallClock clock);
  /// Wipes the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Call it as often as you like: `state` (a ProgressState()) is asked for at most every 200 ms, and the wall clock is
  /// read every kCallsPerLook calls.
  template <class State>
  void tick(State&& state) {
    if (out_ == nullptr || ++calls_ % kCallsPerLook != 0) {
      return;
    }
    if (is_due()) {
      show(state());
    }
  }

  static constexpr std::uint64_t kCallsPerLook = 256;

 private:
  [[nodiscard]] bool is_due();
  void show(const ProgressState& state);

  std::ostream* out_;  ///< nobody watches: nullptr
  WallClock clock_;
  std::uint64_t calls_ = 0;
  std::chrono::steady_clock::time_point began_;
  std::optional<std::chrono::steady_clock::time_point> shown_;
  std::size_t width_ = 0;  ///< of the line on the terminal
};

}  // namespace tokenyard::log
