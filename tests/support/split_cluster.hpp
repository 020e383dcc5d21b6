#pragma once

#include "tests/support/small_cluster.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace tokenyard::test {

inline constexpr std::int64_t kMs = 1'000'000;

[[nodiscard]] inline SimTime ms(double milliseconds) { return SimTime::from(Seconds{milliseconds * 1e-3}); }

/// A step with prompt chunks takes 1 ms and 0.1 ms a token, a step of decodes 2 ms.
[[nodiscard]] inline Played play_split(SmallCluster cluster, std::vector<ScriptedSource::Row> rows) {
  ScriptedSource source{std::move(rows)};
  const FormulaCost cost([](const cost::StepShape& shape) {
    return shape.prefill_tokens > 0 ? kMs + kMs / 10 * std::int64_t{shape.prefill_tokens} : 2 * kMs;
  });
  return play(cluster, source, cost);
}

}  // namespace tokenyard::test
