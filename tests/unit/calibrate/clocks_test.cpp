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
        more = clocks.longer(start, time, {.at_peak = Seconds{work * spec.reach}});
        start = start + time + more + SimTime::from(Seconds{rest});
      }
      const double predicted = full * work / (work + static_cast<double>(more.ns()) * 1e-9);
      CHECK(predicted == doctest::Approx(table.positive(row, "tflops")).epsilon(0.045));
    }
  }
}

TEST_CASE("clocks: steps of many decodes are slowed as much as the law says") {
  // FLOP of a token in a layer, peak of the format and 16 layers, as tools/measure/decode_clocks.py has them.
  const std::map<std::string, std::pair<double, double>> products{{"llama-70b/2", {2 * 427.8e6, 1979e12}},
                                                                  {"llama-8b", {2 * 218.1e6, 989.5e12}}};
  for (const auto& [chip, within] : std::map<std::string, double>{{"h100-sxm", 0.045}, {"h200-sxm", 0.04}}) {
    const models::BurstClocks clocks = clocks_of(chip);
    const calibrate::KernelTable table = table_of(chip, "decode_clocks.csv");
    REQUIRE(table.rows() == 24);
    double most = 0.0;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const auto& [flop, peak] = products.at(std::string(table.text(row, "model")));
      // No quicker than the products were alone: few tokens read weights.
      const double alone = table.positive(row, "products_ms") * 1e-3 * clocks.reach;
      const double at_peak = std::min(16 * flop * table.positive(row, "tokens") / peak, alone);
      const cost::HeavyWork work{.at_peak = Seconds{at_peak},
                                 .decode_attention = Seconds{table.positive(row, "attention_ms") * 1e-3}};
      const double first = table.positive(row, "first_ms");
      const SimTime more = serving::longer_in_a_row(clocks, SimTime::from(Seconds{first * 1e-3}), work);
      const double predicted = static_cast<double>(more.ns()) * 1e-6 / first;
      const double measured = table.positive(row, "late_ms") / first - 1.0;
      CAPTURE(chip);
      CAPTURE(row);
      CHECK(std::abs(predicted - measured) < within);
      most = std::max(most, measured);
    }
    CHECK(most > 0.15);  // and the law has something to say
  }
}
