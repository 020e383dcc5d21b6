#include "models/base/units_text.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace tokenyard;
using doctest::Approx;

TEST_CASE("units: a value is read in base units") {
  CHECK(parse_seconds("2.5 us").value() == Approx(2.5e-6).epsilon(1e-15));  // one rounding
  CHECK(parse_seconds("2 min").value() == 120.0);
  CHECK(parse_seconds("3 h").value() == 10800.0);
  CHECK(parse_bytes("80 GB").value() == 80e9);
  CHECK(parse_bytes("80 GiB").value() == 80.0 * 1024 * 1024 * 1024);
  CHECK(parse_bandwidth("3.35 TB/s").value() == Approx(3.35e12).epsilon(1e-15));
  CHECK(parse_flop_rate("989.4 TFLOP/s").value() == Approx(989.4e12).epsilon(1e-15));
  CHECK(parse_flop_rate("2 PFLOP/s").value() == 2e15);
  CHECK(parse_rate("30 /min").value() == 0.5);
  CHECK(parse_watts("1.2 kW").value() == 1200.0);
}

TEST_CASE("units: network speed in bits becomes bytes") {
  CHECK(parse_bandwidth("400 Gbps").value() == 50e9);  // 400e9 / 8
  CHECK(parse_bandwidth("1.6 Tbps").value() == Approx(200e9).epsilon(1e-15));
}

TEST_CASE("units: blanks around the unit do not matter and 0 needs no unit") {
  CHECK(parse_seconds("7us").value() == parse_seconds("7  us ").value());
  CHECK(parse_seconds("0").value() == 0.0);
  CHECK(parse_bytes("0").value() == 0.0);
}

TEST_CASE("units: what is not a number with a known unit is refused with the units that would do") {
  CHECK_THROWS_WITH_AS((void)parse_bytes("80"), "'80' needs a unit, one of: B, kB, MB, GB, TB, KiB, MiB, GiB",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS((void)parse_seconds("5 Gbps"), "'5 Gbps' needs a unit, one of: s, ms, us, ns, min, h",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS((void)parse_watts("much"), "'much' is not a number with a unit; units: W, kW, MW",
                       std::invalid_argument);
  CHECK_THROWS_AS((void)parse_seconds("inf s"), std::invalid_argument);
  CHECK_THROWS_AS((void)parse_seconds("nan s"), std::invalid_argument);
  CHECK_THROWS_AS((void)parse_seconds(""), std::invalid_argument);
}

TEST_CASE("units: an upper-case letter is another unit") {
  CHECK_THROWS_AS((void)parse_seconds("5 MS"), std::invalid_argument);
  CHECK_THROWS_AS((void)parse_bytes("5 gb"), std::invalid_argument);
}
