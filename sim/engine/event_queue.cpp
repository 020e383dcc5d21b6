#include "sim/engine/event_queue.hpp"

#include <algorithm>

namespace tokenyard::engine {

namespace {

constexpr std::size_t kChildren = 4;

bool before(const Event& a, const Event& b) {
  if (a.time != b.time) {
    return a.time < b.time;
  }
  if (a.rank != b.rank) {
    return a.rank < b.rank;
  }
  return a.sequence < b.sequence;
}

}  // namespace

void EventQueue::push(SimTime time, std::uint64_t rank, EventHandler& handler, std::uint64_t what, bool alarm) {
  const Event event{
      .time = time, .rank = rank, .sequence = 2 * pushed_++ + (alarm ? 1U : 0U), .handler = &handler, .what = what};
  if (alarm) ++alarms_;
  std::size_t hole = heap_.size();
  heap_.push_back(event);
  while (hole > 0) {
    const std::size_t parent = (hole - 1) / kChildren;
    if (!before(event, heap_[parent])) {
      break;
    }
    heap_[hole] = heap_[parent];
    hole = parent;
  }
  heap_[hole] = event;
}

Event EventQueue::pop() {
  const Event first = heap_.front();
  if (first.is_alarm()) --alarms_;
  const Event last = heap_.back();
  heap_.pop_back();
  const std::size_t size = heap_.size();
  if (size == 0) {
    return first;
  }
  std::size_t hole = 0;
  for (std::size_t child = 1; child < size; child = kChildren * hole + 1) {
    const std::size_t end = std::min(child + kChildren, size);
    std::size_t least = child;
    for (std::size_t other = child + 1; other < end; ++other) {
      if (before(heap_[other], heap_[least])) {
        least = other;
      }
    }
    if (!before(heap_[least], last)) {
      break;
    }
    heap_[hole] = heap_[least];
    hole = least;
  }
  heap_[hole] = last;
  return first;
}

}  // namespace tokenyard::engine
