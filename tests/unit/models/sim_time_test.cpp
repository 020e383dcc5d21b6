#include "models/base/sim_time.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::literals;

TEST_CASE("sim time: seconds become the nearest nanosecond") {
  CHECK(SimTime::from(1_us).ns() == 1000);
  CHECK(SimTime::from(Seconds{1.4e-9}).ns() == 1);
  CHECK(SimTime::from(Seconds{1.6e-9}).ns() == 2);
}

TEST_CASE("sim time: halves go away from zero") {
  // 2^-1 ns is exact in binary once scaled: 0.5e-9 * 1e9 rounds to 0.5.
  CHECK(SimTime::from(Seconds{0.5e-9}).ns() == 1);
  CHECK(SimTime::from(Seconds{-0.5e-9}).ns() == -1);
}

TEST_CASE("sim time: sums do not depend on their order") {
  // The same three spans as doubles: (0.1 + 0.2) + 0.3 and 0.1 + (0.2 + 0.3) differ in the last bit.
  const SimTime a = SimTime::from(Seconds{0.1});
  const SimTime b = SimTime::from(Seconds{0.2});
  const SimTime c = SimTime::from(Seconds{0.3});
  CHECK((a + b) + c == a + (b + c));
  CHECK(((a + b) + c).ns() == 600'000'000);
}

TEST_CASE("sim time: k steps at once are k steps one by one") {
  const SimTime step = SimTime::from(Seconds{7.3e-3});
  SimTime sum;
  for (int i = 0; i < 1000; ++i) sum += step;
  CHECK(sum == step * 1000);
  CHECK(sum.seconds().value() == doctest::Approx(7.3).epsilon(1e-15));
}

TEST_CASE("sim time: never is after everything") { CHECK(SimTime::from(Seconds{9.0e9}) < SimTime::never()); }
