#include "sim/engine/engine.hpp"
#include "sim/serving/contention.hpp"
#include "tests/support/flow_probe.hpp"
#include "tests/support/unmoved_steps.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace tokenyard;
using namespace tokenyard::literals;
using tokenyard::engine::Engine;
using tokenyard::serving::Contention;
using tokenyard::tests::FlowProbe;

// Two leaf domains with trunks of 2 GB/s. An instance has two chips in each (endpoints 1 and 3) and sends 1 MB from
// every chip to the other domain in a step of 4 ms, to one peer. KV flows go from endpoint 0 in the first domain to
// another one there (2) or to the second domain (3 or 4). Every endpoint has 10 GB/s.
namespace {

constexpr EndpointId kSender{0};
constexpr EndpointId kNeighbour{2};
constexpr EndpointId kFarRank{3};
constexpr EndpointId kFarOther{4};

topologies::FlowNetwork network() {
  topologies::FlowNetwork net{.plane = "ib",
                              .domains = {{.name = "a", .trunk = 2_GBps}, {.name = "b", .trunk = 2_GBps}}};
  for (const std::uint32_t domain : {0U, 0U, 0U, 1U, 1U}) {
    net.endpoints.push_back({.name = "e", .domain = domain, .bandwidth = 10_GBps});
  }
  return net;
}

struct Seen {
  Contention::Delay delay;
  double flow_s = 0;
};

/// What a KV flow of 15 MB meets, and the step that it meets. `other_end`: of a second flow like it.
Seen see(EndpointId to, std::optional<EndpointId> other_end = {}) {
  cost::Communication sends;
  sends.expert.add(1.0, {.across = 1_MB}, {});
  serving::Footprint footprint{.nics = {{EndpointId{1}, 2}, {kFarRank, 2}}};
  footprint.on_plane.expert.across = true;
  Engine engine({network()});
  Contention links(engine, 0, network(), {footprint});
  engine.watch(&links);
  test::UnmovedSteps steps;
  links.join(InstanceId{0}, steps);
  Seen seen;
  FlowProbe probe(engine);
  probe.then = [&](std::uint64_t what) {
    if (what == 1) seen.flow_s = static_cast<double>(engine.now().ns()) * 1e-9;
    if (what != 0) return;
    seen.delay = links.delay(InstanceId{0}, sends);
    links.runs(InstanceId{0}, sends, 4_ms);
  };
  engine.transfer(0, kSender, to, 15_MB, 0_s, probe, 1);
  if (other_end) engine.transfer(0, kSender, *other_end, 15_MB, 0_s, probe, 2);
  engine.at(SimTime{1}, 0, probe, 0);
  engine.run();
  return seen;
}

constexpr double kRounding = 1e-6;  // a flow of 10 ms sees full links for its first nanosecond

}  // namespace

TEST_CASE("contention: a flow finds of a trunk what an exchange between its domains leaves") {
  // Two chips of a domain put 2 MB in 4 ms on its trunk, 0.5 GB/s: 1.5 are left, more than the flow's fair third of 2.
  // 15 MB take 10 ms. Beside it 1 MB a chip takes 1 MB / 2 GB/s = 0.5 ms longer; the ports, five times as wide, less.
  const Seen seen = see(kFarOther);
  CHECK(seen.flow_s == doctest::Approx(10e-3).epsilon(kRounding));
  CHECK(seen.delay.held_up.value() == doctest::Approx(0.5e-3));
}

TEST_CASE("contention: a flow that stays in a domain meets nothing that leaves it") {
  const Seen seen = see(kNeighbour);
  CHECK(seen.flow_s == doctest::Approx(1.5e-3).epsilon(kRounding));  // 15 MB at 10 GB/s
  CHECK(seen.delay.held_up.value() == 0.0);
}

TEST_CASE("contention: two flows on a trunk share what is left of it and hold the exchange up twice") {
  // 1.5 GB/s for both: 0.75 each, 20 ms; the step waits 2 * 1 MB / 2 GB/s = 1 ms.
  const Seen seen = see(kFarOther, kFarRank);
  CHECK(seen.flow_s == doctest::Approx(20e-3).epsilon(kRounding));
  CHECK(seen.delay.held_up.value() == doctest::Approx(1e-3));
}
