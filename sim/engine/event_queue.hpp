#pragma once

#include "models/base/sim_time.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tokenyard::engine {

class EventHandler;

/// One thing that will happen. Plain data, so that the heap moves it with a few stores.
struct Event {
  SimTime time;
  std::uint64_t rank;
  std::uint64_t sequence;  ///< of pushing; the lowest bit says whether it is an alarm
  EventHandler* handler;
  std::uint64_t what;

  [[nodiscard]] bool is_alarm() const { return (sequence & 1U) != 0; }
};

/// What is still to happen, by (time, rank, order of push). A heap with four children a node: half the levels of a
/// binary one, and the children of a node lie next to each other.
class EventQueue {
 public:
  void push(SimTime time, std::uint64_t rank, EventHandler& handler, std::uint64_t what, bool alarm = false);

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] bool only_alarms() const { return heap_.size() == alarms_; }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

  /// REQUIRES: not empty.
  [[nodiscard]] SimTime next_time() const { return heap_.front().time; }

  /// Takes out the first one. REQUIRES: not empty.
  Event pop();

 private:
  std::vector<Event> heap_;
  std::uint64_t pushed_ = 0;
  std::size_t alarms_ = 0;
};

}  // namespace tokenyard::engine
