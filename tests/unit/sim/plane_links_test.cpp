#include "sim/engine/plane_links.hpp"

#include "models/base/errors.hpp"
#include "tests/support/flow_probe.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::engine;
using namespace tokenyard::literals;
using tokenyard::tests::flow_network;

namespace {

/// Two pods of two domains with an endpoint each.
topologies::FlowNetwork pods() {
  topologies::FlowNetwork network = flow_network(4, 1, 10_GBps, 20_GBps);
  network.pods = {{.name = "pod 0", .trunk = 8_GBps}, {.name = "pod 1", .trunk = 9_GBps}};
  for (std::uint32_t d = 0; d < 4; ++d) network.domains[d].pod = d / 2;
  network.endpoints[3].receive = 5_GBps;
  return network;
}

std::vector<std::uint32_t> route(const PlaneLinks& links, std::uint32_t from, std::uint32_t to) {
  const Route route = links.route(EndpointId{from}, EndpointId{to});
  return {route.begin(), route.end()};
}

}  // namespace

TEST_CASE("plane links: each has a number and each number its link") {
  const PlaneLinks links(pods());
  CHECK(links.count() == 2 * (2 + 4 + 4));
  for (std::uint32_t number = 0; number < links.count(); ++number) CHECK(links.number(links.place(number)) == number);
  using Of = LinkPlace::Of;
  CHECK(links.bandwidth(links.number({.of = Of::Pod, .index = 1, .up = false})) == 9_GBps);
  CHECK(links.bandwidth(links.number({.of = Of::Domain, .index = 3, .up = true})) == 20_GBps);
  CHECK(links.bandwidth(links.number({.of = Of::Endpoint, .index = 3, .up = true})) == 10_GBps);
  CHECK(links.bandwidth(links.number({.of = Of::Endpoint, .index = 3, .up = false})) == 5_GBps);
  CHECK_THROWS_AS((void)links.number({.of = Of::Endpoint, .index = 4, .up = true}), BugError);
}

TEST_CASE("plane links: a route leaves at one end and comes in at the other by the trunks that lie between") {
  // Numbers: pods 0-3, domains 4-11, endpoints 12-19; up is even.
  const PlaneLinks links(pods());
  CHECK(route(links, 0, 1) == std::vector<std::uint32_t>{12, 15, 4, 7});
  CHECK(route(links, 3, 0) == std::vector<std::uint32_t>{18, 13, 10, 5, 2, 1});
  const PlaneLinks flat(flow_network(1, 3, 10_GBps, 0_GBps));  // one domain: endpoints from 2 on
  CHECK(route(flat, 2, 0) == std::vector<std::uint32_t>{6, 3});
}

TEST_CASE("plane links: two domains meet only if both have a trunk and two pods likewise") {
  topologies::FlowNetwork network = flow_network(3, 1, 50_GBps, 20_GBps);
  network.domains[1].trunk = 0_GBps;
  const PlaneLinks links(network);
  CHECK(links.connects(EndpointId{0}, EndpointId{2}));
  CHECK_FALSE(links.connects(EndpointId{0}, EndpointId{1}));
  CHECK_FALSE(links.connects(EndpointId{1}, EndpointId{2}));
  CHECK(links.connects(EndpointId{1}, EndpointId{1}));
  network = pods();
  network.pods[1].trunk = 0_GBps;
  const PlaneLinks apart(network);
  CHECK(apart.connects(EndpointId{2}, EndpointId{3}));
  CHECK_FALSE(apart.connects(EndpointId{1}, EndpointId{2}));
}
