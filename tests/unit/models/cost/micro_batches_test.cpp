#include "models/cost/micro_batches.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;

namespace {

/// Place by place and layer by layer, without looking for a rhythm.
std::int64_t played(const std::vector<LayerTrips>& layers, std::uint32_t micro_batches) {
  std::array<std::int64_t, 5> free{};
  std::vector<std::int64_t> back(micro_batches, 0);
  for (const LayerTrips& group : layers) {
    for (std::uint32_t layer = 0; layer < group.layers; ++layer) {
      for (std::int64_t& batch : back) {
        const LayerTrip& trip = group.trip;
        const std::array<std::int64_t, 5> times{trip.attention, trip.send, trip.ffn, trip.share, trip.back};
        for (std::size_t place = 0; place < times.size(); ++place) {
          batch = free[place] = std::max(batch, free[place]) + times[place];
        }
      }
    }
  }
  return *std::max_element(back.begin(), back.end());
}

}  // namespace

TEST_CASE("micro-batches: one of them takes every trip in turn") {
  // 61 layers of 10 + 2 + 5 + 3
  CHECK(round_trips(std::vector<LayerTrips>{{61, {10, 2, 5, 3}}}, 1) == 61 * 20);
}

TEST_CASE("micro-batches: enough of them keep the slowest place busy all the time") {
  // Sum 20, longest 10: two micro-batches fill 61 layers of the attention chips, 2 * 61 * 10, and the last trip ends 10
  // later.
  CHECK(round_trips(std::vector<LayerTrips>{{61, {10, 2, 5, 3}}}, 2) == 20 + (61 * 2 - 1) * 10);
  CHECK(round_trips(std::vector<LayerTrips>{{61, {10, 2, 5, 3}}}, 3) == 20 + (61 * 3 - 1) * 10);
}

TEST_CASE("micro-batches: too few of them wait for their own trips") {
  // Sum 40, longest 10: two cannot fill it; the second goes 10 behind the first.
  CHECK(round_trips(std::vector<LayerTrips>{{61, {10, 10, 10, 10}}}, 2) == 61 * 40 + 10);
  CHECK(round_trips(std::vector<LayerTrips>{{61, {10, 10, 10, 10}}}, 4) == 40 + (61 * 4 - 1) * 10);
}

TEST_CASE("micro-batches: a rhythm that is found gives what playing every layer gives") {
  std::uint64_t state = 1;
  const auto draw = [&](std::int64_t most) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::int64_t>((state >> 33) % static_cast<std::uint64_t>(most));
  };
  for (int i = 0; i < 2000; ++i) {
    const std::vector<LayerTrips> layers{
        {static_cast<std::uint32_t>(draw(5)), {draw(50), draw(20), draw(50), draw(20), draw(30)}},
        {static_cast<std::uint32_t>(1 + draw(80)), {draw(50), draw(20), draw(50), draw(20), draw(30)}}};
    const auto micro_batches = static_cast<std::uint32_t>(1 + draw(kMostMicroBatches));
    CHECK(round_trips(layers, micro_batches) == played(layers, micro_batches));
  }
}

TEST_CASE("micro-batches: there is one at least and sixteen at most") {
  const std::vector<LayerTrips> layers{{1, {1, 1, 1, 1}}};
  CHECK_THROWS_AS((void)round_trips(layers, 0), BugError);
  CHECK_THROWS_AS((void)round_trips(layers, kMostMicroBatches + 1), BugError);
}
