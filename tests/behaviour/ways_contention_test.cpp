#include "sim/engine/engine.hpp"
#include "sim/serving/contention.hpp"
#include "tests/support/flow_probe.hpp"
#include "tests/support/unmoved_steps.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::literals;
using tokenyard::engine::Engine;
using tokenyard::serving::Contention;
using tokenyard::tests::flow_network;
using tokenyard::tests::FlowProbe;

// Ways between chips of attention (endpoint 0, two of them) and of FFN (endpoint 1, one), and KV flows from and to
// endpoint 2, on links of 1 GB/s. A step of 10 ms sends 1 MB out of each attention chip, and 3 MB come back.
namespace {

const auto kNetwork = flow_network(1, 3, 1_GBps, 0_GBps);
constexpr EndpointId kAttention{0};
constexpr EndpointId kFfn{1};
constexpr EndpointId kOther{2};

/// What one KV flow of 10 MB meets.
struct Seen {
  Contention::Delay delay;
  double flow_s = 0;
};

Seen see(EndpointId from, EndpointId to) {
  cost::Communication sends;
  sends.ways.out.add(1.0, {.inside = 1_MB}, {});
  sends.ways.back.add(1.0, {.inside = 3_MB}, {});
  serving::Footprint footprint{.nics = {{kAttention, 2}, {kFfn, 1, true}}, .ffn_share = 2.0};
  footprint.on_plane.expert.inside = true;
  Engine engine({kNetwork});
  Contention links(engine, 0, kNetwork, {footprint});
  engine.watch(&links);
  test::UnmovedSteps steps;
  links.join(InstanceId{0}, steps);
  Seen seen;
  FlowProbe probe(engine);
  probe.then = [&](std::uint64_t what) {
    if (what == 1) {
      seen.flow_s = static_cast<double>(engine.now().ns()) * 1e-9;
      return;
    }
    seen.delay = links.delay(InstanceId{0}, sends);
    links.runs(InstanceId{0}, sends, 10_ms);
  };
  engine.transfer(0, from, to, 10_MB, 0_s, probe, 1);
  engine.at(SimTime{1}, 0, probe, 0);
  engine.run();
  return seen;
}

}  // namespace

TEST_CASE("contention: a cache that comes to attention chips meets the ways back alone") {
  // Beside one flow 2 x 3 MB take 6 ms longer. Of the link 1 GB/s - 6 MB / 10 ms are left, but no less than half.
  const Seen seen = see(kOther, kAttention);
  CHECK(seen.delay.back.value() == doctest::Approx(6e-3));
  CHECK(seen.delay.out == Seconds{});
  CHECK(seen.delay.held_up == Seconds{});
  CHECK(seen.flow_s == doctest::Approx(10e6 / 0.5e9).epsilon(1e-4));
}

TEST_CASE("contention: a cache that leaves attention chips meets the ways out alone") {
  const Seen seen = see(kAttention, kOther);
  CHECK(seen.delay.out.value() == doctest::Approx(2e-3));
  CHECK(seen.delay.back == Seconds{});
  CHECK(seen.flow_s == doctest::Approx(10e6 / 0.8e9).epsilon(1e-4));
}

TEST_CASE("contention: at FFN chips the ways come from all attention chips") {
  // One chip gets the 2 MB of both attention chips: 0.8 GB/s are left. It has one flow of 1 MB from each.
  const Seen seen = see(kOther, kFfn);
  CHECK(seen.delay.out.value() == doctest::Approx(1e-3));
  CHECK(seen.flow_s == doctest::Approx(10e6 / 0.8e9).epsilon(1e-4));
}
