#include "workloads/arrivals.hpp"

#include "workloads/curve_clock.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;
using doctest::Approx;

namespace {

constexpr int kDraws = 100'000;

std::vector<double> instants(const ArrivalSpec& spec, int count, const std::optional<RateCurve>& curve = std::nullopt) {
  validate(spec);
  ArrivalClock clock(spec, RandomStream{7, "test"}, curve);
  std::vector<double> all;
  for (int i = 0; i < count; ++i) all.push_back(clock.next().value());
  return all;
}

struct Gaps {
  double mean;
  double cv;
};
Gaps gaps_of(const std::vector<double>& at) {
  double sum = 0.0;
  double squares = 0.0;
  double last = 0.0;
  for (const double instant : at) {
    sum += instant - last;
    squares += (instant - last) * (instant - last);
    last = instant;
  }
  const double mean = sum / static_cast<double>(at.size());
  return {mean, std::sqrt(squares / static_cast<double>(at.size()) - mean * mean) / mean};
}

}  // namespace

TEST_CASE("arrivals: weibull shapes are those of their CV") {
  CHECK(weibull_shape(1.0) == Approx(1.0).epsilon(1e-9));  // the exponential law
  // Shape 2 is Rayleigh's law: CV = sqrt(4 / pi - 1). Shape 1/2: moments 2 and 24, CV = sqrt(5).
  CHECK(weibull_shape(std::sqrt(4.0 / 3.14159265358979 - 1.0)) == Approx(2.0).epsilon(1e-9));
  CHECK(weibull_shape(std::sqrt(5.0)) == Approx(0.5).epsilon(1e-9));
}

TEST_CASE("arrivals: weibull gaps have the rate and the CV asked for") {
  for (const double cv : {0.5, 1.0, 2.0}) {
    const Gaps gaps = gaps_of(instants(WeibullArrivals{.rate = PerSecond{5.0}, .cv = cv}, kDraws));
    INFO(cv);
    CHECK(gaps.mean == Approx(0.2).epsilon(0.02));
    CHECK(gaps.cv == Approx(cv).epsilon(0.02));
  }
}

TEST_CASE("arrivals: a modulated process has its mean rate and its dispersion of counts") {
  // Rates 20 and 2 /s, 2 s and 4 s each on average: a mean of (40 + 8) / 6 = 8 /s. Over windows much longer than the
  // states the variance over the mean of counts is 1 + 2 p1 p2 (l1 - l2)^2 / ((r1 + r2) mean) with r = 1 / dwell:
  // 1 + 2 * 1/3 * 2/3 * 18^2 / (0.75 * 8) = 25.
  const ModulatedArrivals spec{.rates = {PerSecond{20.0}, PerSecond{2.0}}, .dwell = {Seconds{2.0}, Seconds{4.0}}};
  const auto at = instants(spec, 8 * kDraws);
  CHECK(at.back() == Approx(kDraws).epsilon(0.02));
  constexpr double kWindow = 200.0;
  std::vector<double> counts(static_cast<std::size_t>(at.back() / kWindow));
  for (const double instant : at) {
    const auto window = static_cast<std::size_t>(instant / kWindow);
    if (window < counts.size()) ++counts[window];
  }
  double sum = 0.0;
  double squares = 0.0;
  for (const double count : counts) {
    sum += count;
    squares += count * count;
  }
  const double mean = sum / static_cast<double>(counts.size());
  const double dispersion = (squares / static_cast<double>(counts.size()) - mean * mean) / mean;
  // 500 windows: the estimate of a variance is known to sqrt(2 / 500) = 6 %; three of these.
  CHECK(dispersion == Approx(25.0).epsilon(0.19));
}

TEST_CASE("arrivals: batches come at one instant and the rate counts requests") {
  const auto at = instants(BatchArrivals{.rate = PerSecond{10.0}, .size = 4}, kDraws);
  CHECK(at.back() == Approx(kDraws / 10.0).epsilon(0.02));
  for (std::size_t i = 0; i + 3 < at.size(); i += 4) {
    CHECK(at[i] == at[i + 3]);
    if (i + 4 < at.size()) CHECK(at[i + 4] > at[i]);
  }
}

TEST_CASE("arrivals: on a ramp the nth request comes where the integral of the rate is n") {
  // Constant gaps of 1 /s under a factor that rises from 0 to 2 in 10 s: integral t^2 / 10, so t = sqrt(10 n); 10 s
  // behind the ramp holds 10 + 20 requests.
  const RateCurve ramp{.at = {Seconds{0.0}, Seconds{10.0}}, .factor = {0.0, 2.0}};
  const auto at = instants(ConstantArrivals{.rate = PerSecond{1.0}}, 30, ramp);
  for (int n = 1; n <= 10; ++n)
    CHECK(at[static_cast<std::size_t>(n - 1)] == Approx(std::sqrt(10.0 * n)).epsilon(1e-12));
  CHECK(at[29] == Approx(20.0).epsilon(1e-12));
}

TEST_CASE("arrivals: jumps and pauses and periods of a curve are kept") {
  // 2 /s for 5 s, nothing for 5 s, and so on: 10 requests a period.
  const RateCurve square{.at = {Seconds{0.0}, Seconds{5.0}, Seconds{5.0}, Seconds{10.0}},
                         .factor = {2.0, 2.0, 0.0, 0.0},
                         .period = Seconds{10.0}};
  validate(square);
  const auto at = instants(ConstantArrivals{.rate = PerSecond{1.0}}, 30, square);
  CHECK(at[0] == Approx(0.5).epsilon(1e-12));
  CHECK(at[9] == Approx(5.0).epsilon(1e-12));
  CHECK(at[10] == Approx(10.5).epsilon(1e-12));
  CHECK(at[29] == Approx(25.0).epsilon(1e-12));
}

TEST_CASE("arrivals: a curve that ends at 0 ends the stream") {
  const RateCurve ending{.at = {Seconds{0.0}, Seconds{10.0}}, .factor = {1.0, 0.0}};  // an area of 5
  const auto at = instants(ConstantArrivals{.rate = PerSecond{1.0}}, 7, ending);
  CHECK(at[3] < 10.0);
  CHECK(std::isinf(at[5]));
  CHECK(std::isinf(at[6]));
}

TEST_CASE("arrivals: a curve leaves a Poisson stream one in even time") {
  // Two halves with factors 1 and 3: the counts are a quarter and three quarters, and gaps inside a half have CV 1.
  const RateCurve halves{.at = {Seconds{0.0}, Seconds{5000.0}, Seconds{5000.0}}, .factor = {1.0, 1.0, 3.0}};
  const auto at = instants(PoissonArrivals{.rate = PerSecond{5.0}}, kDraws, halves);
  std::vector<double> second;
  std::size_t first = 0;
  for (const double instant : at) {
    if (instant < 5000.0) {
      ++first;
    } else {
      second.push_back(instant - 5000.0);
    }
  }
  CHECK(static_cast<double>(first) == Approx(25'000).epsilon(0.02));
  const Gaps gaps = gaps_of(second);
  CHECK(gaps.mean == Approx(1.0 / 15.0).epsilon(0.02));
  CHECK(gaps.cv == Approx(1.0).epsilon(0.02));
}
