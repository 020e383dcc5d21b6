#include "sim/files/csv_table.hpp"

#include "models/base/errors.hpp"
#include "tests/support/temp_yaml.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using files::CsvTable;

TEST_CASE("csv table: quotes, blanks, CR LF, a byte order mark and empty lines are read as RFC 4180 has them") {
  const auto table =
      CsvTable::parse("a.csv", "\xEF\xBB\xBFname, value ,note\r\n\r\n\"a, b\",1,\"say \"\"x\"\"\nand y\"\r\nc,2,");
  REQUIRE(table.rows().size() == 2);
  CHECK(table.header() == std::vector<std::string>{"name", "value", "note"});
  CHECK(table.rows()[0].line == 3);
  CHECK(table.text(table.rows()[0], "name") == "a, b");
  CHECK(table.text(table.rows()[0], "note") == "say \"x\"\nand y");
  CHECK(table.rows()[1].line == 5);  // the quoted line end counts
  CHECK(table.text(table.rows()[1], "note").empty());
  CHECK(table.text(table.rows()[1], "no such column").empty());
}

TEST_CASE("csv table: a number is plain and in range and a missing one is nothing") {
  const auto table = CsvTable::parse("a.csv", "x,y\n12.5,\n1e3,7 ms\n");
  const auto& rows = table.rows();
  CHECK(table.number(rows[0], "x", 0, 100) == 12.5);
  CHECK_FALSE(table.number(rows[0], "y", 0, 100).has_value());
  CHECK_FALSE(table.number(rows[0], "z", 0, 100).has_value());
  CHECK(table.count(rows[1], "x", 1, 1000) == 1000U);
  CHECK(user_error([&] { (void)table.number(rows[1], "y", 0, 100); }) ==
        "a.csv:3: y: '7 ms' is not a number; a plain one is needed, in the unit that the column names");
  CHECK(user_error([&] { (void)table.number(rows[1], "x", 0, 100); }) ==
        "a.csv:3: x: '1e3' is out of range; from 0 to 100");
  CHECK(user_error([&] { (void)table.count(rows[0], "x", 0, 100); }) == "a.csv:2: x: '12.5' is not a whole number");
}

TEST_CASE("csv table: what is no table is told with its line") {
  const auto told = [](const char* text) { return user_error([&] { (void)CsvTable::parse("a.csv", text); }); };
  CHECK(told("\n\n") == "a.csv:1: is empty; a header with the names of the columns is needed");
  CHECK(told("a,b\n1,2\n1\n") == "a.csv:3: has 1 fields; the header has 2");
  CHECK(told("a,b,a\n") == "a.csv:1: two columns are called 'a'");
  CHECK(told("a,b\n1,\"x\n") == "a.csv:2: a quote is opened and never closed");
  CHECK(told("a,b\n\"1\"x,2\n") == "a.csv:2: a comma or the end of the line is due after a quoted field");
}
