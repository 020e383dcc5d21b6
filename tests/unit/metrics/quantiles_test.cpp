#include "sim/metrics/quantiles.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::metrics;

namespace {

constexpr std::int64_t kMs = 1'000'000;

/// 1 ms, 2 ms, ... `last` ms, in an order that is not theirs.
Quantiles milliseconds(std::int64_t last, std::size_t exact_limit) {
  Quantiles all(exact_limit);
  for (std::int64_t i = last; i > 0; i -= 2) all.add(SimTime{i * kMs});
  for (std::int64_t i = last - 1; i > 0; i -= 2) all.add(SimTime{i * kMs});
  return all;
}

/// Spans that are even over magnitudes: from 1 ns to about 2^50 ns (13 days).
std::vector<std::int64_t> spans(std::size_t count) {
  std::mt19937_64 draw(11);
  std::vector<std::int64_t> all(count);
  for (std::int64_t& span : all) span = static_cast<std::int64_t>(draw() >> (14 + draw() % 50));
  return all;
}

}  // namespace

TEST_CASE("quantiles: nearest rank of 1 to 100") {
  Quantiles all = milliseconds(100, 1000);
  REQUIRE(all.exact());
  CHECK(all.count() == 100);
  // Rank ceil(q * 100): 50, 90, 99, 100 and never below 1.
  CHECK(all.quantile(0.50) == SimTime{50 * kMs}.seconds());
  CHECK(all.quantile(0.90) == SimTime{90 * kMs}.seconds());
  CHECK(all.quantile(0.99) == SimTime{99 * kMs}.seconds());
  CHECK(all.quantile(0.991) == SimTime{100 * kMs}.seconds());
  CHECK(all.quantile(1.0) == SimTime{100 * kMs}.seconds());
  CHECK(all.quantile(0.0001) == SimTime{1 * kMs}.seconds());
  CHECK(all.mean().value() == doctest::Approx(0.0505).epsilon(1e-14));  // 101 / 2 ms, rounded once
}

TEST_CASE("quantiles: a sample that comes after a question is counted") {
  Quantiles all;
  all.add(SimTime{5});
  all.add(SimTime{1});
  CHECK(all.quantile(0.5) == SimTime{1}.seconds());
  all.add(SimTime{3});
  CHECK(all.quantile(0.5) == SimTime{3}.seconds());  // rank ceil(1.5) = 2 of 1, 3, 5
}

TEST_CASE("quantiles: folding into buckets keeps count and mean and moves quantiles by at most 0.05 %") {
  Quantiles exact = milliseconds(10'000, 10'000);
  Quantiles folded = milliseconds(10'000, 777);
  REQUIRE(exact.exact());
  REQUIRE(!folded.exact());
  CHECK(folded.count() == 10'000);
  CHECK(folded.mean().value() == doctest::Approx(exact.mean().value()).epsilon(1e-14));
  for (const double q : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    CHECK(std::abs(folded.quantile(q).value() / exact.quantile(q).value() - 1.0) <= 0.0005);
  }
}

TEST_CASE("quantiles: a question without samples is a bug") {
  Quantiles none;
  CHECK_THROWS_AS((void)none.mean(), BugError);
  CHECK_THROWS_AS((void)none.quantile(0.5), BugError);
  none.add(SimTime{1});
  CHECK_THROWS_AS((void)none.quantile(0.0), BugError);
  CHECK_THROWS_AS((void)none.quantile(1.1), BugError);
}

TEST_CASE("span histogram: a span of any size is found again within 0.05 %") {
  for (const std::int64_t ns : spans(5'000)) {
    SpanHistogram one;
    one.add(SimTime{ns}, 1);
    const double found = one.quantile(0.5).value() * 1e9;
    if (ns < 2048) {
      CHECK(found == doctest::Approx(static_cast<double>(ns)).epsilon(1e-12));
    } else {
      CHECK(std::abs(found / static_cast<double>(ns) - 1.0) <= 0.0005);
    }
  }
}

TEST_CASE("span histogram: buckets meet at powers of two and the largest span has one") {
  for (const std::int64_t ns : {2047L, 2048L, 4095L, 4096L, (1L << 40) - 1, 1L << 40, INT64_MAX}) {
    SpanHistogram one;
    one.add(SimTime{ns}, 1);
    CHECK(std::abs(one.quantile(1.0).value() * 1e9 / static_cast<double>(ns) - 1.0) <= 0.0005);
  }
}

TEST_CASE("span histogram: a weight is as good as that many samples") {
  SpanHistogram weighed;
  weighed.add(SimTime{100}, 90);
  weighed.add(SimTime{500}, 9);
  weighed.add(SimTime{900}, 1);
  CHECK(weighed.count() == 100);
  CHECK(weighed.quantile(0.90) == Seconds{100 * 1e-9});
  CHECK(weighed.quantile(0.91) == Seconds{500 * 1e-9});
  CHECK(weighed.quantile(0.99) == Seconds{500 * 1e-9});
  CHECK(weighed.quantile(1.0) == Seconds{900 * 1e-9});
  // (90 * 100 + 9 * 500 + 900) / 100 = 144 ns
  CHECK(weighed.mean().value() == doctest::Approx(144e-9).epsilon(1e-14));
}

TEST_CASE("span histogram: two halves add up to the whole") {
  SpanHistogram whole;
  SpanHistogram left;
  SpanHistogram right;
  bool to_left = false;
  for (const std::int64_t ns : spans(2'000)) {
    whole.add(SimTime{ns}, 3);
    (to_left ? left : right).add(SimTime{ns}, 3);
    to_left = !to_left;
  }
  left.add(right);
  CHECK(left.count() == whole.count());
  CHECK(left.mean() == whole.mean());
  for (const double q : {0.01, 0.5, 0.99, 1.0}) CHECK(left.quantile(q) == whole.quantile(q));
}

TEST_CASE("span histogram: quantiles of random spans are within 0.05 % of nearest rank") {
  std::vector<std::int64_t> all = spans(9'999);
  SpanHistogram histogram;
  for (const std::int64_t ns : all) histogram.add(SimTime{ns}, 1);
  std::sort(all.begin(), all.end());
  for (const double q : {0.25, 0.5, 0.75, 0.9, 0.99}) {
    const auto rank = static_cast<std::size_t>(std::ceil(q * 9'999.0));
    CHECK(std::abs(histogram.quantile(q).value() * 1e9 / static_cast<double>(all[rank - 1]) - 1.0) <= 0.0005);
  }
}

TEST_CASE("span histogram: a mean stays exact where nanoseconds times tokens outgrow 64 bits") {
  SpanHistogram histogram;
  histogram.add(SimTime{4'000'000'000'000}, 10'000'000'000);  // 4e22 > 2^64 = 1.8e19
  CHECK(histogram.mean().value() == doctest::Approx(4'000.0).epsilon(1e-14));
}
