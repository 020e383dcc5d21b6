#include "models/llm/expert_load.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::models;

namespace {

ExpertLoad measured(std::vector<double> shares, Eplb eplb = Eplb::Off) {
  return {.routing = Routing::Measured, .shares = std::move(shares), .eplb = eplb};
}

}  // namespace

TEST_CASE("expert load: what cannot be is refused") {
  CHECK_THROWS_AS(validate(measured({1, 2}), 4, 0), SpecError);
  CHECK_THROWS_AS(validate(measured({0, 0, 0, 0}), 4, 0), SpecError);
  CHECK_THROWS_AS(validate(measured({1, -1, 0, 0}), 4, 0), SpecError);
  CHECK_THROWS_AS(validate({.routing = Routing::PowerLaw, .alpha = 11.0}, 4, 0), SpecError);
  CHECK_THROWS_AS(validate({.routing = Routing::LogNormal, .sigma = 5.5}, 4, 0), SpecError);
  CHECK_THROWS_AS(validate({.routing = Routing::LogNormal, .sigma = 1.0, .drift = 1.5}, 4, 0), SpecError);
  CHECK_THROWS_AS(validate({.routing = Routing::Balanced}, 4, 4), SpecError);  // replicas without a balancer
  CHECK_NOTHROW(validate({.routing = Routing::Balanced, .eplb = Eplb::On}, 4, 4));
}
