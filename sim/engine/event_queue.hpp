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
  std::uint64_t sequence;
  EventHandler* handler;
  std::uint64_t what;
};

/// What is still to happen, by (time, rank, order of push). A heap with four children a node: half the levels of a
/// binary one, and the children of a node lie next to each other.
class EventQueue {
 public:
  void push(SimTime time, std::uint64_t rank, EventHandler& handler, std::uint64_t what);

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

  /// REQUIRES: not empty.
  [[nodiscard]] SimTime next_time() const { return heap_.front().time; }

  /// Takes out the first one. REQUIRES: not empty.
  Event pop();

 private:
  std::vector<Event> heap_;
  std::uint64_t pushed_ = 0;
};

}  // namespace tokenyard::engine
