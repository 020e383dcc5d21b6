#include "tests/support/drawn_rows.hpp"
#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

// What queueing theory says of servers that an instance can be made to be.

namespace {

FormulaCost flat_cost(std::int64_t step_ns) {
  return FormulaCost([step_ns](const cost::StepShape&) { return step_ns; });
}

/// One slot and one step in flight: a single server. Every wait must be that of Lindley's recursion to the nanosecond
/// (a request starts when it has come and the one before has ended), and the mean wait `theory` within 3 %.
void check_single_server(std::vector<ScriptedSource::Row> rows, std::int64_t step_ns, double theory_s) {
  ScriptedSource source{rows};
  const FormulaCost cost = flat_cost(step_ns);
  const Played played =
      play({.rules = policy::VllmSpec{.max_num_seqs = 1, .max_num_batched_tokens = 64}, .depth = 1}, source, cost);
  REQUIRE(played.requests.size() == rows.size());
  std::int64_t free = 0;
  std::size_t different = 0;
  double waits_s = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int64_t start = std::max(free, rows[i].arrival_ns);
    free = start + rows[i].output * step_ns;
    if (played.requests[i].admitted.ns() != start || played.requests[i].last_token.ns() != free) ++different;
    waits_s += played.requests[i].queue.seconds().value();
  }
  CHECK(different == 0);
  CHECK(waits_s / static_cast<double>(rows.size()) == doctest::Approx(theory_s).epsilon(0.03));
}

/// Service of 10 steps of 10 ms: 0.1 s.
void check_m_d_1(double load, double theory_s) {
  check_single_server(
      drawn_rows({.seed = 11, .count = 400'000, .rate = load / 0.1, .output_min = 10, .output_max = 10}), 10'000'000,
      theory_s);
}

/// Service of 1 ms steps, geometric in number with mean 20: the rounded-up exponential of rate ln(20/19). Its mean is
/// 20 ms, and E[S^2] = (2 - p)/p^2 with p = 1/20 makes the wait 1 - p/2 of the M/M/1's rho / (mu - lambda), by
/// Pollaczek-Khinchine.
void check_m_m_1(double load) {
  const double p = 1.0 / 20.0;
  std::vector<ScriptedSource::Row> rows = drawn_rows({.seed = 12, .count = 400'000, .rate = load / 0.02});
  workloads::RandomStream lengths{12, "services"};
  for (ScriptedSource::Row& row : rows) {
    row.output = static_cast<std::uint32_t>(std::ceil(std::max(lengths.exponential(), 1e-300) / -std::log1p(-p)));
  }
  const double mu = 1 / 0.02;
  check_single_server(std::move(rows), 1'000'000, load / (mu - load * mu) * (1 - p / 2));
}

/// Prompts of two tokens and one output token come at rate `load / b` while one request decodes all the time: a step
/// takes a + b per prompt. In units of steps, C' = a + b * Poisson(lambda C), so E[C] = a / (1 - rho) and Var C = b^2
/// lambda E[C] / (1 - rho^2). Who comes during a step waits for its rest, E[C^2] / 2 E[C] on average, and is served in
/// the next one: a + b for itself, b * lambda * E[C^2] / E[C] for those who came in the same (longer) step. Two steps
/// deep the next step is composed already, so it waits one more, E[C].
void check_batch_service(double load, std::uint32_t depth) {
  const double a = 0.020;
  const double b = 0.030;
  const std::uint32_t count = 200'000;
  std::vector<ScriptedSource::Row> rows =
      drawn_rows({.seed = 13, .count = count, .rate = load / b, .prompt_min = 2, .prompt_max = 2});
  // Decodes until the last has come, were all steps the shortest.
  rows.insert(rows.begin(), {0, 2, static_cast<std::uint32_t>(static_cast<double>(rows.back().arrival_ns) * 1e-9 / a)});
  ScriptedSource source{rows};
  const FormulaCost cost(
      [](const cost::StepShape& shape) { return 20'000'000 + 30'000'000 * std::int64_t{shape.chunks}; });
  const Played played = play({.rules = policy::VllmSpec{.max_num_seqs = 1000, .max_num_batched_tokens = 4000},
                              .depth = depth,
                              .warm_up = SimTime{10'000'000'000}},
                             source, cost);
  const double lambda = load / b;
  const double mean = a / (1 - load);
  const double second = b * b * lambda * mean / (1 - load * load) + mean * mean;
  const double theory = (0.5 + load) * second / mean + a + b + (depth == 2 ? mean : 0);
  CHECK(played.recorder->measured > count - 1000);
  CHECK(played.recorder->ttft.mean().value() == doctest::Approx(theory).epsilon(0.01));
}

}  // namespace

TEST_CASE("queueing: M/D/1 at half load waits rho D / (2 (1 - rho)) = 0.05 s") { check_m_d_1(0.5, 0.050); }

TEST_CASE("queueing: M/D/1 at load 0.8 waits 0.2 s") { check_m_d_1(0.8, 0.200); }

TEST_CASE("queueing: M/D/1 at load 0.9 waits 0.45 s") { check_m_d_1(0.9, 0.450); }

TEST_CASE("queueing: M/M/1 at half load waits rho / (mu - lambda) = 0.02 s less half a step of 1 ms") {
  check_m_m_1(0.5);
}

TEST_CASE("queueing: M/M/1 at load 0.8 waits 0.08 s less two steps of 1 ms") { check_m_m_1(0.8); }

TEST_CASE("queueing: batch service with synchronous steps at load 0.2 (0.07187 s)") { check_batch_service(0.2, 1); }

TEST_CASE("queueing: batch service with synchronous steps at half load (0.11 s)") { check_batch_service(0.5, 1); }

TEST_CASE("queueing: batch service with synchronous steps at load 0.8 (0.26667 s)") { check_batch_service(0.8, 1); }

TEST_CASE("queueing: batch service with steps two deep at load 0.2 (0.09687 s)") { check_batch_service(0.2, 2); }

TEST_CASE("queueing: batch service with steps two deep at half load (0.15 s)") { check_batch_service(0.5, 2); }

TEST_CASE("queueing: batch service with steps two deep at load 0.8 (0.36667 s)") { check_batch_service(0.8, 2); }

namespace {

/// 32 users without think time, 500 prompt and 100 output tokens, cost affine: what a turn takes, in ns, from the fifth
/// on. `spread` gives the users' first requests different lengths, so that their turns are out of step ever after.
std::int64_t turn_ns(std::uint32_t depth, bool spread) {
  const std::uint32_t users = 32;
  std::vector<ScriptedSource::Row> rows;
  for (std::uint32_t i = 0; i < users * 12; ++i) rows.push_back({0, 500, 100});
  for (std::uint32_t i = 0; spread && i < users; ++i) rows[i].output = 3 + 3 * i;
  ScriptedSource source{rows};
  const FormulaCost cost([](const cost::StepShape& shape) {
    return 5'000'000 + 20'000 * static_cast<std::int64_t>(shape.tokens()) +
           50 * static_cast<std::int64_t>(shape.decode_context) + static_cast<std::int64_t>(shape.prefill_area_x2 / 2);
  });
  const Played played = play({.rules = policy::VllmSpec{.max_num_seqs = 64, .max_num_batched_tokens = 32'000},
                              .depth = depth,
                              .concurrency = users},
                             source, cost);
  // A user's next request arrives at the instant of its last token, so the latency is the turn.
  std::vector<std::int64_t> turns;
  for (const metrics::RequestRecord& request : played.requests) {
    if (request.id.index() >= users * 4 && request.id.index() < users * 8) turns.push_back(request.latency().ns());
  }
  REQUIRE(turns.size() == users * 4);
  CHECK(*std::min_element(turns.begin(), turns.end()) == *std::max_element(turns.begin(), turns.end()));
  return turns[0];
}

/// In a turn every user has one prompt step and 99 decode steps, so whatever the phases the turn holds all users'
/// work once: 32 * (20 us * 599 + 50 ns * sum of 501..599 + 1 ns * 500^2 / 2) = 474,480,000 ns, and its steps' 5 ms
/// each.
constexpr std::int64_t kWorkNs = 32 * (20'000LL * 599 + 50LL * (501 + 599) * 99 / 2 + 125'000);
static_assert(kWorkNs == 474'480'000);

}  // namespace

TEST_CASE("closed loop: users in step take 100 steps a turn since an idle engine starts at once") {
  CHECK(turn_ns(1, false) == kWorkNs + 100 * 5'000'000LL);
}

TEST_CASE("closed loop: users in step take 100 steps a turn also two steps deep") {
  CHECK(turn_ns(2, false) == kWorkNs + 100 * 5'000'000LL);
}

TEST_CASE("closed loop: users out of step miss one step a turn") {
  // The next step is composed at the instant of the last token, before its user can have sent anything.
  CHECK(turn_ns(1, true) == kWorkNs + 101 * 5'000'000LL);
}

TEST_CASE("closed loop: users out of step miss two steps a turn when steps are two deep") {
  // One is running and the next was composed at the instant of the last token.
  CHECK(turn_ns(2, true) == kWorkNs + 102 * 5'000'000LL);
}
