#include "models/cost/collectives.hpp"
#include "sim/run/instance_network.hpp"
#include "sim/run/placement.hpp"
#include "sim/run/run.hpp"
#include "tests/support/child.hpp"
#include "tests/support/small_experiment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::test;

// What a network does to users: incast, trunks, hashed paths and broken links in TTFT and TPOT of runs, by the ratios
// of their bandwidths.
namespace {

/// Set-up of a hand-off (the key's default) and the wire between two leaves.
constexpr double kFixed = 400e-6 + 3.7e-6;

/// Of requests in order of arrival, in seconds.
struct Seen {
  std::vector<double> transfer;
  std::vector<double> ttft;
  std::vector<double> tpot;
};

Seen see(const SmallExperiment& parts) {
  std::istringstream in(in_child([&] {
    const Outcome outcome = run(read(parts), {});
    auto requests = outcome.recorder->requests();
    std::sort(requests.begin(), requests.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    std::ostringstream out;
    out.precision(17);
    for (const metrics::RequestRecord& request : requests) {
      out << request.kv_transfer.seconds().value() << ' ' << request.ttft().seconds().value() << ' '
          << request.tpot().seconds().value() << ' ';
    }
    return out.str();
  }));
  Seen seen;
  for (double transfer = 0, ttft = 0, tpot = 0; in >> transfer >> ttft >> tpot;) {
    seen.transfer.push_back(transfer);
    seen.ttft.push_back(ttft);
    seen.tpot.push_back(tpot);
  }
  return seen;
}

/// As many users as prefill instances, a node each, who ask at once; leaves of one node. Decode on further nodes.
SmallExperiment hand_offs(int users, int decodes, const std::string& ib = "radix: 16, path_efficiency: 1") {
  return {.topology = "{base: hgx-h100, nodes: " + std::to_string(users + decodes) + ", planes: {ib: {" + ib + "}}}",
          .pools = "{p: {role: prefill, instances: " + std::to_string(users) +
                   ", parallel: {tensor: 8}}, d: {role: decode, instances: " + std::to_string(decodes) +
                   ", parallel: {tensor: 8}}}",
          .workload = "{kind: synthetic, arrivals: {kind: closed_loop, concurrency: " + std::to_string(users) +
                      "}, prompt: {kind: constant, tokens: 4000}, output: {kind: constant, tokens: 4}, requests: " +
                      std::to_string(users) + "}",
          .more = "planes: {kv: ib}\n"};
}

double longest(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }

/// How many times as long the KV of one user flows with these figures of the plane as with those of hand_offs().
double times_slower(const std::string& ib) {
  const Seen whole = see(hand_offs(1, 1));
  const Seen changed = see(hand_offs(1, 1, ib));
  // All of it reaches the user: one waits for the first token by as much longer, up to the rounding of two steps.
  const double later = changed.transfer[0] - whole.transfer[0];
  CHECK(changed.ttft[0] - whole.ttft[0] == doctest::Approx(later).epsilon(1e-6));
  return (changed.transfer[0] - kFixed) / (whole.transfer[0] - kFixed);
}

}  // namespace

TEST_CASE("network effects: caches that come to one decode instance at once share its ports") {
  // Three caches into the ports of one node take three times as long as each into its own.
  const Seen spread = see(hand_offs(3, 3));
  const Seen incast = see(hand_offs(3, 1));
  REQUIRE(incast.transfer.size() == 3);
  const double alone = longest(spread.transfer) - kFixed;
  for (const double transfer : incast.transfer) {
    CHECK(transfer - kFixed == doctest::Approx(3.0 * alone).epsilon(1e-4));  // ns
  }
  CHECK(longest(incast.ttft) > longest(spread.ttft) + 2.0 * alone);
  // 4,000 tokens of 128 KiB at 8 x 50 GB/s of which the connector gets 0.7, protocol included.
  CHECK(alone == doctest::Approx(4000.0 * 131072.0 / (8 * 50e9 * 0.7)).epsilon(1e-4));
}

TEST_CASE("network effects: an oversubscribed leaf makes caches and first tokens later by its ratio") {
  // Of 12 ports of a leaf 8 look down, 4 up.
  CHECK(times_slower("radix: 12, oversubscription: 2, path_efficiency: 1") == doctest::Approx(2.0).epsilon(1e-4));
}

TEST_CASE("network effects: hashed paths make caches and first tokens later than balanced ones") {
  CHECK(times_slower("radix: 16, path_efficiency: ~, routing: balanced") == doctest::Approx(1.0));
  CHECK(times_slower("radix: 16, path_efficiency: 0.54") == doctest::Approx(1.0 / 0.54).epsilon(1e-4));
}

TEST_CASE("network effects: broken links of a node or above a leaf make its caches later by what is left") {
  CHECK(times_slower("radix: 16, path_efficiency: 1, degraded: {nics: {node: 1, factor: 0.25}}") ==
        doctest::Approx(4.0).epsilon(1e-4));
  CHECK(times_slower("radix: 16, path_efficiency: 1, degraded: {leaf: {domain: 1, factor: 0.5}}") ==
        doctest::Approx(2.0).epsilon(1e-4));
}

TEST_CASE("network effects: a narrow trunk makes every token later by what its all-reduces cost more") {
  // 64 users decode on 16 chips of two leaves: two all-reduces of 64 hidden vectors in each of 80 layers, and
  // their logits are gathered.
  const auto decode = [](const std::string& ib) {
    return SmallExperiment{
        .topology = "{base: hgx-h100, nodes: 2, planes: {ib: {" + ib + "}}}",
        .llm = "llama-3.1-70b",
        .pools = "{serve: {parallel: {tensor: 16}}}",
        .workload =
            "{kind: synthetic, arrivals: {kind: closed_loop, concurrency: 64}, prompt: {kind: constant, tokens: "
            "16}, output: {kind: constant, tokens: 20}, requests: 64}"};
  };
  const std::string wide = "radix: 16, path_efficiency: 1";
  const std::string narrow = "radix: 9, oversubscription: 8, path_efficiency: 1";
  const auto sent_s = [&](const std::string& ib) {
    const config::Experiment experiment = read(decode(ib));
    const models::CollectiveKernels& kernels = experiment.chips.at("h100-sxm").kernels.collectives;
    const auto topology = machine("{base: hgx-h100, nodes: 2, planes: {ib: {" + ib + "}}}");
    std::vector<ChipId> chips;
    for (std::uint32_t i = 0; i < 16; ++i) chips.emplace_back(i);
    const cost::GroupLinks links = group_links(topology, chips);
    const Seconds reduces = 160.0 * cost::all_reduce(Bytes{64.0 * 8192 * 2}, links, kernels).time;
    const Seconds logits =
        cost::library_time(models::Collective::AllGather, Bytes{64.0 * 128256 * 2}, links, kernels.used_library()).time;
    return (reduces + logits).value();
  };
  const double more = sent_s(narrow) - sent_s(wide);
  REQUIRE(more > 1e-3);
  const Seen before = see(decode(wide));
  const Seen after = see(decode(narrow));
  REQUIRE(after.tpot.size() == 64);
  CHECK(after.tpot[0] - before.tpot[0] == doctest::Approx(more).epsilon(1e-3));  // prices are in whole ns
}

TEST_CASE("network effects: who gives up while caches share links leaves nothing behind") {
  for (const char* network : {"{contention: on}", "{fidelity: flow, rounds: 2}"}) {
    const std::string text = in_child([&] {
      SmallExperiment parts{
          .topology = "{base: hgx-h100, nodes: 2}",
          .pools =
              "{p: {role: prefill, instances: 3, parallel: {tensor: 4}}, d: {role: decode, parallel: {tensor: 4}}}",
          .workload =
              "{kind: synthetic, arrivals: {kind: poisson, rate: 60 /s}, prompt: {kind: constant, tokens: 4000}, "
              "output: {kind: constant, tokens: 5}, duration: 2 s, slo: {default: {patience: {first_token: "
              "{kind: exponential, mean: 1 s}}}}}",
          .more = std::string("planes: {tensor: ib, kv: ib}\nnetwork: ") + network + "\n"};
      const metrics::Summary summary = run(read(parts), {}).summary;  // expects that no block is kept
      double handed = 0.0;
      for (const metrics::LinkFigures& link : summary.links) {
        if (link.link.ends_with(" up") && !link.link.starts_with("domain")) handed += link.bytes;
      }
      const double kv = 4000.0 * 131072.0;
      const auto finished = static_cast<double>(summary.requests_finished);
      const auto arrived = static_cast<double>(summary.requests_arrived);
      std::ostringstream out;
      out << (finished > 0 && finished < arrived)
          << (handed > finished * kv * (1.0 + 1e-9))  // some left with their cache on the way
          << (handed <= arrived * kv);
      return out.str();
    });
    CAPTURE(network);
    CHECK(text == "111");
  }
}
