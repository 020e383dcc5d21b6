#include "sim/report/figure_text.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace tokenyard;
using namespace tokenyard::report;

TEST_CASE("figure text: times have three digits in the unit that suits them") {
  CHECK(time_text(0.0123) == "12.3 ms");
  CHECK(time_text(0.00456789) == "4.57 ms");
  CHECK(time_text(1.5) == "1.50 s");
  CHECK(time_text(123.4) == "123 s");
  CHECK(time_text(45678.0) == "45,678 s");
  CHECK(time_text(0.0000321) == "32.1 us");
  CHECK(time_text(5e-9) == "5.00 ns");
  CHECK(time_text(0.0) == "0 s");
}

TEST_CASE("figure text: a time that rounds up to 1000 moves to the next unit") {
  CHECK(time_text(0.9994) == "999 ms");
  CHECK(time_text(0.9996) == "1.00 s");  // 999.6 ms would print as 1000
  CHECK(time_text(0.00999) == "9.99 ms");
  CHECK(time_text(0.009996) == "10.0 ms");  // 9.996 would print as 10.00
  CHECK(time_text(0.0009996) == "1.00 ms");
}

TEST_CASE("figure text: amounts take a decimal prefix") {
  CHECK(prefixed_text(1.5e9, "B") == "1.50 GB");
  CHECK(prefixed_text(4.2e11, "B") == "420 GB");
  CHECK(prefixed_text(9.996e14, "B") == "1.00 PB");
  CHECK(prefixed_text(25'600.0, "J") == "25.6 kJ");
  CHECK(prefixed_text(2.0, "J") == "2.00 J");
  CHECK(prefixed_text(0.25, "J") == "0.25 J");
  CHECK(prefixed_text(0.0, "B") == "0 B");
  CHECK(prefixed_text(3e19, "B") == "30,000 PB");
}

TEST_CASE("figure text: rates have four digits and counts have groups") {
  CHECK(number_text(12'345.6) == "12,346");
  CHECK(number_text(1280.0) == "1,280");
  CHECK(number_text(999.96) == "1,000");
  CHECK(number_text(160.0) == "160.0");
  CHECK(number_text(45.678) == "45.68");
  CHECK(number_text(1.23456) == "1.235");
  CHECK(number_text(0.01234567) == "0.01235");
  CHECK(number_text(0.5) == "0.5000");
  CHECK(number_text(0.99996) == "1.000");
  CHECK(number_text(0.0) == "0");
  CHECK(count_text(0) == "0");
  CHECK(count_text(999) == "999");
  CHECK(count_text(1'234'567) == "1,234,567");
}

TEST_CASE("figure text: ratios have four decimals and are never a false zero") {
  CHECK(ratio_text(0.45678) == "0.4568");
  CHECK(ratio_text(1.0) == "1.0000");
  CHECK(ratio_text(0.0) == "0.0000");
  CHECK(ratio_text(0.00004) == "<0.0001");
}

TEST_CASE("figure text: what is not finite is a dash") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();
  CHECK(time_text(nan) == "-");
  CHECK(prefixed_text(infinite, "B") == "-");
  CHECK(number_text(-infinite) == "-");
  CHECK(ratio_text(nan) == "-");
}
