#include "sim/engine/end_heap.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <utility>
#include <vector>

using tokenyard::engine::EndHeap;

TEST_CASE("end heap: ends that are put in and moved at random come out in order") {
  std::mt19937 bits(3);
  std::map<std::uint32_t, double> ends;  // by flow
  EndHeap heap;
  int wrong = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (heap.empty() || bits() % 3 != 0) {
      const auto flow = static_cast<std::uint32_t>(bits() % 200);
      ends[flow] = static_cast<double>(bits() % 1'000);  // ties are common
      heap.set(flow, ends[flow]);
    } else {
      std::pair<double, std::uint32_t> least{1e9, 0};
      for (const auto& [flow, when] : ends) least = std::min(least, {when, flow});
      wrong += heap.first().flow == least.second && heap.first().when_ns == least.first ? 0 : 1;
      ends.erase(heap.first().flow);
      heap.pop();
    }
  }
  CHECK(wrong == 0);
  while (!heap.empty()) {
    ends.erase(heap.first().flow);
    heap.pop();
  }
  CHECK(ends.empty());
}

TEST_CASE("end heap: all ends move together") {
  EndHeap heap;
  heap.set(4, 100.5);
  heap.set(2, 30.25);
  heap.shift(30.0);
  CHECK(heap.first().flow == 2);
  CHECK(heap.first().when_ns == 0.25);
  heap.pop();
  CHECK(heap.first().when_ns == 70.5);
}
