#include "sim/run/run.hpp"

#include "sim/run/assemble.hpp"
#include "tests/support/child.hpp"
#include "tests/support/small_experiment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <sstream>
#include <string>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

/// Two instances of two H100 each, busy for a part of the time, with warm-up; KV caches move from one to the other when
/// `split`.
SmallExperiment bursts(bool split) {
  return {.topology = "hgx-h100",
          .pools = split ? "{p: {role: prefill, parallel: {tensor: 2}}, d: {role: decode, parallel: {tensor: 2}}}"
                         : "{serve: {instances: 2, parallel: {tensor: 2}, router: least_outstanding_tokens}}",
          .workload =
              "{kind: synthetic, arrivals: {kind: gamma, rate: 4 /s, cv: 3}, prompt: {kind: lognormal, median: 800, "
              "sigma: 1, max: 20000}, output: {kind: lognormal, median: 100, sigma: 1, max: 1000}, duration: 20 s, "
              "warm_up: 5 s}",
          .more = "output: {steps: true}\n"};
}

/// What a pool did in the measured window, added up from its step records: what began before, in proportion; what ended
/// at its end or later, not at all.
struct Sums {
  double busy_s = 0;
  double tokens = 0;
  double traffic = 0;
  double joules = 0;
};

Sums sums_of(const Outcome& outcome, const Assembly& assembly, const config::Experiment& experiment, std::size_t pool) {
  const models::AcceleratorSpec& chip = experiment.chips.at(experiment.pools[pool].chip);
  const double chips = experiment.pools[pool].plan.chips();
  const double from_s = experiment.workload.warm_up.seconds().value();
  const double until_s = from_s + outcome.summary.window_s;
  const auto& instances = assembly.pools[pool].instances;
  Sums sums;
  for (const metrics::StepRecord& step : outcome.recorder->steps()) {
    if (step.instance < instances.front().id || step.instance > instances.back().id) continue;
    const double end_s = step.end.seconds().value();
    if (outcome.summary.window_end == metrics::WindowEnd::LastArrival && end_s >= until_s - 1e-10) continue;
    const double busy_s = std::max(0.0, end_s - std::max(step.start.seconds().value(), from_s));
    const double share = busy_s / (step.end - step.start).seconds().value();
    const cost::StepShape shape{.decodes = step.decodes,
                                .decode_context = step.decode_context,
                                .chunks = step.chunks,
                                .prefill_tokens = step.prefill_tokens};
    const double prefill = static_cast<double>(step.prefill_tokens) / static_cast<double>(shape.tokens());
    sums.busy_s += busy_s;
    sums.tokens += share * shape.tokens();
    sums.traffic += share * assembly.costs[pool]->traffic({&shape, 1}).value();
    sums.joules += busy_s * chips * (chip.power.decode.value() * (1 - prefill) + chip.power.prefill.value() * prefill);
  }
  return sums;
}

/// The figures of every pool, made again from the step and request records.
void check_summary(bool split) {
  const config::Experiment experiment = read(bursts(split));
  const Outcome outcome = run(experiment, {});
  const Assembly assembly = assemble(experiment, {});
  const metrics::Summary& summary = outcome.summary;
  // Sums of rounded prices, and whole tokens of a step that runs when warm-up ends: one more or less of some 1e5.
  const auto near = [](double value) { return doctest::Approx(value).epsilon(1e-5); };

  SimTime last_token;
  SimTime last_arrival;
  std::uint64_t measured = 0;
  double outputs = 0;
  for (const metrics::RequestRecord& request : outcome.recorder->requests()) {
    last_token = std::max(last_token, request.last_token);
    last_arrival = std::max(last_arrival, request.arrival);
    if (request.arrival < experiment.workload.warm_up) continue;
    ++measured;
    outputs += request.output_tokens;
  }
  CHECK(outcome.end == last_token);
  CHECK(summary.requests_measured == measured);
  CHECK(summary.requests_measured < summary.requests_finished);
  const SimTime until = summary.window_end == metrics::WindowEnd::LastArrival ? last_arrival : last_token;
  const double window_s = until.seconds().value() - 5.0;
  CHECK(summary.window_s == near(window_s));
  const auto ended =
      std::count_if(outcome.recorder->requests().begin(), outcome.recorder->requests().end(),
                    [&](const metrics::RequestRecord& request) {
                      if (summary.window_end == metrics::WindowEnd::LastToken)
                        return request.arrival >= experiment.workload.warm_up;
                      return request.last_token > experiment.workload.warm_up && request.last_token < until;
                    });
  CHECK(summary.requests_per_s == near(static_cast<double>(ended) / window_s));
  if (summary.window_end == metrics::WindowEnd::LastToken)
    CHECK(summary.output_tokens_per_s == near(outputs / window_s));

  double joules = 0;
  REQUIRE(summary.pools.size() == experiment.pools.size());
  for (std::size_t p = 0; p < summary.pools.size(); ++p) {
    CAPTURE(p);
    const metrics::PoolFigures& pool = summary.pools[p];
    const double instances = experiment.pools[p].instances;
    const models::AcceleratorSpec& chip = experiment.chips.at("h100-sxm");
    const Sums sums = sums_of(outcome, assembly, experiment, p);
    CHECK(pool.busy > 0.05);
    CHECK(pool.busy < 0.95);
    CHECK(pool.busy == near(sums.busy_s / (instances * window_s)));
    CHECK(pool.prefill_tokens_per_s + pool.decode_tokens_per_s == near(sums.tokens / window_s));
    CHECK(pool.mfu == near(sums.tokens * models::matmul_flop_per_token(experiment.llm).value() /
                           (window_s * instances * 2 * chip.peak_of(models::Dtype::Bf16).value())));
    CHECK(pool.bandwidth_utilisation ==
          near(sums.traffic / (window_s * instances * 2 * chip.memory_bandwidth.value())));
    const double idle_s = instances * window_s - sums.busy_s;
    CHECK(pool.energy_j == near(sums.joules + idle_s * 2 * chip.power.idle.value()));
    joules += pool.energy_j;
  }
  CHECK(summary.mean_power_w == near(joules / window_s));
  CHECK(summary.joules_per_output_token == near(joules / (summary.output_tokens_per_s * window_s)));

  if (!split) return;
  // Every prompt's KV entered the plane once, 32 layers * K and V * 8 heads * 128 * 2 B a token.
  double prompts = 0;
  for (const metrics::RequestRecord& request : outcome.recorder->requests()) prompts += request.prompt_tokens;
  REQUIRE(summary.planes.size() == 1);
  CHECK(summary.planes[0].bytes == near(prompts * 131'072));
  for (const metrics::LinkFigures& link : summary.links) {
    CHECK(link.utilisation == near(link.bytes / (link.bandwidth_bytes_per_s * last_token.seconds().value())));
  }
  CHECK(outcome.flows == outcome.recorder->requests().size());
}

/// Every stamp of the requests whose id is below `most`, by id.
std::string stamps(const Outcome& outcome, std::uint64_t most) {
  auto requests = outcome.recorder->requests();
  std::erase_if(requests, [&](const auto& request) { return request.id.index() >= most; });
  std::sort(requests.begin(), requests.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  std::ostringstream text;
  for (const auto& r : requests) {
    text << r.id.index() << ' ' << r.admitted.ns() << ' ' << r.first_token.ns() << ' ' << r.last_token.ns() << '\n';
  }
  return text.str();
}

}  // namespace

TEST_CASE("run: figures of a mixed pool are those of its step and request records") { check_summary(false); }

TEST_CASE("run: figures of prefill and decode pools are those of their step and request records") {
  check_summary(true);
}

TEST_CASE("run: interrupted it tells what had ended and the same of it as the whole run") {
  for (const bool split : {false, true}) {
    CAPTURE(split);
    const config::Experiment experiment = read(bursts(split));
    std::string ended;  // ids and stamps of what the interrupted run finished
    const std::string cut = in_child([&] {
      std::atomic<bool> interrupted = false;
      const Outcome outcome =
          run(experiment, {.interrupted = &interrupted,
                           .progress = [&](SimTime, double, std::uint64_t finished) { interrupted = finished >= 30; }});
      const metrics::Summary& summary = outcome.summary;
      expect(!summary.complete && summary.requests_finished == 30, "interrupted after 30 requests");
      expect(outcome.recorder->requests().size() == 30, "records of those 30");
      expect(summary.requests_arrived >= 30, "more have come than ended");
      expect(std::abs(summary.window_s - (outcome.end.seconds().value() - 5.0)) < 1e-9,
             "the window ends where the run did");
      expect(outcome.recorder->last_end == outcome.end, "it was the 30th that ended the run");
      for (const metrics::PoolFigures& pool : summary.pools) {
        expect(pool.busy > 0.02 && pool.busy <= 1.0, "busy is a share of the window");
        expect(pool.kv_occupancy_mean > 0.0 && pool.kv_occupancy_peak <= 1.0, "so are the KV blocks");
      }
      return stamps(outcome, UINT64_MAX);
    });
    const std::string whole = in_child([&] { return stamps(run(experiment, {}), UINT64_MAX); });
    std::istringstream lines(cut);
    std::size_t found = 0;
    for (std::string line; std::getline(lines, line);)
      found += ("\n" + whole).find("\n" + line + "\n") != std::string::npos;
    CHECK(found == 30);
  }
}

TEST_CASE("run: a lone request at an idle cluster takes its steps and nothing else") {
  // Constant lengths, one user: 300 prompt tokens in one step, 9 decodes behind it. With two steps in flight each
  // starts where the one before ends.
  const config::Experiment experiment = read(
      {.workload = "{kind: synthetic, arrivals: {kind: closed_loop, concurrency: 1}, prompt: {kind: constant, tokens: "
                   "300}, output: {kind: constant, tokens: 10}, requests: 1}"});
  const Assembly assembly = assemble(experiment, {});
  const Outcome outcome = run(experiment, {});
  SimTime expected = assembly.costs[0]->step({.chunks = 1, .prefill_tokens = 300, .prefill_area_x2 = 90'000});
  REQUIRE(outcome.recorder->requests().size() == 1);
  const metrics::RequestRecord& request = outcome.recorder->requests()[0];
  CHECK(request.first_token == expected);
  for (std::uint32_t i = 1; i <= 9; ++i) expected += assembly.costs[0]->step({.decodes = 1, .decode_context = 300 + i});
  CHECK(request.last_token == expected);
  CHECK(outcome.summary.pools[0].busy == doctest::Approx(1.0).epsilon(1e-12));
  CHECK(outcome.summary.pools[0].steps == 10);
}
