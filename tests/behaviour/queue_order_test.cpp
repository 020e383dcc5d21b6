#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::test;

// One slot, steps of 10 ms, answers of one token. Request 0 runs from 0 to 10 ms; 1, 2 and 3 come meanwhile.

namespace {

constexpr std::int64_t kMs = 1'000'000;

std::vector<std::int64_t> ends_ms(policy::QueueOrder order, std::vector<ScriptedSource::Row> rows) {
  ScriptedSource source{std::move(rows)};
  const FormulaCost cost([](const cost::StepShape&) { return 10 * kMs; });
  const Played played =
      play({.rules = policy::VllmSpec{.max_num_seqs = 1, .max_num_batched_tokens = 64, .order = order},
            .depth = 1,
            .order = order},
           source, cost);
  std::vector<std::int64_t> ends;
  for (const metrics::RequestRecord& request : played.requests) ends.push_back(request.last_token.ns() / kMs);
  return ends;
}

/// Priorities 0, 5, 1, 1; the third is of the class whose first token is due after 0.1 s, not 1 s.
std::vector<ScriptedSource::Row> rows() {
  return {{.arrival_ns = 0, .prompt = 8, .output = 1},
          {.arrival_ns = 1 * kMs, .prompt = 8, .output = 1, .priority = 5},
          {.arrival_ns = 2 * kMs, .prompt = 8, .output = 1, .priority = 1},
          {.arrival_ns = 3 * kMs, .prompt = 8, .output = 1, .priority = 1, .slo_class = 1}};
}

}  // namespace

TEST_CASE("queue order: first come first served does not look at priorities") {
  CHECK(ends_ms(policy::QueueOrder::FirstCome, rows()) == std::vector<std::int64_t>{10, 20, 30, 40});
}

TEST_CASE("queue order: the lower priority goes first and equals in order of arrival") {
  CHECK(ends_ms(policy::QueueOrder::Priority, rows()) == std::vector<std::int64_t>{10, 40, 20, 30});
}

TEST_CASE("queue order: the earlier deadline goes first") {
  // Due at 1,001, 1,002 and 103 ms.
  CHECK(ends_ms(policy::QueueOrder::Deadline, rows()) == std::vector<std::int64_t>{10, 30, 40, 20});
}
