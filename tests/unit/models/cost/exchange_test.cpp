#include "models/cost/exchange.hpp"

#include "tests/support/steps.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;
using models::ExchangeCopies;
using test::us;

namespace {

Approx exactly(double value) { return Approx(value).epsilon(1e-12); }

models::ExchangeKernel kernel(ExchangeCopies copies = ExchangeCopies::PerExpert) {
  models::ExchangeKernel one = test::round_chip().kernels.collectives.exchange(false);
  one.copies = copies;
  return one;
}

GroupLinks two_domains(BytesPerSecond uplink) {
  return {.ranks = 8, .domains = 2, .port = 100_GBps, .uplink = uplink, .latency = 3_us};
}

/// 100 tokens of 2 choices of 1,000 B: 200 KB.
const ExchangeShape kShape{.tokens_per_chip = 100, .choices = 2, .groups = 8, .bytes_per_copy = 1000};

}  // namespace

TEST_CASE("exchange: a rank sends all copies but its own share through its port") {
  // 7/8 of 200 KB to others at 50 GB/s: 3.5 us after 10 + 1 * log2 8 us.
  const GroupLinks links = test::one_domain(8, 100_GBps);
  CHECK(us(exchange_time(kShape, links, kernel(), Direction::Dispatch)) == exactly(16.5));
  CHECK(us(exchange_time(kShape, links, kernel(), Direction::Combine)) == exactly(17.5));  // 8 + 2 * 3 us
  CHECK(exchange_time(kShape, test::one_domain(1, 100_GBps), kernel(), Direction::Dispatch) == Seconds{0.0});
}

TEST_CASE("exchange: half of the copies cross between two domains") {
  // Inside 3/8 of 200 KB at 50 GB/s, 1.5 us; across 1/2 of it at 25 GB/s, 4 us; launch 12 + 1 us, wire 3 us.
  const GroupLinks links = two_domains(25_GBps);
  models::ExchangeKernel one = kernel();
  SUBCASE("one network after the other") {
    one.dispatch.overlap = 1.0;
    CHECK(us(exchange_time(kShape, links, one, Direction::Dispatch)) == exactly(21.5));
  }
  SUBCASE("the slower of both") {
    one.dispatch.overlap = 1e9;
    CHECK(us(exchange_time(kShape, links, one, Direction::Dispatch)) == exactly(20.0));
  }
  SUBCASE("on one plane they share the ports whatever the kernel") {
    one.dispatch.overlap = 1e9;
    GroupLinks shared = links;
    shared.one_plane = true;
    CHECK(us(exchange_time(kShape, shared, one, Direction::Dispatch)) == exactly(21.5));
  }
}

TEST_CASE("exchange: a launch may hide behind the bytes") {
  // 13 us of launch and 3.5 us of bytes, squares added.
  models::ExchangeKernel one = kernel();
  one.dispatch.norm = 2.0;
  CHECK(us(exchange_time(kShape, test::one_domain(8, 100_GBps), one, Direction::Dispatch)) ==
        exactly(std::sqrt(13.0 * 13.0 + 3.5 * 3.5)));
}

TEST_CASE("exchange: few SMs and not the link may be the limit") {
  // 2 SMs of 10 GB/s are less than half of 100 GB/s: 175 KB take 8.75 us. Each token costs another 20 ns.
  models::ExchangeKernel one = kernel();
  one.sms = 2;
  one.dispatch.rate_per_sm = 10_GBps;
  one.dispatch.per_token = Seconds{20e-9};
  CHECK(us(exchange_time(kShape, test::one_domain(8, 100_GBps), one, Direction::Dispatch)) ==
        exactly(13.0 + 8.75 + 2.0));
}

TEST_CASE("exchange: distinct ranks of two even draws among four") {
  CHECK(distinct_ranks(2, 4) == exactly(1.75));  // 4 * (1 - (3/4)^2)
  CHECK(distinct_ranks(8, 1) == 1.0);
  CHECK(distinct_ranks(2, 4, true) == 2.0);
  CHECK(distinct_ranks(8, 4, true) == 4.0);
  CHECK(distinct_ranks(8, 1e6) == Approx(8.0).epsilon(1e-5));
}

TEST_CASE("exchange: bytes depend on what a kernel copies") {
  const GroupLinks links = two_domains(25_GBps);
  SUBCASE("a copy an expert: 200 KB, 3/8 inside and 4/8 across") {
    const PortBytes sent = exchange_bytes(kShape, links, kernel());
    CHECK(sent.inside.value() == exactly(75e3));
    CHECK(sent.across.value() == exactly(100e3));
  }
  SUBCASE("a copy a rank: 8 * (1 - (7/8)^2) = 1.875 of them") {
    const PortBytes sent = exchange_bytes(kShape, links, kernel(ExchangeCopies::PerRank));
    CHECK(sent.inside.value() == exactly(1.875 * 100e3 * 3.0 / 8.0));
    CHECK(sent.across.value() == exactly(1.875 * 100e3 * 4.0 / 8.0));
  }
  SUBCASE("a copy a domain: 2 * (1 - 1/4) = 1.5 domains, half of them other ones; inside all but one in four") {
    const PortBytes sent = exchange_bytes(kShape, links, kernel(ExchangeCopies::PerDomain));
    CHECK(sent.inside.value() == exactly(1.875 * 100e3 * 3.0 / 4.0));
    CHECK(sent.across.value() == exactly(1.5 * 100e3 / 2.0));
  }
  SUBCASE("routing limited to one domain crosses with one copy in two") {
    ExchangeShape limited = kShape;
    limited.domain_limit = 1;
    CHECK(exchange_bytes(limited, links, kernel(ExchangeCopies::PerDomain)).across.value() == exactly(50e3));
  }
}

TEST_CASE("exchange: two ranks a chip are a group of twice as many with half of everything") {
  models::ExchangeKernel dies = kernel();
  dies.ranks_per_chip = 2;
  ExchangeShape half = kShape;
  half.tokens_per_chip = 50;
  half.groups = 16;
  CHECK(us(exchange_time(kShape, test::one_domain(8, 100_GBps), dies, Direction::Dispatch)) ==
        exactly(us(exchange_time(half, test::one_domain(16, 50_GBps), kernel(), Direction::Dispatch))));
}

TEST_CASE("dispatch: a copy is as large as the experts' format makes it") {
  CHECK(dispatch_bytes(7168, models::GemmKind::Fp8Block) == 7168 + 224 + 16);
  CHECK(dispatch_bytes(7168, models::GemmKind::Int8) == 7168 + 224 + 16);
  CHECK(dispatch_bytes(7168, models::GemmKind::Nvfp4) == 3584 + 448);
  CHECK(dispatch_bytes(7168, models::GemmKind::W4a16) == 14336);
  CHECK(dispatch_bytes(7168, models::GemmKind::W4a8) == 7168 + 224);  // one exponent for 32
  CHECK(combine_bytes(7168) == 14336);
}

TEST_CASE("exchange: more tokens or ranks take longer and better links never") {
  for (const ExchangeCopies copies : {ExchangeCopies::PerExpert, ExchangeCopies::PerRank, ExchangeCopies::PerDomain}) {
    const models::ExchangeKernel one = kernel(copies);
    Seconds before;
    for (double tokens = 1; tokens < 1e5; tokens *= 3) {
      ExchangeShape shape = kShape;
      shape.tokens_per_chip = tokens;
      const Seconds now = exchange_time(shape, two_domains(25_GBps), one, Direction::Dispatch);
      CHECK(now > before);
      before = now;
      CHECK(exchange_time(shape, two_domains(50_GBps), one, Direction::Dispatch) < now);
      ExchangeShape fewer = shape;
      fewer.groups = 4;
      CHECK(exchange_time(fewer, test::one_domain(4, 100_GBps), one, Direction::Dispatch) < now);
    }
  }
}
