#include "sim/claims/expression.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <string>

using namespace tokenyard;
using claims::Quantity;

namespace {

/// a = 6 with an error of 0.3, b = 2 with 0.4, list = 1 2 4 8, squares = its squares.
Quantity look_up(const std::string& name) {
  if (name == "run.a") return {{6.0}, 0.3};
  if (name == "run.b-c") return {{2.0}, 0.4};
  if (name == "sweep.x") return {{1.0, 2.0, 4.0, 8.0}, 0.0};
  if (name == "sweep.y") return {{1.0, 4.0, 16.0, 64.0}, 0.0};
  throw std::invalid_argument("no " + name);
}

Quantity value(const std::string& text) { return claims::evaluate(text, look_up); }

}  // namespace

TEST_CASE("claim expression: products bind closer than sums and brackets before both") {
  CHECK(value("1 + 2 * 3").values[0] == doctest::Approx(7.0));
  CHECK(value("(1 + 2) * 3").values[0] == doctest::Approx(9.0));
  CHECK(value("12 / 2 / 3").values[0] == doctest::Approx(2.0));
  CHECK(value("run.a - run.b-c").values[0] == doctest::Approx(4.0));  // a minus inside a name belongs to it
}

TEST_CASE("claim expression: errors of a product add in quadrature and those of a sum by share") {
  CHECK(value("run.a * run.b-c").error == doctest::Approx(0.5));  // 0.3 and 0.4
  CHECK(value("run.a / run.b-c").error == doctest::Approx(0.5));
  // 6 * 0.3 = 1.8 and 2 * 0.4 = 0.8 of a sum of 8, of a difference of 4
  CHECK(value("run.a + run.b-c").error == doctest::Approx(std::hypot(1.8, 0.8) / 8.0));
  CHECK(value("run.a - run.b-c").error == doctest::Approx(std::hypot(1.8, 0.8) / 4.0));
  CHECK(value("2 * run.a").error == doctest::Approx(0.3));  // a number has none
}

TEST_CASE("claim expression: lists are taken point by point and reduced by functions") {
  CHECK(value("last(sweep.y / sweep.x)").values[0] == doctest::Approx(8.0));
  CHECK(value("first(sweep.y + 1)").values[0] == doctest::Approx(2.0));
  CHECK(value("max(sweep.x) - min(sweep.x)").values[0] == doctest::Approx(7.0));
  CHECK(value("exponent(sweep.y, sweep.x)").values[0] == doctest::Approx(2.0));  // y = x^2
  CHECK(value("exponent(3 * sweep.x, sweep.x)").values[0] == doctest::Approx(1.0));
  CHECK(value("least(sweep.x, sweep.y, 10)").values[0] == doctest::Approx(4.0));  // 16 is the first of 10 or more
  CHECK(value("most(sweep.y, sweep.x, 5)").values[0] == doctest::Approx(16.0));   // x is at most 5 up to 4
}

TEST_CASE("claim expression: what is wrong is told") {
  const auto told = [](const std::string& text, const std::string& part) {
    try {
      (void)value(text);
    } catch (const std::invalid_argument& error) {
      CHECK_MESSAGE(std::string(error.what()).find(part) != std::string::npos, error.what());
      return;
    }
    FAIL("no error: " << text);
  };
  told("run.none", "no run.none");
  told("1 +", "ends where a value is needed");
  told("(1 + 2", "a ')' is missing");
  told("1 2", "'2' is left over");
  told("median(sweep.x)", "there is no median() of 1 values");
  told("1 / (2 - 2)", "a division by 0");
  told("exponent(sweep.y, run.a)", "two lists of as many points");
  told("least(sweep.x, sweep.y, 100)", "no point of the sweep reaches");
  told("$", "is no value");
}
