#pragma once

#include "tests/support/scripted.hpp"
#include "workloads/random_stream.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace tokenyard::test {

/// Requests of whole lengths, both ends included, whose arrivals are a Poisson process of `rate` per second.
struct Drawn {
  std::uint64_t seed = 1;
  std::uint32_t count = 100;
  double rate = 1.0;
  std::uint32_t prompt_min = 1;
  std::uint32_t prompt_max = 1;
  std::uint32_t output_min = 1;
  std::uint32_t output_max = 1;
};

inline std::vector<ScriptedSource::Row> drawn_rows(const Drawn& drawn) {
  workloads::RandomStream arrivals{drawn.seed, "arrivals"};
  workloads::RandomStream lengths{drawn.seed, "lengths"};
  std::vector<ScriptedSource::Row> rows;
  rows.reserve(drawn.count);
  double now = 0;
  for (std::uint32_t i = 0; i < drawn.count; ++i) {
    now += arrivals.exponential() / drawn.rate;
    const auto prompt = static_cast<std::uint32_t>(lengths.integer(drawn.prompt_min, drawn.prompt_max));
    const auto output = static_cast<std::uint32_t>(lengths.integer(drawn.output_min, drawn.output_max));
    rows.push_back({std::llround(now * 1e9), prompt, output});
  }
  return rows;
}

}  // namespace tokenyard::test
