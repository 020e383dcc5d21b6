#include "models/base/errors.hpp"
#include "sim/config/read_workload.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::config;
using namespace tokenyard::workloads;
using doctest::Approx;

namespace {

WorkloadSpec read(const std::string& text, const std::vector<Override>& overrides = {}) {
  const tests::TemporaryFolder folder;
  tests::write_text(folder / "w.yaml", text);
  return read_workload(YamlMap::load(folder / "w.yaml", "workload", overrides));
}

const SyntheticSpec& synthetic(const WorkloadSpec& spec) { return std::get<SyntheticSpec>(spec.source); }

/// What reading `text` ends with, from the file's name on; empty when it does not fail.
std::string refusal(const std::string& text, const std::vector<Override>& overrides = {}) {
  try {
    static_cast<void>(read(text, overrides));
  } catch (const UserError& error) {
    const std::string what = error.what();
    const std::size_t name = what.find("w.yaml");
    return name == std::string::npos ? what : what.substr(name);
  }
  return "";
}

}  // namespace

TEST_CASE("read workload: a trace with all its options") {
  const WorkloadSpec spec = read(
      "kind: trace\n"
      "trace:\n"
      "  path: a.csv\n"
      "  format: csv\n"
      "  columns: {time: when, time_unit: ms, prompt: in, output: out, prefix: ids, session: chat, category: kind}\n"
      "  rate: 30 /min\n"
      "  spread_ties: uniform\n"
      "  tick: 3 s\n"
      "  file_block_tokens: 64\n"
      "  block_tokens: 16\n"
      "  hash_scope: session\n"
      "  bad_rows: {zero_tokens: drop, unsorted: mend}\n");
  const auto& trace = std::get<TraceSpec>(spec.source);
  CHECK(trace.columns.time == "when");
  CHECK(trace.columns.unit == TimeUnit::Milliseconds);
  CHECK(trace.columns.prefix == "ids");
  CHECK(trace.rate->value() == Approx(0.5).epsilon(1e-12));
  CHECK(trace.spread_ties);
  CHECK(trace.tick == SimTime{3'000'000'000});
  CHECK(trace.file_block_tokens == 64);
  CHECK(trace.block_tokens == 16);
  CHECK(trace.session_scope);
  CHECK(trace.policy.of(Fault::ZeroTokens) == OnFault::Drop);
  CHECK(trace.policy.of(Fault::Unsorted) == OnFault::Mend);
  CHECK(trace.policy.of(Fault::Failed) == OnFault::Refuse);
  CHECK_FALSE(trace.limits_context);  // over_context: play
}

TEST_CASE("read workload: rows over a context are faults where a policy says so") {
  const WorkloadSpec spec = read("kind: trace\ntrace: {path: a, max_context: 4096, bad_rows: {over_context: drop}}\n");
  const auto& trace = std::get<TraceSpec>(spec.source);
  CHECK(trace.limits_context);
  CHECK(trace.policy.max_context == 4096);
  CHECK(trace.policy.of(Fault::OverContext) == OnFault::Drop);
}

TEST_CASE("read workload: options of a trace that contradict each other are refused") {
  CHECK(
      refusal("kind: trace\ntrace: {path: a, columns: {prompt: a, output: b}}\n") ==
      "w.yaml:2:27: trace.columns: name the columns of a csv or jsonl trace, and of no other: {time: ..., prompt: ..., "
      "output: ...}");
  CHECK(refusal("kind: trace\ntrace: {path: a, speedup: 2, rate: 3 /s}\n") ==
        "w.yaml:2:36: trace.rate: would be in conflict with speedup; give one of them");
  CHECK(refusal("kind: trace\ntrace: {path: a, tick: 3 s}\n") ==
        "w.yaml:2:24: trace.tick: must be above 0 s, beside spread_ties: uniform");
  CHECK(refusal("kind: trace\ntrace: {path: a, bad_rows: {malformed: mend}}\n") ==
        "w.yaml:2:40: trace.bad_rows.malformed: 'mend' is not known; one of: refuse, drop");
}

TEST_CASE("read workload: further laws of arrivals and what they mean") {
  const std::string lengths =
      "\nprompt: {kind: normal, mean: 100, sd: 10}\noutput: {kind: pareto, alpha: 2, min: 5, max: 90}\nrequests: 5\n";
  const auto arrivals = [&](const std::string& text) {
    return synthetic(read("kind: synthetic\nscale: 2\narrivals: " + text + lengths)).arrivals;
  };
  const auto weibull = std::get<WeibullArrivals>(arrivals("{kind: weibull, rate: 3 /s, cv: 2}"));
  CHECK(weibull.rate == PerSecond{6.0});
  CHECK(weibull.cv == Approx(2.0).epsilon(1e-12));
  const auto mmpp = std::get<ModulatedArrivals>(
      arrivals("{kind: mmpp, states: [{rate: 1 /s, dwell: 10 s}, {rate: 9 /s, dwell: 1 min}]}"));
  CHECK(mmpp.rates == std::vector<PerSecond>{PerSecond{2.0}, PerSecond{18.0}});
  CHECK(mmpp.dwell == std::vector<Seconds>{Seconds{10.0}, Seconds{60.0}});
  // On for a quarter of the time at four times the mean.
  const auto on_off = std::get<ModulatedArrivals>(arrivals("{kind: on_off, rate: 3 /s, on: 10 s, off: 30 s}"));
  CHECK(on_off.rates == std::vector<PerSecond>{PerSecond{24.0}, PerSecond{0.0}});
  CHECK(std::get<BatchArrivals>(arrivals("{kind: batch, rate: 3 /s, size: 8}")).size == 8);
}

TEST_CASE("read workload: curves are knots over time") {
  const auto curve = [&](const std::string& text) {
    return *synthetic(read("kind: synthetic\narrivals: {kind: poisson, rate: 1 /s}\ncurve: " + text +
                           "\nprompt: {kind: constant, tokens: 5}\noutput: {kind: constant, tokens: 5}\nrequests: 5\n"))
                .curve;
  };
  using Times = std::vector<Seconds>;
  using Factors = std::vector<double>;
  const RateCurve stages = curve("{kind: stages, stages: [{for: 10 s, factor: 1}, {for: 5 s, factor: 3}]}");
  CHECK(stages.at == Times{Seconds{0.0}, Seconds{10.0}, Seconds{10.0}, Seconds{15.0}});
  CHECK(stages.factor == Factors{1.0, 1.0, 3.0, 3.0});
  const RateCurve burst = curve("{kind: ramp, from: 0, to: 10, over: 10 s, bursts: [{at: 2 s, for: 3 s, factor: 2}]}");
  CHECK(burst.at == Times{Seconds{0.0}, Seconds{2.0}, Seconds{2.0}, Seconds{5.0}, Seconds{5.0}, Seconds{10.0}});
  CHECK(burst.factor == Factors{0.0, 2.0, 4.0, 10.0, 5.0, 10.0});
  const RateCurve table = curve("{kind: table, step: 1 h, factor: [1, 2, 3], repeat: true}");
  CHECK(table.period == Seconds{3.0 * 3600.0});
  const RateCurve day = curve("{kind: diurnal, peak: 19 h, peak_to_trough: 3}");
  CHECK(day.period == Seconds{24.0 * 3600.0});
  const auto highest = std::max_element(day.factor.begin(), day.factor.end());
  CHECK(*highest == Approx(1.5).epsilon(1e-12));  // 1 + 1/2, and 1 - 1/2 at its lowest
  CHECK(day.at[static_cast<std::size_t>(highest - day.factor.begin())] == Seconds{19.0 * 3600.0});
}

TEST_CASE("read workload: clients with prefixes and sessions and agents") {
  const WorkloadSpec spec = read(
      "kind: synthetic\n"
      "arrivals: {kind: closed_loop, concurrency: 3}\n"
      "requests: 5\n"
      "block_tokens: 32\n"
      "clients:\n"
      "- name: chat\n"
      "  prompt: {kind: constant, tokens: 5}\n"
      "  output: {kind: exponential, mean: 50}\n"
      "  rank_correlation: 0.4\n"
      "  tenant: 3\n"
      "  priority: -2\n"
      "  reasoning: 0.7\n"
      "  reasoning_sd: 0.1\n"
      "  prefix: {groups: 20, tokens: 1024, alpha: 1.1}\n"
      "  session:\n"
      "    turns: {kind: gamma, mean: 4, cv: 1}\n"
      "    append: {kind: constant, tokens: 9}\n"
      "    think: {kind: lognormal, median: 110 s, sigma: 1.4, max: 1 h}\n"
      "- name: agent\n"
      "  prompt: {kind: constant, tokens: 5}\n"
      "  output: {kind: constant, tokens: 50}\n"
      "  agent:\n"
      "    steps: {kind: constant, tokens: 44}\n"
      "    append: {kind: constant, tokens: 9}\n"
      "    tool: {kind: exponential, mean: 1 s}\n"
      "    human: 0.1\n"
      "    think: {kind: constant, time: 2 min}\n"
      "    fan_out: 0.02\n"
      "    width: {kind: uniform, min: 1, max: 4}\n"
      "    sub_steps: {kind: constant, tokens: 10}\n"
      "    compact_at: 160000\n"
      "    compact_to: 30000\n");
  CHECK(synthetic(spec).block_tokens == 32);
  const ClientSpec& chat = synthetic(spec).clients[0];
  CHECK(chat.rank_correlation == 0.4);
  CHECK(chat.tenant == 3);
  CHECK(chat.priority == -2);
  CHECK(chat.reasoning == Approx(0.7).epsilon(1e-12));
  CHECK(chat.prefix->groups == 20);
  CHECK(chat.prefix->alpha == Approx(1.1).epsilon(1e-12));
  CHECK(std::get<LognormalTime>(std::get<SessionSpec>(chat.story).think).median == Seconds{110.0});
  const auto& agent = std::get<AgentSpec>(synthetic(spec).clients[1].story);
  CHECK(std::get<ConstantLength>(agent.steps).tokens == 44);
  CHECK(std::get<ConstantTime>(agent.think).time == Seconds{120.0});
  CHECK(std::get<UniformLength>(agent.width).max == 4);
  CHECK(agent.compact_to == 30'000);
}

TEST_CASE("read workload: stories that cannot be are refused") {
  const auto refused = [](const std::string& client) {
    return refusal(
        "kind: synthetic\narrivals: {kind: poisson, rate: 1 /s}\nrequests: 5\nclients:\n- name: a\n"
        "  prompt: {kind: constant, tokens: 5}\n  output: {kind: constant, tokens: 5}\n" +
        client);
  };
  const std::string session =
      "  session: {turns: {kind: constant, tokens: 5}, append: {kind: constant, tokens: 5}, think: {kind: constant, "
      "time: 1 s}}\n";
  CHECK(refused("  rank_correlation: 1\n").find("rank_correlation: must be above -1 and below 1") != std::string::npos);
  CHECK(refused("  reasoning: 0.5\n  reasoning_sd: 0.5\n").find("reasoning_sd: must be less than sqrt(reasoning") !=
        std::string::npos);
  CHECK(refused(session + "  agent: {}\n").find("agent: would be in conflict with session") != std::string::npos);
  CHECK(refused("  session: {turns: {kind: constant, tokens: 5}}\n").find("session.append: required") !=
        std::string::npos);
  CHECK(refused("  prefix: {groups: 0, tokens: 5}\n").find("prefix.groups: 0 is out of range") != std::string::npos);
}
