#include "sim/calibrate/kernel_table.hpp"

#include "models/base/errors.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

using namespace tokenyard;
using namespace tokenyard::calibrate;
using tokenyard::tests::TemporaryFolder;
using tokenyard::tests::write_text;

namespace {

std::string refusal(const auto& call) {
  try {
    static_cast<void>(call());
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace

TEST_CASE("kernel table: cells by column name and numbers as they stand") {
  const TemporaryFolder here;
  write_text(here / "t.csv", "m,kind,latency\n1,a,0.5\r\n2,\"b,c\",1e-3\n");
  const KernelTable table = KernelTable::load(here / "t.csv");
  REQUIRE(table.rows() == 2);
  CHECK(table.number(0, "latency") == 0.5);
  CHECK(table.number(1, "latency") == 0.001);
  CHECK(table.text(1, "kind") == "b,c");
  CHECK(table.has_all({"m", "kind"}));
  CHECK_FALSE(table.has("n"));
}

TEST_CASE("kernel table: columns of one value come from the index beside it or above") {
  const TemporaryFolder here;
  std::filesystem::create_directories(here.path() / "chip" / "gemm");
  write_text(here / "chip/gemm/t.csv", "m,latency\n1,0.5\n");
  write_text(here / "INDEX.csv",
             "file,rows,constant_columns\nother.csv,1,\"{\"\"op_name\"\": \"\"wrong\"\"}\"\n"
             "chip/gemm/t.csv,1,\"{\"\"op_name\"\": \"\"gemm\"\", \"\"step\"\": \"\"0\"\"}\"\n");
  const KernelTable table = KernelTable::load(here / "chip/gemm/t.csv");
  CHECK(table.text(0, "op_name") == "gemm");
  CHECK(table.number(0, "step") == 0.0);
}

TEST_CASE("kernel table: a byte order mark is no part of the first column and a folder is no table") {
  const TemporaryFolder here;
  write_text(here / "t.csv", "\xEF\xBB\xBFm,us\n1,2\n");
  CHECK(KernelTable::load(here / "t.csv").has("m"));
  CHECK_THROWS_WITH_AS(static_cast<void>(KernelTable::load(here.path().string())),
                       (here.path().string() + ": is a folder; a CSV file is needed").c_str(), UserError);
}

TEST_CASE("kernel table: what is wrong is told with file and line and column") {
  const TemporaryFolder here;
  write_text(here / "t.csv", "m,latency\n1,0.5\n\n2,3 us\n3,\n4,-1\n");
  const KernelTable table = KernelTable::load(here / "t.csv");
  const std::string path = here / "t.csv";
  CHECK(refusal([&] { return table.number(1, "latency"); }) ==
        path + ":4: column 'latency': '3 us' is not a number; figures stand without a unit");
  CHECK(refusal([&] { return table.number(2, "latency"); }) == path + ":5: column 'latency': is empty");
  CHECK(refusal([&] { return table.positive(3, "latency"); }) == path + ":6: column 'latency': '-1' is not above 0");
  CHECK(refusal([&] { return table.number(0, "n"); }) ==
        path + ":2: column 'n': the table has no such column; it has: m, latency");
}

TEST_CASE("kernel table: a short row and an empty file and a doubled column are refused") {
  const TemporaryFolder here;
  write_text(here / "short.csv", "m,n\n1\n");
  CHECK(refusal([&] { return KernelTable::load(here / "short.csv"); }) ==
        (here / "short.csv") + ":2: 1 cells, but the header has 2");
  write_text(here / "empty.csv", "");
  CHECK(refusal([&] { return KernelTable::load(here / "empty.csv"); }) ==
        (here / "empty.csv") + ": is empty; a kernel table starts with a header line");
  write_text(here / "bare.csv", "m,n\n");
  CHECK(refusal([&] { return KernelTable::load(here / "bare.csv"); }) ==
        (here / "bare.csv") + ": has a header but no rows");
  write_text(here / "twice.csv", "m,m\n1,2\n");
  CHECK(refusal([&] { return KernelTable::load(here / "twice.csv"); }) ==
        (here / "twice.csv") + ":1: column 'm' stands twice in the header");
}
