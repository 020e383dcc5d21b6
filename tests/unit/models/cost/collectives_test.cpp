#include "models/cost/collectives.hpp"

#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;

namespace {

Approx exactly(double value) { return Approx(value).epsilon(1e-12); }
double us(Seconds time) { return time.value() * 1e6; }

const models::KernelSet& kernels() {
  static const models::KernelSet set = test::round_chip().kernels;
  return set;
}

/// Two domains of four, each rank with a quarter of its domain's trunk.
GroupLinks two_domains(BytesPerSecond uplink) {
  return {.ranks = 8, .domains = 2, .port = 100_GBps, .uplink = uplink, .latency = 3_us};
}

}  // namespace

TEST_CASE("all-reduce: the smaller of one shot and two shots") {
  const GroupLinks links = test::one_domain(4, 100_GBps);
  SUBCASE("50 KB in one shot: 4 + 3 * (0.1 + 1) us; two would take 9.3 + 0.94 us") {
    CHECK(us(all_reduce_time(Bytes{50e3}, links, kernels().all_reduce)) == exactly(7.3));
  }
  SUBCASE("8 MB in two: 9.3 us + 1.5 * 8 MB / 80 GB/s; one would take 484 us") {
    CHECK(us(all_reduce_time(Bytes{8e6}, links, kernels().all_reduce)) == exactly(159.3));
  }
}

TEST_CASE("collectives: alone there is nothing to send") {
  const GroupLinks alone = test::one_domain(1, 100_GBps);
  CHECK(all_reduce_time(Bytes{8e6}, alone, kernels().all_reduce) == Seconds{0.0});
  CHECK(exchange_time({100, 2, 1000}, alone, kernels().dispatch) == Seconds{0.0});
  CHECK(stage_hop_time(Bytes{1e6}, alone) == Seconds{0.0});
}

TEST_CASE("all-reduce: across domains the slower network decides") {
  // Launches: 9 + 3 * 0.1 inside, 4 + 2 * 3 us of wire across. Inside 1.5 * 8 MB / 80 GB/s = 150 us.
  SUBCASE("25 GB/s a rank: 2 MB a rank, 2 * 1/2 * 2 MB / 25 GB/s = 80 us across") {
    CHECK(us(all_reduce_time(Bytes{8e6}, two_domains(25_GBps), kernels().all_reduce)) == exactly(169.3));
  }
  SUBCASE("10 GB/s a rank: 200 us across") {
    CHECK(us(all_reduce_time(Bytes{8e6}, two_domains(10_GBps), kernels().all_reduce)) == exactly(219.3));
  }
}

TEST_CASE("all-reduce: one rank a domain has no inner phase") {
  const GroupLinks links{.ranks = 2, .domains = 2, .port = 100_GBps, .uplink = 10_GBps, .latency = 3_us};
  // 4 + 2 * 3 us, and 2 * 1/2 * 8 MB / 10 GB/s.
  CHECK(us(all_reduce_time(Bytes{8e6}, links, kernels().all_reduce)) == exactly(810.0));
}

TEST_CASE("exchange: a rank sends all copies but its own share through its port") {
  // 100 tokens * 2 copies * 1,000 B, 7/8 of it to others at 50 GB/s: 3.5 us after 10 + 1 * log2 8 us.
  const ExchangeShape shape{.tokens_per_rank = 100, .copies = 2, .bytes_per_copy = 1000};
  CHECK(us(exchange_time(shape, test::one_domain(8, 100_GBps), kernels().dispatch)) == exactly(16.5));
  // Combine: 8 + 2 * 3 us.
  CHECK(us(exchange_time(shape, test::one_domain(8, 100_GBps), kernels().combine)) == exactly(17.5));
}

TEST_CASE("exchange: half of the copies cross between two domains") {
  // Inside 3/8 of 200 KB at 50 GB/s, 1.5 us; across 1/2 of it at 25 GB/s, 4 us; 13 us of launch and 3 us of wire.
  const ExchangeShape shape{.tokens_per_rank = 100, .copies = 2, .bytes_per_copy = 1000};
  CHECK(us(exchange_time(shape, two_domains(25_GBps), kernels().dispatch)) == exactly(20.0));
}

TEST_CASE("dispatch: a copy is as large as the experts' format makes it") {
  CHECK(dispatch_bytes(7168, models::GemmKind::Fp8Block) == 7168 + 224 + 16);
  CHECK(dispatch_bytes(7168, models::GemmKind::Int8) == 7168 + 224 + 16);
  CHECK(dispatch_bytes(7168, models::GemmKind::Nvfp4) == 3584 + 448);
  CHECK(dispatch_bytes(7168, models::GemmKind::W4a16) == 14336);
  CHECK(combine_bytes(7168) == 14336);
}

TEST_CASE("stage hop: launch and bytes and between domains the wire") {
  CHECK(us(stage_hop_time(Bytes{1e6}, test::one_domain(2, 100_GBps))) == exactly(17.7));  // 7.7 + 10
  CHECK(us(stage_hop_time(Bytes{1e6}, two_domains(25_GBps))) == exactly(62.7));           // 19.7 + 3 + 40
}
