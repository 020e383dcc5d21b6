#include "sim/calibrate/kernel_table.hpp"
#include "sim/config/read_models.hpp"
#include "sim/serving/chip_clocks.hpp"
#include "tests/support/source_root.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>

using namespace tokenyard;

namespace {

calibrate::KernelTable table_of(const std::string& chip, const std::string& file) {
  return calibrate::KernelTable::load((test::source_root() / "models/catalog/measured" / chip / file).string());
}

models::BurstClocks clocks_of(const std::string& chip) {
  const auto path = test::source_root() / "models/catalog/chips" / (chip + ".yaml");
  return *config::load_chip(path.string()).clocks;
}

/// TFLOP/s of one kind of work between two times since it began.
double speed(const calibrate::KernelTable& table, const std::string& kind, double from, double until) {
  double sum = 0.0;
  int rows = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double since = table.number(row, "since_s");
    if (table.text(row, "kind") != kind || since < from || since >= until) continue;
    sum += table.positive(row, "tflops");
    ++rows;
  }
  REQUIRE(rows > 0);
  return sum / rows;
}

}  // namespace

TEST_CASE("clocks: what the chips state is what was measured on them") {
  const std::map<std::string, double> peaks{{"fp8", 1979}, {"bf16", 989.5}};
  for (const char* chip : {"h100-sxm", "h200-sxm"}) {
    const models::BurstClocks clocks = clocks_of(chip);
    const calibrate::KernelTable table = table_of(chip, "sustained.csv");
    const double burst = clocks.burst.value();
    for (const char* kind : {"fp8", "bf16", "attention"}) {
      const double full = speed(table, kind, 0.0, burst / 2);
      CHECK(speed(table, kind, 1.0, 10.0) / full == doctest::Approx(clocks.sustained).epsilon(0.03));
    }
    for (const auto& [kind, peak] : peaks) {
      CHECK(speed(table, kind, 0.0, burst / 2) / peak == doctest::Approx(clocks.reach).epsilon(0.04));
    }
  }
}

TEST_CASE("clocks: products that take turns with reads are as fast as the law says") {
  for (const char* chip : {"h100-sxm", "h200-sxm"}) {
    const models::BurstClocks spec = clocks_of(chip);
    const calibrate::KernelTable table = table_of(chip, "duty.csv");
    REQUIRE(table.rows() == 9);
    double full = 0.0;  // FLOP/s at first, of the shortest bursts
    for (std::size_t row = 0; row < table.rows(); ++row) full = std::max(full, table.positive(row, "tflops_first"));
    for (std::size_t row = 0; row < table.rows(); ++row) {
      // What was to be computed in a burst takes this at full clocks; the rest lasts as long as it was measured.
      const double work = table.positive(row, "compute_ms") * table.positive(row, "tflops") / full * 1e-3;
      const double rest = table.number(row, "stream_ms") < 0.1 ? 0.0 : table.number(row, "stream_ms") * 1e-3;
      serving::ChipClocks clocks(spec);
      SimTime start;
      SimTime more;
      for (int i = 0; i < 100; ++i) {
        const SimTime time = SimTime::from(Seconds{work});
        more = clocks.longer(start, time, Seconds{work * spec.reach});
        start = start + time + more + SimTime::from(Seconds{rest});
      }
      const double predicted = full * work / (work + static_cast<double>(more.ns()) * 1e-9);
      CHECK(predicted == doctest::Approx(table.positive(row, "tflops")).epsilon(0.045));
    }
  }
}
