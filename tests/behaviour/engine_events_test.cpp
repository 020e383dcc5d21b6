#include "models/base/errors.hpp"
#include "sim/engine/engine.hpp"
#include "tests/support/captured_output.hpp"
#include "tests/support/flow_probe.hpp"

#include <doctest/doctest.h>

#include <csignal>

using namespace tokenyard;
using namespace tokenyard::engine;
using namespace tokenyard::literals;
using tokenyard::tests::flow_network;
using tokenyard::tests::FlowProbe;
using tokenyard::tests::kInterval;
using tokenyard::tests::kSolvers;

TEST_CASE("engine: events happen by time then by rank then in order of scheduling") {
  Engine engine({});
  FlowProbe probe(engine);
  engine.at(SimTime{20}, rank_of_step(0), probe, 1);
  engine.at(SimTime{10}, rank_of_step(1), probe, 2);
  engine.at(SimTime{10}, rank_of_step(0), probe, 3);
  engine.at(SimTime{10}, rank_of_arrival(7), probe, 4);
  engine.at(SimTime{10}, rank_of_step(0), probe, 5);
  engine.at(SimTime{10}, rank_of_flow(0), probe, 6);
  engine.run();
  CHECK(probe.order() == std::vector<std::uint64_t>{4, 6, 3, 5, 2, 1});
  CHECK(probe.when(4) == 10);
  CHECK(engine.now() == SimTime{20});
  CHECK(engine.events() == 6);
  CHECK(engine.flows() == 0);
  CHECK(engine.link_use().empty());
}

TEST_CASE("engine: a handler schedules more events and may do so at its own instant") {
  Engine engine({});
  FlowProbe probe(engine);
  probe.then = [&](std::uint64_t what) {
    if (what < 5) {
      engine.at(engine.now() + SimTime{what % 2 == 0 ? 0 : 100}, 0, probe, what + 1);
    }
  };
  engine.at(SimTime{1}, 0, probe, 0);
  engine.run();
  CHECK(probe.order() == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5});
  CHECK(probe.when(5) == 201);  // 1 -> 1 (what 0) -> 101 (1) -> 101 -> 201 (3) -> 201
}

TEST_CASE("engine: an event in the past is refused") {
  Engine engine({});
  FlowProbe probe(engine);
  probe.then = [&](std::uint64_t) { engine.at(SimTime{9}, 0, probe, 1); };
  engine.at(SimTime{10}, 0, probe, 0);
  CHECK_THROWS_WITH_AS(engine.run(), doctest::Contains("an event is not scheduled in the past"), BugError);
}

TEST_CASE("engine: what a handler throws ends the run and leaves it") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    Engine engine({flow_network(1, 2, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    probe.then = [](std::uint64_t what) {
      if (what == 1) {
        throw UserError("requests.csv:7: not a number");
      }
    };
    engine.transfer(0, EndpointId{0}, EndpointId{1}, 50_GB, 0_s, probe, 0);  // in flight for 1 s
    engine.at(SimTime{1000}, 0, probe, 1);
    engine.at(SimTime{2000}, 0, probe, 2);
    CHECK_THROWS_WITH_AS(engine.run(), "requests.csv:7: not a number", UserError);
    CHECK(probe.order() == std::vector<std::uint64_t>{1});
    CHECK(engine.now() == SimTime{1000});
  }
}

TEST_CASE("engine: events that pass do not count as the last") {
  Engine engine({});
  FlowProbe probe(engine);
  probe.then = [&](std::uint64_t what) {
    if (what == 2) engine.pass();
  };
  engine.at(SimTime{1000}, 0, probe, 1);
  engine.at(SimTime{5000}, 0, probe, 2);
  engine.run();
  CHECK(engine.now() == SimTime{5000});
  CHECK(engine.last() == SimTime{1000});
}

TEST_CASE("engine: stop ends the run after the current event even with flows in flight") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    Engine engine({flow_network(1, 2, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    probe.then = [&](std::uint64_t what) {
      if (what == 1) {
        engine.stop();
      }
    };
    engine.transfer(0, EndpointId{0}, EndpointId{1}, 50_GB, 0_s, probe, 0);
    engine.at(SimTime{1000}, 0, probe, 1);
    engine.at(SimTime{1000}, 1, probe, 2);
    engine.run();
    CHECK(probe.order() == std::vector<std::uint64_t>{1});
    CHECK(engine.events() == 1);
    // The flow was on the link for 1000 ns; its bytes count when it ends.
    REQUIRE(engine.link_use().size() == 4);
    CHECK(engine.link_use()[0].busy.value() == doctest::Approx(1e-6));
    CHECK(engine.link_use()[0].carried == 0_B);
  }
}

TEST_CASE("engine: SimGrid says nothing even when flows are abandoned") {
  std::string err;
  const std::string out = tests::output_of(STDOUT_FILENO, [&] {
    err = tests::output_of(STDERR_FILENO, [&] {
      Engine engine({flow_network(1, 2, 50_GBps, 0_GBps)}, kInterval, Solver::SimGrid);
      FlowProbe probe(engine);
      probe.then = [&](std::uint64_t) { engine.stop(); };
      for (int i = 0; i < 10; ++i) {
        engine.transfer(0, EndpointId{0}, EndpointId{1}, 50_GB, 0_s, probe, 0);
      }
      engine.at(SimTime{1000}, 0, probe, 1);
      engine.run();
      CHECK(engine.now() == SimTime{1000});
    });
  });
  CHECK(out == "");
  CHECK(err == "");
}

TEST_CASE("engine: a second one with SimGrid in the process is refused even after the first is gone") {
  {
    const Engine engine({}, kInterval, Solver::SimGrid);
    CHECK_THROWS_WITH_AS(Engine({}, kInterval, Solver::SimGrid), doctest::Contains("one Engine per process"), BugError);
  }
  CHECK_THROWS_AS(Engine({}, kInterval, Solver::SimGrid), BugError);
  CHECK_NOTHROW(Engine({}));
}

TEST_CASE("engine: it runs once") {
  Engine engine({});
  engine.run();
  CHECK(engine.now() == SimTime{0});
  CHECK_THROWS_WITH_AS(engine.run(), doctest::Contains("an engine runs once"), BugError);
}

namespace {
void on_interrupt(int) {}
}  // namespace

TEST_CASE("engine: who interrupts the process still reaches our handler and not that of SimGrid") {
  std::signal(SIGINT, &on_interrupt);
  const Engine engine({}, kInterval, Solver::SimGrid);
  const bool is_ours = std::signal(SIGINT, SIG_DFL) == &on_interrupt;
  CHECK(is_ours);
}

TEST_CASE("engine: events far apart while a flow is in flight keep their instants") {
  for (const Solver solver : kSolvers) {
    CAPTURE(static_cast<int>(solver));
    // 1e6 GB at 1 GB/s: 1e6 s or 11.6 days.
    Engine engine({flow_network(1, 2, 1_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, EndpointId{0}, EndpointId{1}, 1'000'000_GB, 0_s, probe, 0);
    engine.at(SimTime{1}, 0, probe, 1);
    engine.at(SimTime{3'456'789'000'000'001}, 0, probe, 2);  // 40 days: nothing in flight any more
    engine.at(SimTime{777'777'000'000'003}, 0, probe, 3);    // 9 days
    engine.run();
    CHECK(probe.order() == std::vector<std::uint64_t>{1, 3, 0, 2});
    CHECK(probe.when(3) == 777'777'000'000'003);
    CHECK(probe.when(0) == 1'000'000'000'000'000);
    CHECK(probe.when(2) == 3'456'789'000'000'001);
  }
}
