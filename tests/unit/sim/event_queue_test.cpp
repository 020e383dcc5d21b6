#include "sim/engine/event_queue.hpp"

#include "sim/engine/engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <tuple>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::engine;

namespace {

struct Nobody final : EventHandler {
  void on_event(std::uint64_t) override {}
};

}  // namespace

TEST_CASE("event queue: gives events in the order of a stable sort by time and rank") {
  Nobody nobody;
  std::mt19937 bits(5);
  const auto below = [&](std::uint32_t end) { return static_cast<std::uint32_t>(bits()) % end; };
  EventQueue queue;
  std::vector<std::tuple<std::int64_t, std::uint64_t, std::uint64_t>> expected;  // time, rank, number of push
  std::vector<std::tuple<std::int64_t, std::uint64_t, std::uint64_t>> given;
  std::uint64_t pushed = 0;
  const auto push = [&](std::int64_t time, std::uint64_t rank) {
    queue.push(SimTime{time}, rank, nobody, pushed);
    expected.emplace_back(time, rank, pushed++);
  };
  const auto pop = [&] {
    const Event event = queue.pop();
    CHECK(event.handler == &nobody);
    given.emplace_back(event.time.ns(), event.rank, event.what);
  };
  // Few times and ranks, so that ties are many; what is pushed late lies after what was popped early.
  for (int i = 0; i < 1'000; ++i) {
    push(below(20), below(3));
  }
  for (int i = 0; i < 300; ++i) {
    pop();
  }
  for (int i = 0; i < 500; ++i) {
    push(20 + below(10), below(3));
  }
  CHECK(queue.size() == 1'200);
  while (!queue.empty()) {
    CHECK(queue.next_time().ns() >= std::get<0>(given.back()));
    pop();
  }
  std::sort(expected.begin(), expected.end());
  CHECK(given == expected);
}
