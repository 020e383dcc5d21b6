#include "models/base/errors.hpp"
#include "sim/engine/engine.hpp"
#include "tests/support/flow_probe.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::engine;
using namespace tokenyard::literals;
using tokenyard::tests::flow_network;
using tokenyard::tests::FlowProbe;
using tokenyard::tests::kInterval;
using tokenyard::tests::kSolvers;

namespace {

constexpr std::int64_t kMs = 1'000'000;

EndpointId endpoint(std::uint32_t index) { return EndpointId{index}; }

const LinkUse& use_of(const std::vector<LinkUse>& rows, const std::string& link) {
  for (const LinkUse& row : rows) {
    if (row.link == link) {
      return row;
    }
  }
  throw std::runtime_error("no link " + link);
}

}  // namespace

// One engine a process: no SUBCASE, whose body runs again in the same process, but a case for each.

TEST_CASE("engine: a lone flow takes its delay and its size over the bandwidth to the nanosecond") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    Engine engine({flow_network(1, 2, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, endpoint(0), endpoint(1), 1_GB, 12.345_us, probe, 0);
    engine.run();
    CHECK(probe.when(0) == 20 * kMs + 12'345);  // 1 GB at 50 GB/s is 20 ms
  }
}

TEST_CASE("engine: the narrower end of a flow decides") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    topologies::FlowNetwork network = flow_network(1, 2, 50_GBps, 0_GBps);
    network.endpoints[1].bandwidth = 40_GBps;
    Engine engine({network}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, endpoint(0), endpoint(1), 1_GB, 0_s, probe, 0);
    engine.run();
    CHECK(probe.when(0) == 25 * kMs);
  }
}

TEST_CASE("engine: the end of a flow is rounded up to the next nanosecond and parts of a byte to the next byte") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    Engine engine({flow_network(1, 6, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, endpoint(0), endpoint(1), 51_B, 0_s, probe, 51);        // 1.02 ns
    engine.transfer(0, endpoint(2), endpoint(3), 50_B, 0_s, probe, 50);        // 1 ns
    engine.transfer(0, endpoint(4), endpoint(5), Bytes{1e-3}, 0_s, probe, 1);  // 1 byte: 0.02 ns
    engine.run();
    CHECK(probe.when(51) == 2);
    CHECK(probe.when(50) == 1);
    CHECK(probe.when(1) == 1);
  }
}

TEST_CASE("engine: lone flows one after the other keep to the nanosecond far into a run") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    // Flow k starts at k * 7 s + 3 ns and takes 20 ms: SimGrid's clock has seen other flows and no idle time before.
    Engine engine({flow_network(1, 2, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    FlowProbe starter(engine);
    starter.then = [&](std::uint64_t k) { engine.transfer(0, endpoint(0), endpoint(1), 1_GB, 0_s, probe, k); };
    for (std::uint64_t k = 0; k < 1000; ++k) {
      engine.at(SimTime{static_cast<std::int64_t>(k) * 7'000 * kMs + 3}, 0, starter, k);
    }
    engine.run();
    REQUIRE(probe.notes.size() == 1000);
    int exact = 0;
    for (const FlowProbe::Note& note : probe.notes) {
      exact += note.ns == static_cast<std::int64_t>(note.what) * 7'000 * kMs + 3 + 20 * kMs ? 1 : 0;
    }
    CHECK(exact == 1000);
  }
}

TEST_CASE("engine: a flow to itself or of no bytes takes the delay alone and touches no link") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    Engine engine({flow_network(1, 2, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, endpoint(0), endpoint(0), 1_GB, 5_us, probe, 0);
    engine.transfer(0, endpoint(0), endpoint(1), 0_B, 7_us, probe, 1);
    engine.transfer(0, endpoint(1), endpoint(1), 1_GB, 0_s, probe, 2);
    engine.run();
    CHECK(probe.when(0) == 5'000);
    CHECK(probe.when(1) == 7'000);
    CHECK(probe.when(2) == 0);
    CHECK(engine.flows() == 3);
    CHECK(engine.events() == 3);
    for (const LinkUse& row : engine.link_use()) {
      CHECK(row.carried == 0_B);
      CHECK(row.busy == 0_s);
    }
  }
}

TEST_CASE("engine: two equal flows on one link each take twice as long") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    Engine engine({flow_network(1, 3, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, endpoint(0), endpoint(1), 1_GB, 0_s, probe, 0);
    engine.transfer(0, endpoint(0), endpoint(2), 1_GB, 0_s, probe, 1);
    engine.run();
    CHECK(probe.when(0) == 40 * kMs);
    CHECK(probe.when(1) == 40 * kMs);
    CHECK(probe.order() == std::vector<std::uint64_t>{0, 1});  // same instant: by number of the flow
  }
}

TEST_CASE("engine: the longer of two flows has the link alone at the end") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    // 1 GB and 3 GB: the first has 25 GB/s until 40 ms; then 2 GB of the second are left, at 50 GB/s: 80 ms.
    Engine engine({flow_network(1, 3, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, endpoint(0), endpoint(1), 1_GB, 0_s, probe, 0);
    engine.transfer(0, endpoint(0), endpoint(2), 3_GB, 0_s, probe, 1);
    engine.run();
    CHECK(probe.when(0) == 40 * kMs);
    CHECK(probe.when(1) == 80 * kMs);
  }
}

TEST_CASE("engine: a flow that starts while another flies takes its share from then on") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    // 2 GB into endpoint 0; 10 ms later 1 GB: 1.5 GB of the first are left. Both have 25 GB/s until 10 + 40 ms, then
    // 0.5 GB are left at 50 GB/s: 60 ms.
    Engine engine({flow_network(1, 3, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, endpoint(1), endpoint(0), 2_GB, 0_s, probe, 0);
    engine.transfer(0, endpoint(2), endpoint(0), 1_GB, 10_ms, probe, 1);
    engine.run();
    CHECK(probe.when(1) == 50 * kMs);
    CHECK(probe.when(0) == 60 * kMs);
  }
}

TEST_CASE("engine: the two directions of a link do not disturb each other") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    Engine engine({flow_network(1, 2, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, endpoint(0), endpoint(1), 1_GB, 0_s, probe, 0);
    engine.transfer(0, endpoint(1), endpoint(0), 2_GB, 0_s, probe, 1);
    engine.run();
    CHECK(probe.when(0) == 20 * kMs);
    CHECK(probe.when(1) == 40 * kMs);
  }
}

TEST_CASE("engine: flows between domains share the trunk and flows inside one do not touch it") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    // Domain 0 holds endpoints 0 to 2, domain 1 holds 3 to 5; trunks of 20 GB/s under NICs of 50 GB/s.
    Engine engine({flow_network(2, 3, 50_GBps, 20_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, endpoint(0), endpoint(3), 1_GB, 0_s, probe, 0);  // 10 GB/s each: 100 ms
    engine.transfer(0, endpoint(1), endpoint(4), 1_GB, 0_s, probe, 1);
    engine.transfer(0, endpoint(2), endpoint(1), 1_GB, 0_s, probe, 2);  // 50 GB/s: 20 ms
    engine.transfer(0, endpoint(5), endpoint(2), 1_GB, 0_s, probe, 3);  // the other way, alone on the trunk: 50 ms
    engine.run();
    CHECK(probe.when(0) == 100 * kMs);
    CHECK(probe.when(1) == 100 * kMs);
    CHECK(probe.when(2) == 20 * kMs);
    CHECK(probe.when(3) == 50 * kMs);

    const std::vector<LinkUse> rows = engine.link_use();
    REQUIRE(rows.size() == 2 * 2 + 6 * 2);
    CHECK(rows[0].link == "d0 up");
    CHECK(rows[3].link == "d1 down");
    CHECK(rows[4].link == "e0 up");
    CHECK(rows[15].link == "e5 down");
    CHECK(rows[0].plane == "net");
    CHECK(rows[0].bandwidth == 20_GBps);
    CHECK(use_of(rows, "d0 up").carried == 2_GB);
    CHECK(use_of(rows, "d0 up").busy == 100_ms);
    CHECK(use_of(rows, "d0 down").carried == 1_GB);
    CHECK(use_of(rows, "d0 down").busy == 50_ms);
    CHECK(use_of(rows, "d1 up").carried == 1_GB);
    CHECK(use_of(rows, "d1 down").carried == 2_GB);
    CHECK(use_of(rows, "e1 up").busy == 100_ms);
    CHECK(use_of(rows, "e1 down").busy == 20_ms);  // the flow inside the domain
    CHECK(use_of(rows, "e3 up").carried == 0_B);
  }
}

TEST_CASE("engine: planes are apart") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    Engine engine({flow_network(1, 2, 50_GBps, 0_GBps), flow_network(1, 2, 25_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, endpoint(0), endpoint(1), 1_GB, 0_s, probe, 0);
    engine.transfer(1, endpoint(0), endpoint(1), 1_GB, 0_s, probe, 1);
    engine.run();
    CHECK(probe.when(0) == 20 * kMs);
    CHECK(probe.when(1) == 40 * kMs);
  }
}

TEST_CASE("engine: events and flows interleave by time and at one instant by rank") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    Engine engine({flow_network(1, 4, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, endpoint(0), endpoint(1), 1_GB, 0_s, probe, 100);      // ends at 20 ms, flow 0
    engine.transfer(0, endpoint(2), endpoint(3), 500_MB, 10_ms, probe, 101);  // ends at 20 ms, flow 1
    engine.at(SimTime{20 * kMs}, rank_of_step(0), probe, 3);
    engine.at(SimTime{20 * kMs}, rank_of_arrival(0), probe, 2);
    engine.at(SimTime{20 * kMs - 1}, rank_of_step(0), probe, 1);
    engine.at(SimTime{20 * kMs + 1}, rank_of_arrival(0), probe, 4);
    engine.run();
    CHECK(probe.order() == std::vector<std::uint64_t>{1, 2, 100, 101, 3, 4});
  }
}

TEST_CASE("engine: the end of a flow does not depend on events that happen while it flies") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    // 1 GB and 333,333,333 B share a link; hand-derived: the second ends at 2 * 333,333,333 / 50 ns = 13,333,333.32,
    // the first at (1e9 + 333,333,333) / 50 ns = 26,666,666.66: both rounded up. 10,000 ticks, some of them in the very
    // nanosecond of an end, change nothing.
    Engine engine({flow_network(1, 3, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    FlowProbe ticks(engine);
    engine.transfer(0, endpoint(0), endpoint(1), 1_GB, 0_s, probe, 0);
    engine.transfer(0, endpoint(0), endpoint(2), 333'333'333_B, 0_s, probe, 1);
    for (std::int64_t k = 0; k < 10'000; ++k) {
      engine.at(SimTime{k * 3'001}, rank_of_step(0), ticks, 0);
    }
    for (const std::int64_t ns : {13'333'333, 13'333'334, 26'666'666, 26'666'667}) {
      engine.at(SimTime{ns}, rank_of_step(0), ticks, 0);
    }
    engine.run();
    CHECK(probe.when(1) == 13'333'334);
    CHECK(probe.when(0) == 26'666'667);
    CHECK(ticks.notes.size() == 10'004);
  }
}

TEST_CASE("engine: a flow that ends starts the next one at that instant") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    Engine engine({flow_network(1, 2, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    probe.then = [&](std::uint64_t k) {
      if (k < 99) {
        engine.transfer(0, endpoint(0), endpoint(1), 50_MB, 1_us, probe, k + 1);
      }
    };
    engine.transfer(0, endpoint(0), endpoint(1), 50_MB, 1_us, probe, 0);
    engine.run();
    CHECK(probe.when(99) == 100 * (1 * kMs + 1'000));  // each 1 us + 50 MB / 50 GB/s = 1.001 ms
    const LinkUse up = engine.link_use()[0];
    CHECK(up.carried == 5_GB);
    CHECK(up.busy == 100_ms);  // the delays are not on the link
  }
}

TEST_CASE("engine: a flow on no plane or between domains without a trunk is refused") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    Engine engine({flow_network(2, 1, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    CHECK_THROWS_WITH_AS(engine.transfer(1, endpoint(0), endpoint(0), 1_B, 0_s, probe, 0),
                         doctest::Contains("a flow runs on a plane of this engine"), BugError);
    CHECK_THROWS_WITH_AS(engine.transfer(0, endpoint(0), endpoint(2), 1_B, 0_s, probe, 0),
                         doctest::Contains("a flow goes between endpoints of its plane"), BugError);
    CHECK_THROWS_WITH_AS(engine.transfer(0, endpoint(0), endpoint(1), 1_B, 0_s, probe, 0),
                         doctest::Contains("a trunk at both"), BugError);
    CHECK_THROWS_WITH_AS(engine.transfer(0, endpoint(0), endpoint(0), Bytes{-1.0}, 0_s, probe, 0),
                         doctest::Contains("of 0 or more"), BugError);
  }
}

TEST_CASE("engine: a transfer that outlasts simulated time is refused") {
  // 1e18 B at 1 MB/s: 1e12 s; 2^63 ns are 9.2e9 s.
  Engine engine({flow_network(1, 2, BytesPerSecond{1e6}, 0_GBps)}, kInterval, Solver::Flat);
  FlowProbe probe(engine);
  engine.transfer(0, endpoint(0), endpoint(1), Bytes{1e18}, 0_s, probe, 0);
  CHECK_THROWS_AS(engine.run(), UserError);
}
