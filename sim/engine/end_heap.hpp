#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tokenyard::engine {

/// When flows will end, the first on top: a binary heap that knows where each flow stands, so that its end can be
/// moved.
class EndHeap {
 public:
  struct End {
    double when_ns = 0.0;
    std::uint32_t flow = 0;
  };

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  /// Of equal ends that of the lower flow. REQUIRES: !empty().
  [[nodiscard]] const End& first() const { return heap_.front(); }

  /// Puts the flow in, or moves its end.
  void set(std::uint32_t flow, double when_ns) {
    if (flow >= places_.size()) places_.resize(std::size_t{flow} + 1, kNowhere);
    if (places_[flow] == kNowhere) {
      places_[flow] = static_cast<std::uint32_t>(heap_.size());
      heap_.push_back({});
    }
    settle(places_[flow], {.when_ns = when_ns, .flow = flow});
  }

  /// Takes out first().
  void pop() {
    places_[heap_.front().flow] = kNowhere;
    const End last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) settle(0, last);
  }

  /// All ends are this much earlier.
  void shift(double by_ns) {
    for (End& end : heap_) end.when_ns -= by_ns;
  }

 private:
  static constexpr std::uint32_t kNowhere = ~std::uint32_t{0};

  [[nodiscard]] static bool before(const End& a, const End& b) {
    return a.when_ns != b.when_ns ? a.when_ns < b.when_ns : a.flow < b.flow;
  }

  void put(std::size_t at, const End& end) {
    heap_[at] = end;
    places_[end.flow] = static_cast<std::uint32_t>(at);
  }

  /// Finds the place of an end from `at`, which is free, up or down.
  void settle(std::size_t at, const End& end) {
    while (at > 0 && before(end, heap_[(at - 1) / 2])) {
      put(at, heap_[(at - 1) / 2]);
      at = (at - 1) / 2;
    }
    while (true) {
      std::size_t child = 2 * at + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], end)) break;
      put(at, heap_[child]);
      at = child;
    }
    put(at, end);
  }

  std::vector<End> heap_;
  std::vector<std::uint32_t> places_;  ///< by flow
};

}  // namespace tokenyard::engine
