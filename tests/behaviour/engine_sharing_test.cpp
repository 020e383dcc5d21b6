#include "sim/engine/engine.hpp"
#include "tests/support/flow_probe.hpp"
#include "tests/support/max_min.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace tokenyard;
using namespace tokenyard::engine;
using namespace tokenyard::literals;
using tokenyard::tests::flow_network;
using tokenyard::tests::FlowProbe;
using tokenyard::tests::kInterval;
using tokenyard::tests::kSolvers;
using tokenyard::tests::MaxMinReference;
using tokenyard::tests::TestFlow;

namespace {

/// The generator's bits alone, because the distributions of the standard library differ between libraries.
class Draw {
 public:
  explicit Draw(std::uint32_t seed) : bits_(seed) {}
  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(bits_()) % end; }

 private:
  std::mt19937 bits_;
};

std::vector<TestFlow> random_flows(std::uint32_t endpoints, std::size_t count, std::uint32_t seed,
                                   std::uint32_t gap_us) {
  Draw draw(seed);
  std::vector<TestFlow> flows;
  std::int64_t start_us = 0;
  for (std::size_t f = 0; f < count; ++f) {
    const std::uint32_t from = draw.below(endpoints);
    const std::uint32_t to = (from + 1 + draw.below(endpoints - 1)) % endpoints;
    start_us += draw.below(2 * gap_us);
    flows.push_back({.from = from,
                     .to = to,
                     .bytes = 1e6 + draw.below(1'000'000'000),
                     .start_s = static_cast<double>(start_us) * 1e-6});
  }
  return flows;
}

void send(Engine& engine, const std::vector<TestFlow>& flows, FlowProbe& probe) {
  for (std::size_t f = 0; f < flows.size(); ++f) {
    engine.transfer(0, EndpointId{flows[f].from}, EndpointId{flows[f].to}, Bytes{flows[f].bytes},
                    Seconds{flows[f].start_s}, probe, f);
  }
}

/// Flows that do not end at the computed instant rounded up to the next nanosecond: kFlowPrecision, 0.01 ns, is
/// forgiven, and a tenth of it for the rounding of the reference.
int not_as_expected(const FlowProbe& probe, const std::vector<double>& expected_s) {
  int wrong = 0;
  for (const FlowProbe::Note& note : probe.notes) {
    const double late_ns = static_cast<double>(note.ns) - expected_s[note.what] * 1e9;
    wrong += late_ns < -0.011 || late_ns > 1.001 ? 1 : 0;
  }
  return wrong;
}

}  // namespace

TEST_CASE("engine: random flows end when progressive filling says") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    // Five domains of four endpoints; unequal NICs and trunks, so that the narrowest link is now here and now there.
    topologies::FlowNetwork network = flow_network(5, 4, 50_GBps, 90_GBps);
    for (std::uint32_t e = 0; e < 20; ++e) {
      network.endpoints[e].bandwidth = BytesPerSecond{1e9 * (20 + 7 * (e % 6))};
    }
    network.domains[2].trunk = 35_GBps;
    const std::vector<TestFlow> flows = random_flows(20, 400, 7, 2'000);

    Engine engine({network}, kInterval, solver);
    FlowProbe probe(engine);
    send(engine, flows, probe);
    engine.run();

    REQUIRE(probe.notes.size() == 400);
    CHECK(not_as_expected(probe, MaxMinReference(network, flows).ends_s()) == 0);
  }
}

TEST_CASE("engine: bytes are conserved and no flow is faster than its narrowest link") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    const topologies::FlowNetwork network = flow_network(4, 8, 50_GBps, 100_GBps);
    const std::vector<TestFlow> flows = random_flows(32, 2'000, 11, 400);
    Engine engine({network}, kInterval, solver);
    FlowProbe probe(engine);
    send(engine, flows, probe);
    engine.run();
    REQUIRE(probe.notes.size() == 2'000);
    CHECK(engine.flows() == 2'000);
    CHECK(engine.events() == 2'000);

    const MaxMinReference reference(network, flows);
    int too_fast = 0;
    double sent = 0.0;
    double sent_across = 0.0;
    for (const FlowProbe::Note& note : probe.notes) {
      const TestFlow& flow = flows[note.what];
      const double alone_ns = flow.bytes / reference.alone(note.what) * 1e9;
      too_fast += static_cast<double>(note.ns) - flow.start_s * 1e9 < alone_ns - 0.1 ? 1 : 0;
      sent += flow.bytes;
      sent_across += flow.from / 8 == flow.to / 8 ? 0.0 : flow.bytes;
    }
    CHECK(too_fast == 0);

    double up = 0.0;
    double down = 0.0;
    double trunks_up = 0.0;
    double trunks_down = 0.0;
    for (const LinkUse& row : engine.link_use()) {
      const bool is_up = row.link.ends_with(" up");
      (row.link[0] == 'e' ? (is_up ? up : down) : (is_up ? trunks_up : trunks_down)) += row.carried.value();
      CHECK(row.carried.value() <= row.bandwidth.value() * row.busy.value() * (1.0 + 1e-9));
      CHECK(row.busy.value() <= engine.now().seconds().value());
    }
    CHECK(up == sent);  // sums of whole numbers below 2^53 are exact
    CHECK(down == sent);
    CHECK(trunks_up == sent_across);
    CHECK(trunks_down == sent_across);
  }
}

TEST_CASE("engine: random flows end when progressive filling says with many events between them") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    // The events stop SimGrid's clock a hundred times as often as the flows do.
    const topologies::FlowNetwork network = flow_network(2, 4, 50_GBps, 60_GBps);
    const std::vector<TestFlow> flows = random_flows(8, 200, 3, 5'000);
    Engine engine({network}, kInterval, solver);
    FlowProbe probe(engine);
    FlowProbe ticks(engine);
    send(engine, flows, probe);
    for (std::int64_t k = 0; k < 20'000; ++k) {
      engine.at(SimTime{k * 50'021}, rank_of_step(0), ticks, 0);
    }
    engine.run();
    CHECK(probe.notes.size() == 200);
    CHECK(not_as_expected(probe, MaxMinReference(network, flows).ends_s()) == 0);
    CHECK(ticks.notes.size() == 20'000);
  }
}

TEST_CASE("engine: flows between pods share the pods' trunks and others do not see them") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    // Two pods of two domains with one endpoint each; 10 GB/s NICs and domain trunks, 8 GB/s between the pods.
    topologies::FlowNetwork network = flow_network(4, 1, 10_GBps, 10_GBps);
    network.pods = {{.name = "pod 0", .trunk = 8_GBps}, {.name = "pod 1", .trunk = 8_GBps}};
    for (std::uint32_t d = 0; d < 4; ++d) network.domains[d].pod = d / 2;
    Engine engine({network}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, EndpointId{0}, EndpointId{2}, 4_GB, Seconds{1e-9}, probe, 0);  // across, 4 GB/s of the trunk's 8
    engine.transfer(0, EndpointId{1}, EndpointId{3}, 4_GB, Seconds{1e-9}, probe, 1);  // across
    engine.transfer(0, EndpointId{2}, EndpointId{3}, 4_GB, Seconds{1e-9}, probe, 2);  // inside pod 1: the NIC's other 6
    engine.run();
    CHECK(probe.when(0) == 1'000'000'001);
    CHECK(probe.when(1) == 1'000'000'001);
    CHECK(probe.when(2) == 666'666'668);  // 4 GB at 6 GB/s, to the next whole ns
    const std::vector<LinkUse> links = engine.link_use();
    CHECK(links[0].link == "pod 0 up");
    CHECK(links[0].carried.value() == doctest::Approx(8e9));
    CHECK(links[1].carried.value() == 0.0);
  }
}

TEST_CASE("engine: a flow between sites gets no more than its limit and many share the uplink") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    // Uplinks of 10 GB/s, 4 GB/s for a flow: four flows have 2.5 each, two have 4.
    topologies::FlowNetwork network = flow_network(2, 4, 50_GBps, 10_GBps);
    network.flow_limit = 4_GBps;
    Engine engine({network}, kInterval, solver);
    FlowProbe probe(engine);
    for (std::uint32_t f = 0; f < 4; ++f) {
      // Two small ones end first; what is left then runs at its limit.
      engine.transfer(0, EndpointId{f}, EndpointId{4 + f}, f < 2 ? 5_GB : 9_GB, Seconds{1e-9}, probe, f);
    }
    engine.transfer(0, EndpointId{0}, EndpointId{1}, 46_GB, Seconds{100.0}, probe, 9);  // inside a site: no limit
    engine.run();
    CHECK(probe.when(0) == 2'000'000'001);    // 5 GB at 2.5
    CHECK(probe.when(2) == 3'000'000'001);    // 5 GB at 2.5, 4 GB at 4
    CHECK(probe.when(9) == 100'920'000'000);  // 46 GB at 50
  }
}
