#include "sim/engine/link_meter.hpp"

#include "tests/support/flow_probe.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::engine;
using namespace tokenyard::literals;
using tokenyard::tests::flow_network;

TEST_CASE("link meter: overlapping flows are busy time once and bytes twice") {
  LinkMeter meter(flow_network(1, 3, 50_GBps, 0_GBps));
  const EndpointId a{0};
  const EndpointId b{1};
  const EndpointId c{2};
  meter.begin(a, b, SimTime{100});
  meter.begin(a, c, SimTime{150});
  meter.end(a, b, 10_B, SimTime{100}, SimTime{200});
  meter.end(a, c, 20_B, SimTime{150}, SimTime{300});  // a up busy 100 to 300
  meter.begin(a, b, SimTime{400});                    // and from 400 to now
  const std::vector<LinkUse> rows = meter.rows(SimTime{450});
  REQUIRE(rows.size() == 6);  // no trunk: no row of the domain
  CHECK(rows[0].link == "e0 up");
  CHECK(rows[0].carried == 30_B);
  CHECK(rows[0].busy.value() == doctest::Approx(250e-9));
  CHECK(rows[1].busy == 0_s);
  CHECK(rows[3].link == "e1 down");
  CHECK(rows[3].carried == 10_B);
  CHECK(rows[3].busy.value() == doctest::Approx(150e-9));
  CHECK(rows[5].busy.value() == doctest::Approx(150e-9));
}

TEST_CASE("link meter: a domain without a trunk has no row") {
  topologies::FlowNetwork network = flow_network(3, 1, 50_GBps, 20_GBps);
  network.domains[1].trunk = 0_GBps;
  CHECK(LinkMeter(network).rows(SimTime{0}).size() == 2 * 2 + 3 * 2);
}

TEST_CASE("link meter: a flow's bytes count evenly in the intervals of its time") {
  LinkMeter meter(flow_network(1, 2, 50_GBps, 0_GBps), SimTime{100});
  const EndpointId a{0};
  const EndpointId b{1};
  meter.begin(a, b, SimTime{50});
  meter.end(a, b, 60_B, SimTime{50}, SimTime{350});  // 50 + 100 + 100 + 50 of 300 ns
  meter.begin(a, b, SimTime{360});
  meter.end(a, b, 7_B, SimTime{360}, SimTime{390});
  const LinkUse up = meter.rows(SimTime{400})[0];
  CHECK(up.place.up);
  CHECK(up.interval == SimTime{100});
  REQUIRE(up.per_interval.size() == 4);
  CHECK(up.per_interval[0] == doctest::Approx(10.0));
  CHECK(up.per_interval[1] == doctest::Approx(20.0));
  CHECK(up.per_interval[2] == doctest::Approx(20.0));
  CHECK(up.per_interval[3] == doctest::Approx(17.0));
}

TEST_CASE("byte series: a long one keeps its sum in at most 4096 intervals") {
  ByteSeries series(SimTime{10});
  for (std::int64_t i = 0; i < 9000; ++i) series.add(SimTime{10 * i}, SimTime{10 * i + 10}, 1.0);
  CHECK(series.interval() == SimTime{40});
  CHECK(series.bytes().size() <= ByteSeries::kMost);
  double sum = 0.0;
  for (const double bytes : series.bytes()) sum += bytes;
  CHECK(sum == doctest::Approx(9000.0));
  CHECK(series.bytes()[10] == doctest::Approx(4.0));
}

TEST_CASE("link meter: bytes that trickle count for the links of their way and keep none busy") {
  LinkMeter meter(flow_network(2, 1, 50_GBps, 20_GBps), SimTime{100});
  meter.count(EndpointId{0}, EndpointId{1}, 300_B, SimTime{50}, SimTime{200}, Traffic::Request);
  int links = 0;
  for (const LinkUse& use : meter.rows(SimTime{400})) {
    const bool on_way = use.link == "e0 up" || use.link == "e1 down" || use.link == "d0 up" || use.link == "d1 down";
    links += on_way ? 1 : 0;
    CHECK(use.requests == (on_way ? 300_B : 0_B));
    CHECK(use.carried == 0_B);
    CHECK(use.busy == 0_s);
    if (on_way) CHECK(use.requests_per_interval == std::vector<double>{100.0, 200.0, 0.0});  // 50 and 100 of 150 ns
  }
  CHECK(links == 4);
}
