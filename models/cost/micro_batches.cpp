#include "models/cost/micro_batches.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <array>

namespace tokenyard::cost {
namespace {

/// When each place is free, and each micro-batch back.
struct State {
  std::array<std::int64_t, 5> free{};
  std::array<std::int64_t, kMostMicroBatches> back{};
};

void play(const LayerTrip& trip, std::uint32_t micro_batches, State& state) {
  const std::array<std::int64_t, 5> times{trip.attention, trip.send, trip.ffn, trip.share, trip.back};
  for (std::uint32_t i = 0; i < micro_batches; ++i) {
    std::int64_t now = state.back[i];
    for (std::size_t place = 0; place < times.size(); ++place) {
      now = std::max(now, state.free[place]) + times[place];
      state.free[place] = now;
    }
    state.back[i] = now;
  }
}

/// Whether everything has moved on by `by` since `before`.
bool moved(const State& before, const State& now, std::uint32_t micro_batches, std::int64_t by) {
  for (std::size_t place = 0; place < now.free.size(); ++place) {
    if (now.free[place] - before.free[place] != by) return false;
  }
  for (std::uint32_t i = 0; i < micro_batches; ++i) {
    if (now.back[i] - before.back[i] != by) return false;
  }
  return true;
}

}  // namespace

std::int64_t round_trips(std::span<const LayerTrips> layers, std::uint32_t micro_batches) {
  expect(micro_batches >= 1 && micro_batches <= kMostMicroBatches, "a step has between one and the most micro-batches");
  State state;
  for (const LayerTrips& group : layers) {
    for (std::uint32_t layer = 0; layer < group.layers; ++layer) {
      const State before = state;
      play(group.trip, micro_batches, state);
      const std::int64_t by = state.back[0] - before.back[0];
      if (!moved(before, state, micro_batches, by)) continue;
      const std::int64_t rest = by * (group.layers - layer - 1);
      for (std::int64_t& place : state.free) place += rest;
      for (std::uint32_t i = 0; i < micro_batches; ++i) state.back[i] += rest;
      break;
    }
  }
  return *std::max_element(state.back.begin(), state.back.begin() + micro_batches);
}

}  // namespace tokenyard::cost
