#include "models/cost/kernels.hpp"
#include "models/cost/norm_table.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/token_table.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

using namespace tokenyard;
using namespace tokenyard::cost;

namespace {

double relative_error(double value, double expected) { return std::abs(value / expected - 1.0); }

}  // namespace

TEST_CASE("token table: exact up to 2048 and at 64 knots an octave") {
  const auto square = [](double x) { return x * x; };
  const TokenTable table(10'000, square);
  for (const std::uint32_t count : {0U, 1U, 17U, 2047U, 2048U, 2080U, 4064U, 4096U, 4160U, 8192U, 8320U, 9984U}) {
    CAPTURE(count);
    CHECK(table(count) == square(count));
  }
  // Half way between 4,096 and 4,160 the line gives the mean of both squares.
  CHECK(table(4128) == 0.5 * (4096.0 * 4096.0 + 4160.0 * 4160.0));
}

TEST_CASE("token table: every count up to its end and none beyond") {
  for (const std::uint32_t most : {0U, 1U, 2047U, 2048U, 2049U, 2111U, 2112U, 4096U, 5000U}) {
    CAPTURE(most);
    const TokenTable table(most, [](double x) { return 3.0 + 2.0 * x; });
    CHECK(table(most) == 3.0 + 2.0 * most);
    CHECK_THROWS_AS(static_cast<void>(table(most + 1)), BugError);
  }
}

TEST_CASE("token table: two of one length add up at every count, those of different lengths do not") {
  const auto square = [](double x) { return x * x; };
  const auto line = [](double x) { return 3.0 + 2.0 * x; };
  const TokenTable both = TokenTable(5'000, square) + TokenTable(5'000, line);
  for (const std::uint32_t count : {0U, 17U, 2048U, 4096U, 4992U}) {
    CAPTURE(count);
    CHECK(both(count) == square(count) + line(count));
  }
  CHECK_THROWS_AS(static_cast<void>(TokenTable(5'000, square) + TokenTable(4'000, line)), BugError);
}

TEST_CASE("token table: within 1e-4 of the price of a layer and of the experts") {
  for (const StepCostSpec& spec :
       {test::round_cost(test::tiny_dense(), {.tensor = 2}),
        test::round_cost(test::tiny_moe(), {.tensor = 2, .attention_data = 2, .expert = 4})}) {
    CAPTURE(spec.llm.name);
    const StepParts parts(spec);
    const auto local = [&](double tokens) { return total(parts.local(tokens)).value(); };
    const auto shared = [&](double tokens) { return 1e-6 + total(parts.shared(tokens, false)).value(); };
    const TokenTable local_table(65'536, local);
    const TokenTable shared_table(65'536, shared);
    double worst = 0.0;
    for (std::uint32_t tokens = 2049; tokens <= 65'536; tokens += 13) {
      worst = std::max(worst, relative_error(local_table(tokens), local(tokens)));
      worst = std::max(worst, relative_error(shared_table(tokens), shared(tokens)));
    }
    CHECK(worst < 1e-4);
  }
}

TEST_CASE("norm table: within 1e-4 of the formula for any sharpness") {
  for (const double p : {0.4, 0.63, 0.77, 1.0, 2.5, 10.0, 30.0, 300.0, 1e9}) {
    CAPTURE(p);
    const double floor = 10'000.0;  // ns
    const double slope = 1.0 / 3000.0;
    const NormTable table(floor, slope, p);
    double worst = 0.0;
    for (double x = 3.0; x < 4e12; x *= 1.00037) {
      worst = std::max(worst, relative_error(table(x), p_norm(floor, slope * x, p)));
    }
    CHECK(worst < 1e-4);
  }
}

TEST_CASE("norm table: never falls") {
  for (const double p : {0.63, 1.0, 3.0, 1e9}) {
    CAPTURE(p);
    const NormTable table(10'000.0, 1.0 / 3000.0, p);
    double last = table(0.0);
    bool falls = false;
    for (double x = 1.0; x < 4e12; x *= 1.0009) {
      falls = falls || table(x) < last;
      last = table(x);
    }
    // On both sides of every knot of one octave.
    for (int knot = 0; knot < 64; ++knot) {
      const double x = 33'554'432.0 * (1.0 + knot / 64.0);
      falls = falls || table(std::nextafter(x, 0.0)) > table(x) || table(x) > table(std::nextafter(x, 1e300));
    }
    CHECK_FALSE(falls);
  }
}

TEST_CASE("norm table: an empty kernel costs its floor") {
  CHECK(NormTable(10'000.0, 1.0, 0.7)(0.0) == doctest::Approx(10'000.0).epsilon(1e-12));
}
