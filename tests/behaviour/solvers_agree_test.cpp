// The same flows by our own solver and by SimGrid: the ends are the same but for rounding.
#include "sim/engine/engine.hpp"
#include "tests/support/flow_probe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <random>

using namespace tokenyard;
using namespace tokenyard::engine;
using namespace tokenyard::literals;
using tokenyard::tests::flow_network;
using tokenyard::tests::FlowProbe;
using tokenyard::tests::kInterval;
using tokenyard::tests::kSolvers;

namespace {

/// When each flow ends, by `what`, and what the links carried.
struct Played {
  std::vector<std::int64_t> ends_ns;
  std::vector<LinkUse> links;
};

/// Plays what `script` sends, `flows` of them, with a solver.
Played play(const topologies::FlowNetwork& network, Solver solver, std::size_t flows,
            const std::function<void(Engine&, FlowProbe&)>& script) {
  Engine engine({network}, kInterval, solver);
  FlowProbe probe(engine);
  script(engine, probe);
  engine.run();
  Played played{.ends_ns = std::vector<std::int64_t>(flows, -1), .links = engine.link_use()};
  for (const FlowProbe::Note& note : probe.notes) {
    if (note.what < flows) played.ends_ns[note.what] = note.ns;
  }
  return played;
}

/// Both solvers, one after the other; SimGrid allows one engine a process, ours any number. Ends are whole nanoseconds,
/// rounded up: two that differ by the rounding of doubles alone are the same or, seldom, neighbours.
void agree(const topologies::FlowNetwork& network, std::size_t flows,
           const std::function<void(Engine&, FlowProbe&)>& script) {
  const Played ours = play(network, Solver::Flat, flows, script);
  const Played theirs = play(network, Solver::SimGrid, flows, script);
  std::size_t equal = 0;
  std::int64_t furthest = 0;
  for (std::size_t f = 0; f < flows; ++f) {
    CHECK(theirs.ends_ns[f] >= 0);
    equal += ours.ends_ns[f] == theirs.ends_ns[f] ? 1U : 0U;
    furthest = std::max(furthest, std::abs(ours.ends_ns[f] - theirs.ends_ns[f]));
  }
  CHECK(furthest <= 1);
  CHECK(equal * 100 >= flows * 99);
  REQUIRE(ours.links.size() == theirs.links.size());
  for (std::size_t l = 0; l < ours.links.size(); ++l) {
    CHECK(ours.links[l].carried == theirs.links[l].carried);
    CHECK(ours.links[l].busy.value() == doctest::Approx(theirs.links[l].busy.value()).epsilon(1e-9));
  }
}

class Draw {
 public:
  explicit Draw(std::uint32_t seed) : bits_(seed) {}
  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(bits_()) % end; }

 private:
  std::mt19937 bits_;
};

/// Sends `flows` of 0 to 1 GB between random endpoints, also to themselves, about one in `gap_us`.
std::function<void(Engine&, FlowProbe&)> random_flows(std::uint32_t endpoints, std::size_t flows, std::uint32_t gap_us,
                                                      std::uint32_t seed) {
  return [=](Engine& engine, FlowProbe& probe) {
    Draw draw(seed);
    std::int64_t start_us = 0;
    for (std::size_t f = 0; f < flows; ++f) {
      start_us += draw.below(2 * gap_us);
      const Bytes size{static_cast<double>(draw.below(20) == 0 ? 0 : draw.below(1'000'000'000))};
      engine.transfer(0, EndpointId{draw.below(endpoints)}, EndpointId{draw.below(endpoints)}, size,
                      Seconds{static_cast<double>(start_us) * 1e-6}, probe, f);
    }
  };
}

/// Four pods of three domains of three endpoints with unequal links; the narrowest is now here and now there.
topologies::FlowNetwork uneven() {
  topologies::FlowNetwork network = flow_network(12, 3, 50_GBps, 100_GBps);
  for (std::uint32_t p = 0; p < 4; ++p) {
    network.pods.push_back({.name = "pod " + std::to_string(p), .trunk = BytesPerSecond{1e9 * (90 + 37 * p)}});
  }
  for (std::uint32_t d = 0; d < 12; ++d) {
    network.domains[d].pod = d / 3;
    network.domains[d].trunk = BytesPerSecond{1e9 * (41 + 13 * (d % 5))};
  }
  for (std::uint32_t e = 0; e < 36; ++e) {
    network.endpoints[e].bandwidth = BytesPerSecond{1e9 * (20 + 7 * (e % 6))};
    if (e % 4 == 0) network.endpoints[e].receive = BytesPerSecond{1e9 * (15 + e)};
  }
  return network;
}

}  // namespace

TEST_CASE("solvers: they agree on random flows over pods and domains with few in flight") {
  agree(uneven(), 3'000, random_flows(36, 3'000, 4'000, 1));
}

TEST_CASE("solvers: they agree on random flows over pods and domains with hundreds in flight") {
  agree(uneven(), 1'500, random_flows(36, 1'500, 100, 2));
}

TEST_CASE("solvers: they agree where single flows between domains are limited") {
  topologies::FlowNetwork network = flow_network(3, 6, 50_GBps, 40_GBps);
  network.flow_limit = 7_GBps;
  agree(network, 1'000, random_flows(18, 1'000, 3'000, 3));
}

TEST_CASE("solvers: they agree where many flows start and end at the same instants") {
  // Every millisecond each endpoint sends 10 MB to the next four: 16 flows an instant on equal links.
  const auto script = [](Engine& engine, FlowProbe& probe) {
    std::uint64_t what = 0;
    for (std::uint32_t round = 0; round < 50; ++round) {
      for (std::uint32_t from = 0; from < 8; ++from) {
        for (std::uint32_t hop = 1; hop <= 4; ++hop) {
          engine.transfer(0, EndpointId{from}, EndpointId{(from + hop) % 8}, 10_MB, Seconds{round * 1e-3}, probe,
                          what++);
        }
      }
    }
  };
  agree(flow_network(2, 4, 50_GBps, 60_GBps), 1'600, script);
}

TEST_CASE("solvers: they agree while the bandwidth of links changes under way") {
  // 300 flows start within 60 ms; then every 777 us some NIC or trunk gets another rate, as contention with collectives
  // does it. Never more than it had, and not before: SimGrid keeps a flow below what its narrowest link had at its
  // start (next case).
  const topologies::FlowNetwork network = uneven();
  const auto script = [&network](Engine& engine, FlowProbe& probe) {
    random_flows(36, 300, 100, 4)(engine, probe);
    auto draw = std::make_shared<Draw>(9);
    probe.then = [&engine, &network, draw](std::uint64_t what) {
      if (what < 300) return;
      using Of = LinkPlace::Of;
      const std::uint32_t kind = draw->below(3);
      const std::uint32_t index = draw->below(kind == 0 ? 4 : kind == 1 ? 12 : 36);
      const BytesPerSecond most = kind == 0   ? network.pods[index].trunk
                                  : kind == 1 ? network.domains[index].trunk
                                              : std::min(network.endpoints[index].bandwidth, 15_GBps);
      const LinkPlace place{.of = kind == 0   ? Of::Pod
                                  : kind == 1 ? Of::Domain
                                              : Of::Endpoint,
                            .index = index,
                            .up = draw->below(2) == 0};
      engine.set_bandwidth(0, place, most * (0.1 * (1 + draw->below(10))));
    };
    for (std::int64_t k = 0; k < 1'200; ++k) {
      engine.at(SimTime{60'000'001 + k * 777'000}, rank_of_step(0), probe, 5'000);
    }
  };
  agree(network, 300, script);
}

TEST_CASE("solvers: a flow that starts on a slowed link is faster when the link is and with SimGrid it is not") {
  // 4 GB; the link has 2 of its 10 GB/s until 1 s: 2 GB are left, 0.2 s at 10 GB/s, 1 s at the 2 that SimGrid keeps to.
  for (const Solver solver : kSolvers) {
    Engine engine({flow_network(1, 2, 10_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.set_bandwidth(0, {.index = 0, .up = true}, 2_GBps);
    engine.transfer(0, EndpointId{0}, EndpointId{1}, 4_GB, 0_s, probe, 0);
    probe.then = [&](std::uint64_t what) {
      if (what == 1) engine.set_bandwidth(0, {.index = 0, .up = true}, 10_GBps);
    };
    engine.at(SimTime{1'000'000'000}, rank_of_step(0), probe, 1);
    engine.run();
    CHECK(probe.when(0) == (solver == Solver::Flat ? 1'200'000'000 : 2'000'000'000));
  }
}

TEST_CASE("solvers: they agree on flows that follow each other") {
  // Each end starts the next flow, so that a difference would grow: 64 chains of 100 flows with 1 us between.
  const auto script = [](Engine& engine, FlowProbe& probe) {
    auto draw = std::make_shared<Draw>(6);
    const auto send = [&engine, &probe](Draw& dice, std::uint64_t what) {
      engine.transfer(0, EndpointId{dice.below(36)}, EndpointId{dice.below(36)}, Bytes{1e6 + dice.below(50'000'000)},
                      1_us, probe, what);
    };
    for (std::uint64_t chain = 0; chain < 64; ++chain) send(*draw, chain * 100);
    // A generator a flow, so that its target does not depend on the order of others.
    probe.then = [send](std::uint64_t what) {
      if (what % 100 == 99) return;
      Draw own(static_cast<std::uint32_t>(1'000 + what));
      send(own, what + 1);
    };
  };
  agree(uneven(), 6'400, script);
}

TEST_CASE("solvers: they stop at the same instant with flows in flight") {
  for (const Solver solver : kSolvers) {
    Engine engine({flow_network(1, 4, 50_GBps, 0_GBps)}, kInterval, solver);
    FlowProbe probe(engine);
    engine.transfer(0, EndpointId{0}, EndpointId{1}, 50_GB, 0_s, probe, 0);  // 1 s
    engine.transfer(0, EndpointId{2}, EndpointId{3}, 25_GB, 0_s, probe, 1);  // 0.5 s
    probe.then = [&](std::uint64_t what) {
      if (what == 2) engine.stop();
    };
    engine.at(SimTime{750'000'000}, rank_of_step(0), probe, 2);
    engine.run();
    CHECK(probe.order() == std::vector<std::uint64_t>{1, 2});
    CHECK(engine.now() == SimTime{750'000'000});
    CHECK(engine.link_use()[0].busy.value() == doctest::Approx(0.75));  // the flow that was given up, until then
  }
}
