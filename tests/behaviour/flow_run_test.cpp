#include "sim/run/run.hpp"
#include "tests/support/child.hpp"
#include "tests/support/small_experiment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

// Whole runs whose collectives are flows (network.fidelity: flow) against the same runs with priced collectives.
namespace {

struct Means {
  double ttft = 0;
  double tpot = 0;
  double transfer = 0;
  std::vector<double> steps;  ///< durations in order
};

Means play_with(SmallExperiment parts, const std::string& network) {
  parts.more += "network: " + network + "\noutput: {steps: true}\n";
  std::istringstream in(in_child([&] {
    const Outcome outcome = run(read(parts), {});
    const metrics::Summary& summary = outcome.summary;
    std::ostringstream out;
    out.precision(17);
    out << summary.ttft.mean_s << ' ' << summary.tpot.mean_s << ' '
        << summary.parts.at(static_cast<std::size_t>(metrics::Part::KvTransfer)).mean_s;
    for (const metrics::StepRecord& step : outcome.recorder->steps()) {
      out << ' ' << (step.end - step.start).seconds().value();
    }
    return out.str();
  }));
  Means means;
  in >> means.ttft >> means.tpot >> means.transfer;
  for (double step = 0; in >> step;) means.steps.push_back(step);
  return means;
}

std::string workload(const std::string& rate, int prompt, int output, const std::string& duration) {
  return "{kind: synthetic, arrivals: {kind: poisson, rate: " + rate +
         "}, prompt: {kind: constant, tokens: " + std::to_string(prompt) +
         "}, output: {kind: constant, tokens: " + std::to_string(output) + "}, duration: " + duration + "}";
}

/// Every step of a run on idle links takes what it is priced at. Rounds end at whole ns, a byte of a part counts whole.
void check_idle(const SmallExperiment& parts, const std::string& rounds) {
  const Means priced = play_with(parts, "{fidelity: step}");
  const Means played = play_with(parts, "{fidelity: flow, rounds: " + rounds + "}");
  REQUIRE(priced.steps.size() > 10);
  REQUIRE(played.steps.size() == priced.steps.size());
  for (std::size_t i = 0; i < priced.steps.size(); ++i) {
    CHECK(played.steps[i] == doctest::Approx(priced.steps[i]).epsilon(0.001));
  }
  CHECK(played.tpot == doctest::Approx(priced.tpot).epsilon(0.001));
}

SmallExperiment split_over_ib() {
  return {
      .topology = "{base: hgx-h200, nodes: 2}",
      .pools = "{p: {role: prefill, instances: 2, parallel: {tensor: 4}}, d: {role: decode, parallel: {tensor: 4}}}",
      .workload = workload("20 /s", 2000, 6, "5 s"),
      .more = "planes: {tensor: ib, kv: ib}\n"};
}

/// Two prefill instances, and decode with attention on four chips and experts on four others, on NICs of 100 Gb/s.
SmallExperiment apart_over_ib(const std::string& arrivals, int requests, const std::string& ffn = "{chips: 4}") {
  return {.topology = "{base: hgx-h200, nodes: 2, planes: {ib: {link: 100 Gbps}}}",
          .llm = "mixtral-8x7b",
          .pools =
              "{p: {role: prefill, instances: 2, parallel: {tensor: 2}}, d: {role: decode, parallel: "
              "{attention_data: 4}, ffn: " +
              ffn + "}}",
          .workload = "{kind: synthetic, arrivals: " + arrivals +
                      ", prompt: {kind: constant, tokens: 200}, output: {kind: uniform, min: 4, max: 24}, requests: " +
                      std::to_string(requests) + "}",
          .more = "planes: {expert: ib, kv: ib}\n"};
}

/// Averages of contention against flows on the same links: within 5 % in KV transfer, `ttft` and `tpot` in the others.
void check_near_flows(const SmallExperiment& parts, double ttft, double tpot) {
  const Means priced = play_with(parts, "{contention: on}");
  const Means ignored = play_with(parts, "{contention: off}");
  const Means played = play_with(parts, "{fidelity: flow}");
  CAPTURE(priced.transfer);
  CAPTURE(ignored.transfer);
  CAPTURE(played.transfer);
  CAPTURE(priced.ttft);
  CAPTURE(ignored.ttft);
  CAPTURE(played.ttft);
  CAPTURE(priced.tpot);
  CAPTURE(played.tpot);
  CHECK(played.transfer > 1.05 * ignored.transfer);  // they do share
  CHECK(std::abs(priced.transfer / played.transfer - 1.0) < 0.05);
  CHECK(std::abs(priced.ttft / played.ttft - 1.0) < ttft);
  CHECK(std::abs(priced.tpot / played.tpot - 1.0) < tpot);
}

}  // namespace

TEST_CASE("flow runs: steps of one user take their price inside a domain") {
  check_idle({.pools = "{serve: {parallel: {tensor: 4}}}", .workload = workload("1 /s", 700, 8, "4 s")}, "0");
}

TEST_CASE("flow runs: steps of one user take their price where experts are exchanged over both planes") {
  check_idle({.topology = "{base: hgx-h200, nodes: 2}",
              .llm = "qwen3-235b-a22b",
              .pools = "{serve: {parallel: {attention_data: 16, expert: 16}}}",
              .workload = workload("1 /s", 700, 8, "2 s")},
             "6");
}

TEST_CASE("flow runs: steps of one user take their price where attention and FFN stand apart") {
  check_idle(apart_over_ib("{kind: closed_loop, concurrency: 1}", 4), "0");
}

TEST_CASE("flow runs: steps of one user take their price where chips of the FFN side share experts") {
  check_idle(apart_over_ib("{kind: closed_loop, concurrency: 1}", 4, "{chips: 4, expert: 2}"), "0");
}

TEST_CASE("flow runs: averages are near flows where ways between attention and FFN meet hand-offs") {
  const SmallExperiment parts = apart_over_ib("{kind: closed_loop, concurrency: 128}", 256);
  check_near_flows(parts, 0.03, 0.02);
}

TEST_CASE("flow runs: a run ends with its last step however late steps beside flows were expected to end") {
  const SmallExperiment parts = apart_over_ib("{kind: closed_loop, concurrency: 128}", 256);
  const std::string text = in_child([&] {
    const Outcome outcome = run(read(parts), {});
    SimTime last;
    for (const metrics::RequestRecord& request : outcome.recorder->requests()) {
      last = std::max(last, request.last_token);
    }
    const SimTime behind = outcome.end - last;  // at most a step for nobody, composed ahead
    return std::string(behind < SimTime::from(Seconds{0.05}) ? "yes" : std::to_string(behind.ns()));
  });
  CHECK(text == "yes");
}

TEST_CASE("flow runs: averages of contention are near flows that share links with hand-offs") {
  // Two prefill instances and a decode instance, whose all-reduces and hand-offs share NICs. The bounds are the errors
  // that sim/serving/README.md states.
  check_near_flows(split_over_ib(), 0.01, 0.01);
}

TEST_CASE("flow runs: links carry the bytes of collectives as those of hand-offs") {
  const std::string text = in_child([] {
    SmallExperiment parts = split_over_ib();
    parts.more += "network: {fidelity: flow}\n";
    const metrics::Summary summary = run(read(parts), {}).summary;
    double sent = 0.0;
    double received = 0.0;
    double handed = 0.0;
    int bad = 0;
    for (const metrics::LinkFigures& link : summary.links) {
      if (!link.link.starts_with("chip ")) continue;
      (link.link.ends_with(" up") ? sent : received) += link.collective_bytes;
      if (link.link.ends_with(" up")) handed += link.bytes;
      if (link.peak_utilisation > 1.0 + 1e-9 || link.peak_utilisation < link.mean_utilisation * (1.0 - 1e-9)) ++bad;
    }
    // Every request hands over the KV of its prompt: 32 layers, 8 KV heads of 128, K and V in BF16.
    const double kv = static_cast<double>(summary.requests_finished) * 2000.0 * 32 * 8 * 128 * 2 * 2;
    std::ostringstream out;
    out << bad << ' ' << (sent > 0.0 && std::abs(sent / received - 1.0) < 1e-9) << ' '
        << (std::abs(handed / kv - 1.0) < 1e-6);
    return out.str();
  });
  CHECK(text == "0 1 1");
}

TEST_CASE("flow runs: what leaves attention chips comes to FFN chips on the links of a priced run") {
  const std::string text = in_child([] {
    const metrics::Summary summary = run(read(apart_over_ib("{kind: closed_loop, concurrency: 8}", 16)), {}).summary;
    // Ends of flows: two ranks of prefill, four of decode, then the FFN chips.
    double attention_up = 0.0;
    double attention_down = 0.0;
    double ffn_up = 0.0;
    double ffn_down = 0.0;
    for (const metrics::LinkFigures& link : summary.links) {
      const bool up = link.link.ends_with(" up");
      if (link.link.starts_with("group 6")) {
        (up ? ffn_up : ffn_down) += link.collective_bytes;
      } else if (link.link >= "group 2" && link.link < "group 6") {
        (up ? attention_up : attention_down) += link.collective_bytes;
      }
    }
    std::ostringstream out;
    out << (attention_up > 0.0) << (std::abs(attention_up / ffn_down - 1.0) < 1e-9)
        << (std::abs(attention_down / ffn_up - 1.0) < 1e-9);
    return out.str();
  });
  CHECK(text == "111");
}
