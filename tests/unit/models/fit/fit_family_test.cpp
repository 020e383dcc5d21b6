#include "models/fit/fit_family.hpp"

#include "models/fit/families.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::fit;
using doctest::Approx;

namespace {

const Family& bf16_gemm() {
  const Family* const family = find_family("gemm.bf16");
  REQUIRE(family != nullptr);
  return *family;
}

/// Of matrix products on a chip whose blocks do not count.
const std::vector<double> kProducts{5e-6, 0.62, 0.71, 1.7, 0.4e-6, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 80e6, 1.0};

/// What a chip with coefficients `values` would measure on 10 x 8 x 8 shapes, each time `scale` of the formula.
Samples measured_by_formula(const Family& family, const std::vector<double>& values,
                            const models::AcceleratorSpec& chip, double scale = 1.0) {
  Samples samples(3);
  for (double m = 1; m <= 512; m *= 2) {
    for (double n = 512; n < 28672; n *= 1.7) {
      for (double k = 512; k < 16384; k *= 1.6) {
        const std::array shape{m, std::floor(n), std::floor(k)};
        samples.add(shape, scale * family.time(values, shape, chip).value());
      }
    }
  }
  return samples;
}

}  // namespace

TEST_CASE("fit: times made by the formula give its coefficients back") {
  const models::AcceleratorSpec chip = test::round_chip();
  const std::vector<double>& truth = kProducts;
  const Samples rows = serving_rows(bf16_gemm(), measured_by_formula(bf16_gemm(), truth, chip), chip);
  const FittedFamily fitted = fit_family(bf16_gemm(), rows, chip);
  // The error a search of finite length leaves: below a thousandth, far below that of any real table.
  CHECK(fitted.held_out.p50 < 1e-3);
  CHECK(fitted.held_out.p90 < 3e-3);
  CHECK(fitted.values[0] == Approx(truth[0]).epsilon(0.03));
  CHECK(fitted.values[1] == Approx(truth[1]).epsilon(0.03));
  CHECK(fitted.values[2] == Approx(truth[2]).epsilon(0.03));
}

TEST_CASE("fit: what the chip has is a place to start from and no fit is worse") {
  // Its only coefficient makes all times right at 0.9, and 1.35 times too long at 0.1, from where no small step helps.
  models::AcceleratorSpec chip = test::round_chip();
  Family family{.place = "two.basins", .parameters = {{.key = "a", .start = 0.1}}, .shape = {"x"}};
  family.time = [](std::span<const double> values, std::span<const double> row, const models::AcceleratorSpec&) {
    const double a = values[0];
    return Seconds{row[0] * std::exp(std::min(0.3 + std::pow(a - 0.1, 2), 8.0 * std::pow(a - 0.9, 2)))};
  };
  family.serves = [](std::span<const double>, const models::AcceleratorSpec&) { return true; };
  family.suits = [](const models::AcceleratorSpec&) { return true; };
  std::optional<std::vector<double>> has;
  family.stored = [&](const models::KernelSet&) { return has; };
  Samples samples(1);
  for (double x = 1; x <= 200; ++x) samples.add(std::array{x}, x);
  const Samples rows = serving_rows(family, samples, chip);
  const auto error = [&] { return fit_family(family, rows, chip).held_out.p50; };
  CHECK(error() == Approx(0.3));
  has = {0.8};
  CHECK(error() < 1e-6);
  has = {0.2};  // no better a place than the other
  CHECK(error() == Approx(0.3));
  has = {7.0};  // outside of what a fit may find: begins at the bound
  CHECK(error() < 1e-6);
}

TEST_CASE("fit: times of mixed attention give the tile's coefficients and the blocks of a wave back") {
  const models::AcceleratorSpec chip = test::round_chip();
  const Family* const family = find_family("attention_mixed.bf16");
  REQUIRE(family != nullptr);
  const std::vector<double> truth{3e-6, 0.55, 0.9, 200.0, 0.4e-6, 132.0, 50e6};
  Samples samples(7);
  for (double tokens = 16; tokens <= 2048; tokens *= 2) {
    for (double sequences = 1; sequences <= 256; sequences *= 2) {
      for (double context = 128; context <= 16384; context *= 2) {
        for (const double kv_heads : {4.0, 8.0}) {
          const std::array shape{tokens, tokens, sequences, context, 32.0, kv_heads, 128.0};
          samples.add(shape, family->time(truth, shape, chip).value());
        }
      }
    }
  }
  const FittedFamily fitted = fit_family(*family, serving_rows(*family, samples, chip), chip);
  // The kinks of the last wave stop a search a little early; of real tables the error is twenty times as large.
  CHECK(fitted.held_out.p50 < 2e-3);
  CHECK(fitted.values[1] == Approx(truth[1]).epsilon(0.02));
  CHECK(fitted.values[5] == Approx(truth[5]).epsilon(0.03));
}

TEST_CASE("fit: the same rows give the same coefficients to the last bit") {
  const models::AcceleratorSpec chip = test::round_chip();
  const Samples rows = serving_rows(bf16_gemm(), measured_by_formula(bf16_gemm(), kProducts, chip), chip);
  CHECK(fit_family(bf16_gemm(), rows, chip).values == fit_family(bf16_gemm(), rows, chip).values);
}

TEST_CASE("fit: the error of measured times twice the formula is ln 2") {
  const models::AcceleratorSpec chip = test::round_chip();
  const std::vector<double>& values = kProducts;
  const Samples rows = serving_rows(bf16_gemm(), measured_by_formula(bf16_gemm(), values, chip, 2.0), chip);
  const FitError error = error_on_held_out(bf16_gemm(), values, rows, chip);
  CHECK(error.p50 == Approx(std::log(2.0)));
  CHECK(error.p90 == Approx(std::log(2.0)));
  CHECK(error.bias == Approx(-std::log(2.0)));  // predicted too fast
}

TEST_CASE("fit: about one shape in four is held out and none is both fitted and judged") {
  const models::AcceleratorSpec chip = test::round_chip();
  const std::vector<double>& values = kProducts;
  const Samples rows = serving_rows(bf16_gemm(), measured_by_formula(bf16_gemm(), values, chip), chip);
  const FittedFamily fitted = fit_family(bf16_gemm(), rows, chip);
  CHECK(fitted.fitted + fitted.held_out.rows == rows.size());
  // A binomial share of 1/4 of 640 rows: 4.5 standard deviations to either side
  const double share = static_cast<double>(fitted.held_out.rows) / static_cast<double>(rows.size());
  CHECK(std::abs(share - 0.25) < 4.5 * std::sqrt(0.25 * 0.75 / static_cast<double>(rows.size())));
}

TEST_CASE("fit: shapes that serving does not meet are left out and the rest spans the valid range") {
  const models::AcceleratorSpec chip = test::round_chip();
  const std::vector<double>& values = kProducts;
  Samples samples = measured_by_formula(bf16_gemm(), values, chip);
  const std::size_t before = samples.size();
  samples.add(std::array{1.0, 32.0, 64.0}, 3e-6);
  const Samples rows = serving_rows(bf16_gemm(), samples, chip);
  CHECK(rows.size() == before);
  const FittedFamily fitted = fit_family(bf16_gemm(), rows, chip);
  REQUIRE(fitted.valid.size() == 3);
  CHECK(fitted.valid[0].least == 1);
  CHECK(fitted.valid[0].greatest == 512);
  CHECK(fitted.valid[1].least == 512);
}

TEST_CASE("samples: of two times of one shape the shorter is kept") {
  Samples samples(2);
  samples.add(std::array{2.0, 3.0}, 5e-6, 1);
  samples.add(std::array{1.0, 3.0}, 7e-6, 2);
  samples.add(std::array{2.0, 3.0}, 4e-6, 3);
  const Samples rows = samples.distinct();
  REQUIRE(rows.size() == 2);
  CHECK(rows.shape(0)[0] == 1.0);
  CHECK(rows.seconds(1) == 4e-6);
  CHECK(rows.origin(1) == 3);
}

TEST_CASE("families: each starts inside its box and prices its shapes on a chip that suits it") {
  const models::AcceleratorSpec chip = test::round_chip();
  for (const Family& family : families()) {
    CAPTURE(family.place);
    std::vector<double> start;
    for (const Parameter& parameter : family.parameters) {
      CHECK(parameter.lowest < parameter.highest);
      CHECK(parameter.start >= parameter.lowest);
      CHECK(parameter.start <= parameter.highest);
      start.push_back(parameter.start);
    }
    if (!family.suits(chip)) continue;
    CHECK(family.time(start, family.row_of(std::vector<double>(family.shape.size(), 64.0)), chip) > Seconds{0.0});
    if (const auto stored = family.stored(chip.kernels)) CHECK(stored->size() == family.parameters.size());
  }
}

TEST_CASE("fit: a term that the times do not show stays out and one that they show comes in") {
  const models::AcceleratorSpec chip = test::round_chip();
  const Family* const family = find_family("mla_decode.bf16");
  REQUIRE(family != nullptr);
  const auto measured = [&](const std::vector<double>& values) {
    Samples samples(3);
    for (double sequences = 1; sequences <= 512; sequences *= 2) {
      for (double context = 128; context <= 65536; context *= 2) {
        for (const double heads : {8.0, 16.0, 32.0, 64.0, 128.0}) {
          const std::array shape{sequences, context, heads};
          samples.add(shape, family->time(values, shape, chip).value());
        }
      }
    }
    return serving_rows(*family, samples, chip);
  };
  // t0, eff_flops, eff_bw, p, query_io, repeated.below, repeated.share, walk, resident, last_walk, another_read, split
  const FittedFamily shown =
      fit_family(*family, measured({15e-6, 0.6, 0.9, 1.0, 3.0, 80e6, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0}), chip);
  CHECK(shown.values[4] == Approx(3.0).epsilon(0.05));
  CHECK(shown.held_out.p90 < 5e-3);
  CHECK(shown.held_out.rows + shown.fitted == 10 * 10 * 5);
}

TEST_CASE("fit: on a chip that splits contexts each size of heads has its rows to itself") {
  models::AcceleratorSpec chip = test::round_chip();
  const Family* const other = find_family("attention_decode.bf16");
  const Family* const small = find_family("attention_decode.heads_64.bf16");
  const Family* const window = find_family("attention_decode.heads_64_window.bf16");
  REQUIRE(other != nullptr);
  REQUIRE(small != nullptr);
  REQUIRE(window != nullptr);
  CHECK(small->path() == std::vector<std::string>{"attention_decode", "heads_64", "bf16"});
  CHECK(small->rows() == "attention_decode.bf16");
  CHECK(window->rows() == "attention_decode_windowed.bf16");
  const std::array of_64{8.0, 1024.0, 32.0, 4.0, 64.0};
  const std::array of_128{8.0, 1024.0, 32.0, 4.0, 128.0};
  CHECK(other->serves(of_64, chip));  // one kernel for all
  CHECK_FALSE(small->told_apart(chip));
  chip.kernels.attention_split = {.keys = 128, .blocks = 1000};
  CHECK(small->told_apart(chip));
  CHECK_FALSE(other->serves(of_64, chip));
  CHECK(other->serves(of_128, chip));
  CHECK(small->serves(of_64, chip));
  CHECK_FALSE(small->serves(of_128, chip));
  CHECK(window->serves(std::array{8.0, 1024.0, 32.0, 4.0, 64.0, 128.0}, chip));
  CHECK_FALSE(window->serves(std::array{8.0, 1024.0, 32.0, 4.0, 64.0, 8192.0}, chip));
}

TEST_CASE("fit: times of a windowed decode give the blocks of its whole context back") {
  models::AcceleratorSpec chip = test::round_chip();
  chip.kernels.attention_split = {.keys = 128, .blocks = 1000, .whole_context = true};
  const Family* const family = find_family("attention_decode.heads_64_window.bf16");
  REQUIRE(family != nullptr);
  // t0, eff_bw, p, per_head, repeated.below, repeated.share, per_part, resident, last_wave
  const std::vector<double> truth{8e-6, 0.8, 1.0, 20e-9, 80e6, 1.0, 0.0, 0.0, 0.0};
  Samples samples(6);
  for (double sequences = 1; sequences <= 512; sequences *= 2) {
    for (double context = 128; context <= 65536; context *= 2) {
      for (const double kv_heads : {1.0, 2.0, 4.0, 8.0}) {
        const std::array shape{sequences, context, 8 * kv_heads, kv_heads, 64.0, 128.0};
        samples.add(shape, family->time(truth, shape, chip).value());
      }
    }
  }
  const FittedFamily fitted = fit_family(*family, serving_rows(*family, samples, chip), chip);
  CHECK(fitted.held_out.p50 < 1e-3);
  CHECK(fitted.values[0] == Approx(truth[0]).epsilon(0.01));
  CHECK(fitted.values[3] == Approx(truth[3]).epsilon(0.02));
}

TEST_CASE("fit: times of decodes in waves give the blocks that a multiprocessor holds back") {
  models::AcceleratorSpec chip = test::round_chip();
  chip.kernels.attention_split = {.keys = 128, .blocks = 8 * 132, .root = 8};
  chip.kernels.multiprocessors = 132;
  const Family* const family = find_family("attention_decode.fp8");
  REQUIRE(family != nullptr);
  // t0, eff_bw, p, per_head, repeated.below, repeated.share, per_part, resident, last_wave
  const std::vector<double> truth{4e-6, 0.8, 1.0, 10e-9, 80e6, 1.0, 5e-9, 3.0, 0.6};
  Samples samples(5);
  for (double sequences = 1; sequences <= 512; sequences *= 2) {
    for (double context = 128; context <= 65536; context *= 2) {
      for (const double kv_heads : {1.0, 2.0, 3.0, 4.0, 8.0}) {
        const std::array shape{sequences, context, 8 * kv_heads, kv_heads, 128.0};
        samples.add(shape, family->time(truth, shape, chip).value());
      }
    }
  }
  const FittedFamily fitted = fit_family(*family, serving_rows(*family, samples, chip), chip);
  CHECK(fitted.held_out.p50 < 5e-3);  // nine coefficients and steps: the search ends near, not at the truth
  CHECK(fitted.values[7] == 3.0);
  CHECK(fitted.values[8] == Approx(0.6).epsilon(0.1));
}

TEST_CASE("fit: rows that another kernel takes are judged and not fitted") {
  models::AcceleratorSpec chip = test::round_chip();
  chip.kernels.attention_split = {.keys = 128, .blocks = 8 * 132, .root = 8};
  const Family* const bf16 = find_family("attention_decode.bf16");
  const Family* const fp8 = find_family("attention_decode.fp8");
  REQUIRE(bf16->of_another);
  CHECK_FALSE(fp8->of_another);
  const std::array few{2.0, 1024.0, 8.0, 1.0, 128.0};   // 16 blocks of 128 tokens
  const std::array more{5.0, 1024.0, 8.0, 1.0, 128.0};  // 40: a quarter of 132 is 33
  CHECK_FALSE(bf16->of_another(few, chip));             // a chip whose waves are not counted
  chip.kernels.multiprocessors = 132;
  CHECK(bf16->of_another(few, chip));
  CHECK_FALSE(bf16->of_another(more, chip));
  CHECK(bf16->serves(few, chip));
}

TEST_CASE("fit: experts give their coefficients back and are judged without what is derived") {
  const models::AcceleratorSpec chip = test::round_chip();
  const Family* const family = find_family("moe.bf16");
  REQUIRE(family != nullptr);
  // t0, eff_flops, eff_bw, p, act_io, per_local_expert, per_hit_expert, per_token, tile_rows
  const std::vector<double> truth{25e-6, 0.6, 0.8, 1.4, 2.0, 0.1e-6, 0.2e-6, 3e-9, 30.0};
  Samples samples(family->shape.size());
  for (double tokens = 1; tokens <= 16384; tokens *= 4) {
    for (const double ranks : {1.0, 4.0, 16.0}) {
      for (const double skew : {0.0, 1.2}) {
        for (const double hidden : {2048.0, 4096.0, 7168.0}) {
          for (const double inner : {256.0, 1024.0, 2048.0}) {
            const std::array shape{tokens, 64.0, 8.0, ranks, skew, hidden, inner};
            samples.add(shape, family->time(truth, family->row_of(shape), chip).value());
          }
        }
      }
    }
  }
  const Samples rows = serving_rows(*family, samples, chip);
  CHECK(rows.width() == family->shape.size() + 2);  // rows and hits of the busiest rank
  const FittedFamily fitted = fit_family(*family, rows, chip);
  CHECK(fitted.valid.size() == family->shape.size());
  CHECK(fitted.valid[4].greatest == 1.2);
  CHECK(fitted.held_out.p50 < 0.01);  // nine coefficients trade against each other; the price is what is fitted
  CHECK(fitted.values[0] == Approx(truth[0]).epsilon(0.05));
}
