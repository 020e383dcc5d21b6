#include "workloads/lengths.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

using namespace tokenyard::workloads;
using doctest::Approx;

namespace {

constexpr std::size_t kDraws = 100'000;

/// Sorted draws of one law.
std::vector<std::uint32_t> draws_of(const LengthSpec& spec) {
  RandomStream stream{11, "lengths"};
  std::vector<std::uint32_t> draws(kDraws);
  for (std::uint32_t& draw : draws) draw = draw_length(spec, stream);
  std::sort(draws.begin(), draws.end());
  return draws;
}

double mean_of(const std::vector<std::uint32_t>& draws) {
  return std::accumulate(draws.begin(), draws.end(), 0.0) / static_cast<double>(draws.size());
}

double at(const std::vector<std::uint32_t>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

TEST_CASE("lengths: a constant is what it says and draws nothing") {
  RandomStream used{3, "x"};
  RandomStream fresh{3, "x"};
  CHECK(draw_length(ConstantLength{.tokens = 77}, used) == 77);
  CHECK(used.uniform01() == doctest::Approx(fresh.uniform01()).epsilon(1e-15));
}

TEST_CASE("lengths: uniform 10..30 holds both ends and has mean 20") {
  const auto draws = draws_of(UniformLength{.min = 10, .max = 30});
  CHECK(draws.front() == 10);
  CHECK(draws.back() == 30);
  CHECK(mean_of(draws) == Approx(20.0).epsilon(0.02));
  // Each of the 21 values has share 1/21: the lower 5 (10..14) make up 23.8 %.
  const auto below = std::count_if(draws.begin(), draws.end(), [](std::uint32_t d) { return d < 15; });
  CHECK(static_cast<double>(below) / kDraws == Approx(5.0 / 21.0).epsilon(0.02));
}

TEST_CASE("lengths: log-normal has its median and mean and quantiles") {
  const auto draws = draws_of(LognormalLength{.median = 800.0, .sigma = 0.5});
  CHECK(at(draws, 0.5) == Approx(800.0).epsilon(0.02));
  // mean = median exp(sigma^2 / 2) = 800 * 1.13315 = 906.5
  CHECK(mean_of(draws) == Approx(800.0 * std::exp(0.125)).epsilon(0.02));
  // The normal's 90 % quantile is 1.2816: 800 exp(0.5 * 1.2816) = 1518.4
  CHECK(at(draws, 0.9) == Approx(1518.4).epsilon(0.02));
}

TEST_CASE("lengths: log-normal is clamped to its bounds whatever its tail") {
  const auto draws = draws_of(LognormalLength{.median = 100.0, .sigma = 10.0, .min = 5, .max = 4000});
  CHECK(draws.front() == 5);
  CHECK(draws.back() == 4000);
}

TEST_CASE("lengths: quantiles are interpolated between knots") {
  const auto draws = draws_of(EmpiricalLength{.at = {0.0, 0.5, 1.0}, .tokens = {100.0, 200.0, 1000.0}});
  CHECK(draws.front() >= 100);
  CHECK(draws.back() <= 1000);
  CHECK(at(draws, 0.25) == Approx(150.0).epsilon(0.02));  // half way from 100 to 200
  CHECK(at(draws, 0.5) == Approx(200.0).epsilon(0.02));
  CHECK(at(draws, 0.75) == Approx(600.0).epsilon(0.02));  // half way from 200 to 1000
  CHECK(mean_of(draws) == Approx(375.0).epsilon(0.02));   // (150 + 600) / 2
}

TEST_CASE("lengths: a step of two knots with one value gives that value") {
  const auto draws = draws_of(EmpiricalLength{.at = {0.0, 0.4, 0.9, 1.0}, .tokens = {8.0, 8.0, 8.0, 8.0}});
  CHECK(draws.front() == 8);
  CHECK(draws.back() == 8);
}

TEST_CASE("lengths: a draw is rounded to the nearest whole number") {
  // Uniform on 1..3: [1, 1.5) gives 1, [1.5, 2.5) gives 2 with share 1/2, the rest 3.
  const auto draws = draws_of(EmpiricalLength{.at = {0.0, 1.0}, .tokens = {1.0, 3.0}});
  const auto twos = std::count(draws.begin(), draws.end(), 2U);
  CHECK(static_cast<double>(twos) / kDraws == Approx(0.5).epsilon(0.02));
}

TEST_CASE("lengths: a mixture draws each part by its weight") {
  // Three quarters are 10, a quarter 100 to 200: mean 0.75 * 10 + 0.25 * 150 = 45, good to 0.7 % at 1e5 draws.
  const LengthSpec mixture = MixtureLength{
      .weight = {3.0, 1.0}, .parts = {ConstantLength{.tokens = 10}, UniformLength{.min = 100, .max = 200}}};
  RandomStream stream(1, "test");
  double sum = 0;
  std::uint32_t short_ones = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint32_t tokens = draw_length(mixture, stream);
    CHECK((tokens == 10 || (tokens >= 100 && tokens <= 200)));
    sum += tokens;
    short_ones += tokens == 10 ? 1U : 0U;
  }
  CHECK(sum / 1e5 == doctest::Approx(45.0).epsilon(0.02));
  CHECK(short_ones / 1e5 == doctest::Approx(0.75).epsilon(0.02));
}

TEST_CASE("lengths: drawn together with another law a mixture keeps its own") {
  const LengthSpec mixture = MixtureLength{.weight = {3.0, 0.0, 1.0},
                                           .parts = {ConstantLength{.tokens = 10}, ConstantLength{.tokens = 50},
                                                     LognormalLength{.median = 500, .sigma = 0.5}}};
  RandomStream stream(1, "test");
  std::uint32_t short_ones = 0;
  std::uint32_t below_median = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint32_t tokens = draw_lengths(ConstantLength{.tokens = 1}, mixture, 0.8, stream).second;
    CHECK(tokens != 50);
    short_ones += tokens == 10 ? 1U : 0U;
    below_median += tokens != 10 && tokens < 500 ? 1U : 0U;
  }
  CHECK(short_ones / 1e5 == doctest::Approx(0.75).epsilon(0.02));
  CHECK(below_median / 1e5 == doctest::Approx(0.125).epsilon(0.03));  // half of the other quarter
}

TEST_CASE("lengths: a mixture of one law or without weight is refused") {
  const auto field = [](const MixtureLength& spec) {
    try {
      validate(LengthSpec{spec});
    } catch (const tokenyard::SpecError& error) {
      return error.field() + ": " + error.why();
    }
    return std::string("accepted");
  };
  const ConstantLength ten{.tokens = 10};
  CHECK(field({.weight = {1}, .parts = {ten}}) == "parts: needs at least 2");
  CHECK(field({.weight = {0, 0}, .parts = {ten, ten}}) == "parts: have weights that sum to 0; one must be above 0");
  CHECK(field({.weight = {1, 1}, .parts = {ten, UniformLength{.min = 9, .max = 3}}}) == "min: 9 is more than max, 3");
  CHECK(field({.weight = {1, 1}, .parts = {ten, ten}}) == "accepted");
}
