#include "sim/calibrate/calibrate.hpp"

#include "models/base/errors.hpp"
#include "models/fit/families.hpp"
#include "sim/calibrate/calibration_text.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <string>

using namespace tokenyard;
using namespace tokenyard::calibrate;
using tokenyard::tests::TemporaryFolder;
using tokenyard::tests::write_text;

namespace {

/// An aiconfigurator GEMM table of the round chip: its own formula, in units of `unit` seconds.
std::string gemm_table(double unit) {
  const models::AcceleratorSpec chip = test::round_chip();
  const fit::Family& family = *fit::find_family("gemm.bf16");
  const auto values = family.stored(chip.kernels);
  std::string text = "gemm_dtype,m,n,k,latency\n";
  for (int m = 1; m <= 256; m *= 2) {
    for (int n = 512; n <= 16384; n *= 2) {
      for (int k = 512; k <= 8192; k *= 2) {
        const std::array shape{1.0 * m, 1.0 * n, 1.0 * k};
        char line[96];
        std::snprintf(line, sizeof line, "bfloat16,%d,%d,%d,%.9g\n", m, n, k,
                      family.time(*values, shape, chip).value() / unit);
        text += line;
      }
    }
  }
  return text;
}

std::string refusal(const auto& call) {
  try {
    static_cast<void>(call());
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace

TEST_CASE("calibrate: a table of the chip's own formula is met to the last digit written") {
  const TemporaryFolder here;
  write_text(here / "gemm.csv", gemm_table(1e-3));
  const Calibration calibration = check_tables(read_tables({here / "gemm.csv"}), test::round_chip());
  REQUIRE(calibration.families.size() == 1);
  CHECK(calibration.families[0].family->place == "gemm.bf16");
  CHECK(calibration.families[0].rows == 9 * 6 * 5);
  CHECK(calibration.families[0].error.p90 < 1e-7);  // nine digits are written
}

TEST_CASE("calibrate: a fit says its error and where its worst row stands") {
  const TemporaryFolder here;
  write_text(here / "gemm.csv", gemm_table(1e-3));
  const Calibration calibration = fit_tables(read_tables({here / "gemm.csv"}), test::round_chip());
  REQUIRE(calibration.families.size() == 1);
  CHECK(calibration.families[0].error.p50 < 1e-3);
  REQUIRE(calibration.families[0].worst.size() == 3);
  CHECK(calibration.families[0].worst[0].starts_with(here / "gemm.csv:"));
  const std::string yaml = chip_yaml(calibration, "round-100", "mine", "a test");
  CHECK(yaml.starts_with("base: round-100\nname: mine\nkernels:\n  gemm:\n    bf16:\n      t0: "));
  CHECK(yaml.find("valid: {m: [1, 256], n: [512, 16384], k: [512, 8192]}") != std::string::npos);
}

TEST_CASE("calibrate: microseconds where milliseconds are promised are refused") {
  const TemporaryFolder here;
  write_text(here / "gemm.csv", gemm_table(1e-6));
  const std::string message = refusal([&] { return fit_tables(read_tables({here / "gemm.csv"}), test::round_chip()); });
  CHECK(message.starts_with((here / "gemm.csv") + ":"));
  CHECK(message.find("are the times in the unit that the column promises?") != std::string::npos);
}

TEST_CASE("calibrate: a table of no known kind is refused with what is known") {
  const TemporaryFolder here;
  write_text(here / "t.csv", "rows,columns\n1,2\n");
  const std::string message = refusal([&] { return read_tables({here / "t.csv"}); });
  CHECK(message.starts_with((here / "t.csv") +
                            ":1: no known kernel table has these columns: rows, columns; known are: "));
  CHECK(message.find("aiconfigurator gemm (gemm_dtype, m, n, k, latency in ms)") != std::string::npos);
}

TEST_CASE("calibrate: formats without a peak on the chip are left out with a reason") {
  const TemporaryFolder here;
  std::string text = gemm_table(1e-3);
  for (std::size_t at = 0; (at = text.find("bfloat16", at)) != std::string::npos;) text.replace(at, 8, "nvfp4");
  write_text(here / "gemm.csv", text);
  const Calibration calibration = fit_tables(read_tables({here / "gemm.csv"}), test::round_chip());
  CHECK(calibration.families.empty());
  REQUIRE(calibration.left_out.size() == 1);
  CHECK(calibration.left_out[0] == "gemm.nvfp4: round-100 has no dense peak for it");
}
