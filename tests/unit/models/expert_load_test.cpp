#include "models/llm/expert_load.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::models;
using doctest::Approx;

namespace {

ExpertLoad measured(std::vector<double> shares, Eplb eplb = Eplb::Off) {
  return {.routing = Routing::Measured, .shares = std::move(shares), .eplb = eplb};
}

}  // namespace

TEST_CASE("expert load: measured groups of neighbours by hand") {
  // 4 experts with 1, 1, 2, 4 of 8 on two ranks: the second has 6 of a mean of 4; on four ranks 4 of 2.
  CHECK(fullest_rank(measured({1, 1, 2, 4}), 4, 0, 2) == Approx(1.5));
  CHECK(fullest_rank(measured({1, 1, 2, 4}), 4, 0, 4) == Approx(2.0));
  CHECK(fullest_rank(measured({1, 1, 2, 4}), 4, 0, 1) == 1.0);
}

TEST_CASE("expert load: the balancer packs and replicates as its source says") {
  // Packed on two ranks: 4 | 2, then 1 to the lighter, the last to the rank with a place: 4 + 1 | 2 + 1: 5 of 4.
  CHECK(fullest_rank(measured({1, 1, 2, 4}, Eplb::On), 4, 0, 2) == Approx(1.25));
  // Two replicas more: the 4 becomes 2 + 2, then the next heaviest of 2, 2, 2 by index is the third expert: 1 + 1.
  // Loads 2, 2, 1, 1, 1, 1 on two ranks of three: 2 + 1 + 1 each.
  CHECK(fullest_rank(measured({1, 1, 2, 4}, Eplb::On), 4, 2, 2) == Approx(1.0));
}

TEST_CASE("expert load: the power law's shares fall and add up to 1") {
  for (const double alpha : {0.0, 0.6, 1.0, 1.2}) {
    const auto shares = expert_shares({.routing = Routing::PowerLaw, .alpha = alpha}, 256);
    CHECK(std::accumulate(shares.begin(), shares.end(), 0.0) == Approx(1.0));
    CHECK(std::is_sorted(shares.rbegin(), shares.rend()));
  }
  // Density x^-0 on [1, 1000] is uniform: the largest quantile of two is (0.75 * 999 + 1), the other (0.25 * 999 + 1).
  const auto flat = expert_shares({.routing = Routing::PowerLaw, .alpha = 0.0}, 2);
  CHECK(flat[0] / flat[1] == Approx(750.25 / 250.75));
}

TEST_CASE("expert load: balancing and replicas never make the fullest rank fuller and nobody beats the mean") {
  for (const double alpha : {0.3, 0.6, 1.2}) {
    const ExpertLoad off{.routing = Routing::PowerLaw, .alpha = alpha};
    ExpertLoad on = off;
    on.eplb = Eplb::On;
    const double unbalanced = fullest_rank(off, 256, 0, 32);
    const double balanced = fullest_rank(on, 256, 0, 32);
    const double replicated = fullest_rank(on, 256, 32, 32);
    CHECK(unbalanced > balanced);
    CHECK(balanced >= replicated);
    CHECK(replicated >= 1.0);
  }
}

TEST_CASE("expert load: more ranks are less even without a balancer") {
  const ExpertLoad load{.routing = Routing::PowerLaw, .alpha = 0.6};
  double last = 1.0;
  for (const std::uint32_t ranks : {2U, 8U, 32U, 128U}) {
    const double now = fullest_rank(load, 256, 0, ranks);
    CHECK(now > last);
    last = now;
  }
}

TEST_CASE("expert load: balanced and ideal are even") {
  CHECK(fullest_rank({.routing = Routing::Balanced}, 256, 0, 64) == 1.0);
  CHECK(fullest_rank({.routing = Routing::PowerLaw, .alpha = 1.2, .eplb = Eplb::Ideal}, 256, 32, 72) == 1.0);
}

TEST_CASE("expert load: what cannot be is refused") {
  CHECK_THROWS_AS(validate(measured({1, 2}), 4, 0), SpecError);
  CHECK_THROWS_AS(validate(measured({0, 0, 0, 0}), 4, 0), SpecError);
  CHECK_THROWS_AS(validate(measured({1, -1, 0, 0}), 4, 0), SpecError);
  CHECK_THROWS_AS(validate({.routing = Routing::PowerLaw, .alpha = 11.0}, 4, 0), SpecError);
  CHECK_THROWS_AS(validate({.routing = Routing::Balanced}, 4, 4), SpecError);  // replicas without a balancer
  CHECK_NOTHROW(validate({.routing = Routing::Balanced, .eplb = Eplb::On}, 4, 4));
}
