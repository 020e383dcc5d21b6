#include "models/cost/collectives.hpp"

#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;
using models::Collective;

namespace {

Approx exactly(double value) { return Approx(value).epsilon(1e-12); }
double us(Seconds time) { return time.value() * 1e6; }

const models::CollectiveKernels& kernels() {
  static const models::CollectiveKernels set = test::round_chip().kernels.collectives;
  return set;
}
const models::LibraryCoefficients& library() { return kernels().used_library(); }

/// Two domains of four, each rank with a quarter of its domain's trunk.
GroupLinks two_domains(BytesPerSecond uplink) {
  return {.ranks = 8, .domains = 2, .port = 100_GBps, .uplink = uplink, .latency = 3_us};
}

const std::vector<Collective> kAll{Collective::AllReduce, Collective::AllGather, Collective::ReduceScatter,
                                   Collective::AllToAll};

}  // namespace

TEST_CASE("own all-reduce: the smaller of one shot and two shots") {
  const GroupLinks links = test::one_domain(4, 100_GBps);
  SUBCASE("50 KB in one shot: 4 + 3 * (0.1 + 1) us; two would take 9.3 + 0.94 us") {
    const CollectivePrice price = all_reduce(Bytes{50e3}, links, kernels());
    CHECK(us(price.time) == exactly(7.3));
    CHECK(price.algorithm == Algorithm::OneShot);
  }
  SUBCASE("8 MB in two: 9.3 us + 1.5 * 8 MB / 80 GB/s; one would take 484 us") {
    const CollectivePrice price = all_reduce(Bytes{8e6}, links, kernels());
    CHECK(us(price.time) == exactly(159.3));
    CHECK(price.algorithm == Algorithm::TwoShot);
  }
  SUBCASE("two ranks always in one: 8 MB are 4.1 us + 8 MB / 50 GB/s") {
    CHECK(us(all_reduce(Bytes{8e6}, test::one_domain(2, 100_GBps), kernels()).time) == exactly(164.1));
  }
}

TEST_CASE("all-reduce: a buffer that the engine's kernel does not take goes to the library") {
  // 10 MB > 8 MB. Ring: 10 + 3 * 2 us; X = 1.5 * 10 MB / 100 GB/s + 10 MB / 400 GB/s = 175 us; sqrt(7 us * X) = 35 us.
  models::CollectiveKernels limited = kernels();
  limited.all_reduces["own"].up_to = Bytes{8e6};
  const CollectivePrice price = all_reduce(Bytes{10e6}, test::one_domain(4, 100_GBps), limited);
  CHECK(all_reduce(Bytes{8e6}, test::one_domain(4, 100_GBps), limited).algorithm == Algorithm::TwoShot);
  CHECK(us(price.time) == exactly(16.0 + 175.0 + 35.0));
  CHECK(price.algorithm == Algorithm::Ring);
}

TEST_CASE("all-reduce: an engine may take one shot up to a size and the library above whatever is quicker") {
  models::CollectiveKernels forced = kernels();
  forced.one_shot_up_to = Bytes{8e6};
  const GroupLinks links = test::one_domain(4, 100_GBps);
  // 4 + 3 * 0.1 us and three times 8 MB at 50 GB/s; two shots would take 159.3 us.
  const CollectivePrice price = all_reduce(Bytes{8e6}, links, forced);
  CHECK(us(price.time) == exactly(4.3 + 480.0));
  CHECK(price.algorithm == Algorithm::OneShot);
  CHECK(all_reduce(Bytes{8e6 + 1}, links, forced).algorithm == Algorithm::Ring);
  // Two ranks keep to their own kernel.
  CHECK(all_reduce(Bytes{9e6}, test::one_domain(2, 100_GBps), forced).algorithm == Algorithm::OneShot);
}

TEST_CASE("library: each operation sends its share of the buffer") {
  // 8 MB over 4 ranks: all-gather, reduce-scatter and all-to-all 6 MB, all-reduce 12 MB out of each port.
  const GroupLinks links = test::one_domain(4, 100_GBps);
  for (const Collective op : kAll) {
    CAPTURE(models::name(op));
    const double expected = op == Collective::AllReduce ? 12e6 : 6e6;
    CHECK(port_bytes(op, Bytes{8e6}, links, Algorithm::Ring).inside.value() == exactly(expected));
    CHECK(port_bytes(op, Bytes{8e6}, links, Algorithm::Ring).across == Bytes{0.0});
  }
  CHECK(port_bytes(Collective::AllReduce, Bytes{8e6}, links, Algorithm::OneShot).inside == Bytes{24e6});
  CHECK(port_bytes(Collective::AllReduce, Bytes{8e6}, links, Algorithm::InNetwork).inside == Bytes{10e6});
}

TEST_CASE("library: what a two-level operation receives it gets either inside or across") {
  // An all-gather receives (n-1)/n of the buffer on each rank, an all-to-all sends (n-1)/n of it, whatever the domains.
  for (const std::uint32_t domains : {1U, 2U, 4U}) {
    GroupLinks links = two_domains(25_GBps);
    links.domains = domains;
    const PortBytes exchanged = port_bytes(Collective::AllToAll, Bytes{8e6}, links, Algorithm::TwoLevel);
    CHECK((exchanged.inside + exchanged.across).value() == exactly(7e6));
  }
}

TEST_CASE("library: domains that send to each other directly take two latencies of the wire however many they are") {
  models::LibraryCoefficients direct = library();
  direct.two_level = {.launch = 3_us, .across_eff = 1.0, .direct = true};
  GroupLinks links = two_domains(25_GBps);
  links.latency = 2_us;
  for (const std::uint32_t domains : {2U, 4U, 8U}) {
    links.domains = domains;
    // A byte: the wire's time is nothing. 3 us + 2 * 2 us, and along a tree 2 * log2(d) * 2 us.
    CHECK(us(library_time(Collective::AllReduce, Bytes{1.0}, links, direct).time) ==
          doctest::Approx(7.0).epsilon(1e-3));
    models::LibraryCoefficients tree = direct;
    tree.two_level.direct = false;
    CHECK(us(library_time(Collective::AllReduce, Bytes{1.0}, links, tree).time) ==
          doctest::Approx(3.0 + 4.0 * std::log2(domains)).epsilon(1e-3));
  }
}

TEST_CASE("library: hops through the host's memory reach a share of the link") {
  // 8 MB over 4 ranks, a quarter of 100 GB/s: X = 12 MB / 25 GB/s + 8 MB / 400 GB/s = 500 us; 10 us + 3 * 2 us; fill 0.
  models::LibraryCoefficients host = library();
  for (models::RingCoefficients& ring : host.ring) ring.eff = 0.25;
  for (models::RingCoefficients& ring : host.ring) ring.fill = Seconds{};
  const CollectivePrice price = library_time(Collective::AllReduce, Bytes{8e6}, test::one_domain(4, 100_GBps), host);
  CHECK(us(price.time) == exactly(516.0));
}

TEST_CASE("library: switches that add beat the ring only where the plane has them") {
  GroupLinks links = test::one_domain(8, 100_GBps);
  const CollectivePrice ring = library_time(Collective::AllReduce, Bytes{80e6}, links, library());
  CHECK(ring.algorithm == Algorithm::Ring);
  links.in_network_reduction = true;
  // X = 1.125 * 80 MB / (0.9 * 100 GB/s) = 1,000 us; sqrt(40 us * X) = 200 us; 12 us of launch.
  const CollectivePrice switches = library_time(Collective::AllReduce, Bytes{80e6}, links, library());
  CHECK(switches.algorithm == Algorithm::InNetwork);
  CHECK(us(switches.time) == exactly(1212.0));
  CHECK(library_time(Collective::AllReduce, Bytes{1e6}, links, library()).algorithm == Algorithm::Ring);
}

TEST_CASE("library: above eight ranks the launch is that of a tree") {
  // 64 ranks: 2 * log2 64 = 12 hops of 2 us and not 63. X = 2 * 63/64 * 64 KB / 100 GB/s + 64 KB / 400 GB/s = 1.42 us.
  const CollectivePrice price =
      library_time(Collective::AllReduce, Bytes{64e3}, test::one_domain(64, 100_GBps), library());
  const double wire = 2.0 * 63.0 / 64.0 * 0.64 + 0.16;
  CHECK(us(price.time) == exactly(10.0 + 24.0 + wire + std::sqrt(7.0 * wire)));
  CHECK(price.algorithm == Algorithm::Tree);
  CHECK(price.extrapolated);
}

TEST_CASE("library: across domains the slower network decides") {
  // Launch 50 us + 2 * 3 us of wire. Inside X = 1.5 * 8 MB / 100 GB/s + 8 MB / 400 GB/s = 140 us.
  const auto time = [&](BytesPerSecond uplink) {
    return us(library_time(Collective::AllReduce, Bytes{8e6}, two_domains(uplink), library()).time);
  };
  SUBCASE("25 GB/s a rank: 2 * 1/2 * 2 MB / (0.8 * 25 GB/s) = 100 us across are hidden") {
    CHECK(time(25_GBps) == exactly(56.0 + 140.0 + std::sqrt(140.0 * 140.0)));
  }
  SUBCASE("5 GB/s a rank: 500 us across") { CHECK(time(5_GBps) == exactly(56.0 + 500.0 + std::sqrt(140.0 * 500.0))); }
}

TEST_CASE("library: one plane carries both phases") {
  // The ports that send inside are those that send across: 140 + 100 us.
  GroupLinks links = two_domains(25_GBps);
  links.one_plane = true;
  CHECK(us(library_time(Collective::AllReduce, Bytes{8e6}, links, library()).time) ==
        exactly(56.0 + 240.0 + std::sqrt(140.0 * 240.0)));
}

TEST_CASE("library: one rank a domain has no inner phase") {
  const GroupLinks links{.ranks = 2, .domains = 2, .port = 100_GBps, .uplink = 10_GBps, .latency = 3_us};
  // 2 * 1/2 * 8 MB / (0.8 * 10 GB/s) = 1,000 us.
  CHECK(us(library_time(Collective::AllReduce, Bytes{8e6}, links, library()).time) ==
        exactly(56.0 + 1000.0 + std::sqrt(140.0 * 1000.0)));
}

TEST_CASE("collectives: alone there is nothing to send") {
  const GroupLinks alone = test::one_domain(1, 100_GBps);
  CHECK(all_reduce(Bytes{8e6}, alone, kernels()).time == Seconds{0.0});
  for (const Collective op : kAll) CHECK(library_time(op, Bytes{8e6}, alone, library()).time == Seconds{0.0});
  CHECK(hop_time(Bytes{1e6}, alone, library().point_to_point) == Seconds{0.0});
}

TEST_CASE("collectives: more bytes take longer and more ranks too and a better link never") {
  for (const Collective op : kAll) {
    CAPTURE(models::name(op));
    Seconds before;
    for (double size = 1e3; size < 2e10; size *= 1.7) {
      const Seconds now = library_time(op, Bytes{size}, test::one_domain(8, 100_GBps), library()).time;
      CHECK(now > before);
      before = now;
      CHECK(library_time(op, Bytes{size}, test::one_domain(8, 200_GBps), library()).time < now);
      CHECK(library_time(op, Bytes{size}, test::one_domain(4, 100_GBps), library()).time < now);
      const Seconds apart = library_time(op, Bytes{size}, two_domains(25_GBps), library()).time;
      CHECK(library_time(op, Bytes{size}, two_domains(50_GBps), library()).time <= apart);
    }
  }
}

TEST_CASE("hop: launch and bytes and between domains the wire") {
  const auto& hop = library().point_to_point;
  CHECK(us(hop_time(Bytes{1e6}, test::one_domain(2, 100_GBps), hop)) == exactly(18.0));  // 8 + 10
  CHECK(us(hop_time(Bytes{1e6}, two_domains(25_GBps), hop)) == exactly(63.0));           // 20 + 3 + 40
}

TEST_CASE("all-reduce: ranks that an engine's kernel does not take go to the library whatever the size") {
  for (double size = 1024; size <= 1e9; size *= 4) {
    CAPTURE(size);
    CHECK(all_reduce(Bytes{size}, test::one_domain(8, 100_GBps), kernels()).algorithm <= Algorithm::TwoShot);
    for (const std::uint32_t ranks : {9U, 72U, 9216U}) {
      const GroupLinks links = test::one_domain(ranks, 100_GBps);
      const CollectivePrice price = all_reduce(Bytes{size}, links, kernels());
      CHECK(price.time == library_time(Collective::AllReduce, Bytes{size}, links, library()).time);
    }
  }
  models::CollectiveKernels wide = kernels();
  wide.all_reduces["own"].most_ranks = 72;
  CHECK(all_reduce(Bytes{50e3}, test::one_domain(72, 100_GBps), wide).algorithm <= Algorithm::TwoShot);
  wide.one_shot_up_to = Bytes{8e6};
  CHECK(all_reduce(Bytes{50e3}, test::one_domain(73, 100_GBps), wide).algorithm == Algorithm::Tree);
}

TEST_CASE("all-reduce: time never falls as the message grows among more ranks than engines' kernels take") {
  for (const std::uint32_t ranks : {9U, 16U, 72U, 9216U}) {
    CAPTURE(ranks);
    Seconds before;
    for (double size = 256; size < 1e10; size *= 1.3) {
      const Seconds now = all_reduce(Bytes{size}, test::one_domain(ranks, 100_GBps), kernels()).time;
      CHECK(now >= before);
      before = now;
    }
  }
}

TEST_CASE("collectives: latency beyond that of the domain they were measured in is added once a message that waits") {
  models::CollectiveKernels measured = kernels();
  models::LibraryCoefficients& table = measured.libraries["library"];
  table.latency = table.point_to_point.latency = measured.all_reduces["own"].latency = 1_us;
  GroupLinks links = test::one_domain(4, 100_GBps);
  const auto longer = [&](const auto& price) {
    links.latency_inside = links.neighbour = 1_us;
    const double before = us(price());
    links.latency_inside = links.neighbour = 3_us;  // 2 us more
    return us(price()) - before;
  };
  const auto near = [](double value) { return Approx(value).epsilon(1e-9); };
  // One message in one shot, two in two shots, 2 * 3 around an all-reduce's ring, 3 around the others', one to each.
  CHECK(longer([&] { return all_reduce(Bytes{50e3}, links, measured).time; }) == near(2.0));
  CHECK(longer([&] { return all_reduce(Bytes{8e6}, links, measured).time; }) == near(4.0));
  CHECK(longer([&] { return library_time(Collective::AllReduce, Bytes{8e6}, links, table).time; }) == near(12.0));
  CHECK(longer([&] { return library_time(Collective::AllGather, Bytes{8e6}, links, table).time; }) == near(6.0));
  CHECK(longer([&] { return library_time(Collective::AllToAll, Bytes{8e6}, links, table).time; }) == near(2.0));
  CHECK(longer([&] { return hop_time(Bytes{8e6}, links, table.point_to_point); }) == near(2.0));
  // 64 ranks: a tree of 6 levels, up and down.
  links.ranks = 64;
  CHECK(longer([&] { return library_time(Collective::AllReduce, Bytes{64e3}, links, table).time; }) == near(24.0));
  // Across domains the phases inside, a reduce-scatter and an all-gather.
  links = two_domains(25_GBps);
  CHECK(longer([&] { return library_time(Collective::AllReduce, Bytes{8e6}, links, table).time; }) > 3.9);
  // Where a table does not say, or a domain has less, nothing is added.
  links = test::one_domain(4, 100_GBps);
  CHECK(longer([&] { return library_time(Collective::AllReduce, Bytes{8e6}, links, library()).time; }) == near(0.0));
  CHECK(beyond_measured(1_us, 2.0, 1_us) == Seconds{0.0});
}

TEST_CASE("collectives: in a torus a ring goes from neighbour to neighbour and a tree the longest way twice") {
  models::LibraryCoefficients table = library();
  table.latency = 1_us;
  GroupLinks links = test::one_domain(4, 100_GBps);
  links.neighbour = 1_us;
  links.latency_inside = 20_us;
  const Seconds ring = library_time(Collective::AllReduce, Bytes{8e6}, links, table).time;
  CHECK(ring == library_time(Collective::AllReduce, Bytes{8e6}, links, library()).time);
  links.ranks = 64;  // 2 * 20 us, of which the launches hold 12 steps of 1 us
  const Seconds tree = library_time(Collective::AllReduce, Bytes{64e3}, links, table).time -
                       library_time(Collective::AllReduce, Bytes{64e3}, links, library()).time;
  CHECK(us(tree) == Approx(28.0).epsilon(1e-9));
}

TEST_CASE("library: an all-to-all is sent directly") {
  CHECK(library_time(Collective::AllToAll, Bytes{8e6}, test::one_domain(8, 100_GBps), library()).algorithm ==
        Algorithm::Direct);
  CHECK(library_time(Collective::AllToAll, Bytes{8e6}, two_domains(25_GBps), library()).algorithm == Algorithm::Direct);
  CHECK(name(Algorithm::Direct) == "direct");
}
