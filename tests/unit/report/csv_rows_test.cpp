#include "sim/report/csv_rows.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <limits>
#include <sstream>
#include <string>

using namespace tokenyard;
using namespace tokenyard::report;

namespace {

/// One row with one field, without header and line end.
template <class Write>
std::string field(Write write) {
  std::ostringstream out;
  CsvRows rows(out, "h");
  write(rows);
  rows.end_row();
  rows.finish();
  const std::string text = out.str();
  CHECK(text.starts_with("h\n"));
  CHECK(text.ends_with("\n"));
  return text.substr(2, text.size() - 3);
}

std::string time_field(std::int64_t ns) {
  return field([=](CsvRows& rows) { rows.time(SimTime{ns}); });
}
std::string number(double value) {
  return field([=](CsvRows& rows) { rows.number(value); });
}
std::string text(const std::string& value) {
  return field([=](CsvRows& rows) { rows.text(value); });
}

}  // namespace

TEST_CASE("csv rows: times are exact seconds without trailing zeros") {
  CHECK(time_field(12'345'678'901) == "12.345678901");
  CHECK(time_field(12'300'000'000) == "12.3");
  CHECK(time_field(3'000'000'000) == "3");
  CHECK(time_field(1) == "0.000000001");
  CHECK(time_field(0) == "0");
  CHECK(time_field(1'000'000'010) == "1.00000001");
  CHECK(time_field(INT64_MAX) == "9223372036.854775807");
  CHECK(time_field(-1'500'000'000) == "-1.5");
}

TEST_CASE("csv rows: numbers read back as the same double") {
  CHECK(number(0.1) == "0.1");
  CHECK(number(8e10) == "80000000000");
  CHECK(number(0.0) == "0");
  CHECK(number(1.0 / 3.0) == "0.3333333333333333");
  for (const double value : {1.0 / 3.0, 1e-300, 1e300, 123456789.123456789, 9.99e17, 1e18, 1.1e-9, 2.3e-10}) {
    CHECK(!(std::strtod(number(value).c_str(), nullptr) < value));
    CHECK(!(std::strtod(number(value).c_str(), nullptr) > value));
  }
}

TEST_CASE("csv rows: a number that is not finite is an empty field") {
  CHECK(number(std::numeric_limits<double>::quiet_NaN()).empty());
  CHECK(number(std::numeric_limits<double>::infinity()).empty());
}

TEST_CASE("csv rows: text is quoted only where it must be") {
  CHECK(text("chat") == "chat");
  CHECK(text("a,b") == "\"a,b\"");
  CHECK(text("say \"hi\"") == "\"say \"\"hi\"\"\"");
  CHECK(text("two\nlines") == "\"two\nlines\"");
}

TEST_CASE("csv rows: text longer than the buffer and many rows arrive whole") {
  const std::string longer(200'000, 'x');
  CHECK(text(longer) == longer);

  // 10,000 rows of 3 fields are more than the buffer of 64 KiB.
  std::ostringstream out;
  CsvRows rows(out, "a,b,c");
  std::string expected = "a,b,c\n";
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    rows.count(i);
    rows.empty();
    rows.text("name");
    rows.end_row();
    expected += std::to_string(i) + ",,name\n";
  }
  rows.finish();
  CHECK(out.str() == expected);
}
