#include "sim/run/instance_network.hpp"
#include "sim/run/run.hpp"
#include "sim/run/shared_links.hpp"
#include "tests/support/child.hpp"
#include "tests/support/small_experiment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

/// Mean KV transfer, TPOT, TTFT, and the longest step of exactly 6 decodes, in seconds.
struct Means {
  double transfer = 0;
  double tpot = 0;
  double ttft = 0;
  double longest_step = 0;
};

Means means_of(SmallExperiment parts, const std::string& contention) {
  parts.more += "network: {contention: " + contention + "}\noutput: {steps: true}\n";
  const std::string text = in_child([&] {
    const Outcome outcome = run(read(parts), {});
    const metrics::Summary& summary = outcome.summary;
    SimTime longest;
    for (const metrics::StepRecord& step : outcome.recorder->steps()) {
      if (step.decodes == 6 && step.prefill_tokens == 0) longest = std::max(longest, step.end - step.start);
    }
    std::ostringstream out;
    out.precision(17);
    out << summary.parts.at(static_cast<std::size_t>(metrics::Part::KvTransfer)).mean_s << ' ' << summary.tpot.mean_s
        << ' ' << summary.ttft.mean_s << ' ' << longest.seconds().value();
    return out.str();
  });
  Means means;
  std::istringstream(text) >> means.transfer >> means.tpot >> means.ttft >> means.longest_step;
  return means;
}

/// Llama-3.1-405B on 16 chips a side, whose caches go over the plane between nodes.
SmallExperiment two_nodes_a_side(const std::string& planes) {
  return {
      .topology = "{base: hgx-h200, nodes: 4}",
      .llm = "llama-3.1-405b",
      .pools =
          "{p: {role: prefill, parallel: {tensor: 8, pipeline: 2}}, d: {role: decode, parallel: {tensor: 8, "
          "pipeline: 2}}}",
      .workload =
          "{kind: synthetic, arrivals: {kind: poisson, rate: 2 /s}, prompt: {kind: constant, tokens: 4000}, output: "
          "{kind: constant, tokens: 60}, duration: 20 s}",
      .more = planes};
}

}  // namespace

TEST_CASE("contention: planes that carry only one kind of traffic are as if alone") {
  SmallExperiment parts = two_nodes_a_side("");
  parts.pools =
      "{p: {role: prefill, instances: 2, parallel: {tensor: 8}}, d: {role: decode, instances: 2, parallel: {tensor: "
      "8}}}";
  parts.llm = "llama-3.1-70b";
  const Means on = means_of(parts, "on");
  const Means off = means_of(parts, "off");
  CHECK(on.transfer == off.transfer);
  CHECK(on.tpot == off.tpot);
  CHECK(on.ttft == off.ttft);
}

TEST_CASE("contention: all-reduces on the plane of the KV caches slow these and are slowed") {
  SmallExperiment parts = two_nodes_a_side("planes: {tensor: ib}\n");
  parts.pools = "{p: {role: prefill, instances: 3, parallel: {tensor: 8}}, d: {role: decode, parallel: {tensor: 8}}}";
  parts.llm = "llama-3.1-70b";
  parts.workload.replace(parts.workload.find("2 /s"), 4, "8 /s");
  const Means on = means_of(parts, "on");
  const Means off = means_of(parts, "off");
  CHECK(on.transfer > 1.02 * off.transfer);
  CHECK(on.longest_step > 1.002 * off.longest_step);  // the mean TPOT moves with the batches too
  CHECK(on.ttft > off.ttft);
}

TEST_CASE("contention: an instance's share of a plane follows its groups and what the experiment names") {
  const auto experiment = read(two_nodes_a_side(""));
  const auto topology = machine("{base: hgx-h200, nodes: 4}");
  const auto placed = place(topology, experiment.pools);
  const PlaneId ib = topology.plane("ib");
  const PlaneId nvlink = topology.plane("nvlink");
  const cost::PlaneShare outer = share_of_plane(topology, placed[0][0], {}, ib);
  CHECK_FALSE(outer.tensor.inside);
  CHECK(outer.pipeline.across);
  CHECK(share_of_plane(topology, placed[0][0], {}, nvlink).tensor.inside);
  CHECK_FALSE(share_of_plane(topology, placed[0][0], {}, nvlink).tensor.across);
  CHECK(share_of_plane(topology, placed[0][0], {.tensor = "ib"}, ib).tensor.inside);
}

TEST_CASE("link records: collectives on all links are what the planes sent and no peak is below its mean") {
  const std::string text = in_child([] {
    SmallExperiment parts = two_nodes_a_side("");
    parts.pools = "{p: {role: prefill, parallel: {tensor: 8}}, d: {role: decode, parallel: {tensor: 8}}}";
    parts.llm = "llama-3.1-70b";
    const metrics::Summary summary = run(read(parts), {}).summary;
    std::ostringstream out;
    double collectives = 0.0;
    int bad = 0;
    int ports = 0;
    for (const metrics::LinkFigures& link : summary.links) {
      if (link.peak_utilisation < link.mean_utilisation * (1.0 - 1e-9)) ++bad;
      if (link.peak_utilisation > 1.0) ++bad;
      if (link.link.ends_with(" ports")) ++ports;
      if (link.plane == "nvlink") collectives += link.collective_bytes;
    }
    double sent = 0.0;
    for (const metrics::PlaneFigures& plane : summary.planes) sent += plane.collective_bytes;
    // Without warm-up the window lacks only what follows the last arrival.
    out << bad << ' ' << ports << ' ' << (collectives >= sent && collectives < 1.5 * sent);
    return out.str();
  });
  CHECK(text == "0 2 1");
}
