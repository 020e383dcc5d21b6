#include "workloads/synthetic_source.hpp"

#include "models/base/errors.hpp"
#include "workloads/make_request_source.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;
using doctest::Approx;

namespace {

constexpr std::uint64_t kDraws = 100'000;

WorkloadSpec workload_of(ArrivalSpec arrivals) {
  const ClientSpec client{
      .name = "all", .prompt = ConstantLength{.tokens = 100}, .output = ConstantLength{.tokens = 10}};
  return WorkloadSpec{.source = SyntheticSpec{.arrivals = std::move(arrivals), .clients = {client}},
                      .requests = kDraws,
                      .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
}

SyntheticSpec& synthetic(WorkloadSpec& spec) { return std::get<SyntheticSpec>(spec.source); }

std::vector<Arrival> all_of(const WorkloadSpec& spec, std::uint64_t seed = 5) {
  validate(spec);
  const auto source = make_request_source(spec, seed, nullptr);
  std::vector<Arrival> all;
  while (const auto arrival = source->next()) all.push_back(*arrival);
  return all;
}

struct Gaps {
  double mean_s = 0.0;
  double cv = 0.0;
  double share_above_mean = 0.0;
};

Gaps gaps_of(const std::vector<Arrival>& all) {
  std::vector<double> gaps;
  SimTime before;
  for (const Arrival& one : all) {
    gaps.push_back((one.request.arrival - before).seconds().value());
    before = one.request.arrival;
  }
  double sum = 0.0;
  double squares = 0.0;
  for (const double gap : gaps) {
    sum += gap;
    squares += gap * gap;
  }
  const auto n = static_cast<double>(gaps.size());
  const double mean = sum / n;
  double above = 0.0;
  for (const double gap : gaps) above += gap > mean ? 1.0 : 0.0;
  return {mean, std::sqrt(squares / n - mean * mean) / mean, above / n};
}

}  // namespace

TEST_CASE("synthetic: constant arrivals stand one gap apart and end with the duration") {
  WorkloadSpec spec = workload_of(ConstantArrivals{.rate = PerSecond{4.0}});
  spec.duration = SimTime{2'000'000'000};
  const auto all = all_of(spec);
  REQUIRE(all.size() == 8);  // 4 /s for 2 s: at 0.25 s, 0.5 s, ... 2.0 s
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].request.arrival.ns() == 250'000'000 * static_cast<std::int64_t>(i + 1));
    CHECK(all[i].request.id.index() == i);
    CHECK(all[i].request.prompt_tokens == 100);
    CHECK(all[i].fate.output_tokens == 10);
  }
}

TEST_CASE("synthetic: rounding to nanoseconds does not let a rate drift") {
  // 1/3 s is no whole number of nanoseconds: the 100,000th arrival is still at 33,333.333333333 s, to the nanosecond.
  const auto all = all_of(workload_of(ConstantArrivals{.rate = PerSecond{3.0}}));
  CHECK(all.back().request.arrival.ns() == 33'333'333'333'333);
}

TEST_CASE("synthetic: the number of requests ends the stream when it comes first") {
  WorkloadSpec spec = workload_of(ConstantArrivals{.rate = PerSecond{4.0}});
  spec.duration = SimTime{2'000'000'000};
  spec.requests = 3;
  CHECK(all_of(spec).size() == 3);
}

TEST_CASE("synthetic: Poisson gaps are exponential") {
  const Gaps gaps = gaps_of(all_of(workload_of(PoissonArrivals{.rate = PerSecond{5.0}})));
  CHECK(gaps.mean_s == Approx(0.2).epsilon(0.02));
  CHECK(gaps.cv == Approx(1.0).epsilon(0.02));
  CHECK(gaps.share_above_mean == Approx(std::exp(-1.0)).epsilon(0.02));  // P(gap > mean) = 1/e
}

TEST_CASE("synthetic: gamma gaps have their mean and CV") {
  SUBCASE("CV 3") {
    // sd of the mean of n gaps: CV/sqrt(n) = 0.9 %. sd of the CV: sqrt of (kurtosis of the squares)/n, about 1.6 %.
    const Gaps gaps = gaps_of(all_of(workload_of(GammaArrivals{.rate = PerSecond{5.0}, .cv = 3.0})));
    CHECK(gaps.mean_s == Approx(0.2).epsilon(0.02));
    CHECK(gaps.cv == Approx(3.0).epsilon(0.03));
  }
  SUBCASE("CV 0.5 is smoother than Poisson") {
    const Gaps gaps = gaps_of(all_of(workload_of(GammaArrivals{.rate = PerSecond{5.0}, .cv = 0.5})));
    CHECK(gaps.mean_s == Approx(0.2).epsilon(0.02));
    CHECK(gaps.cv == Approx(0.5).epsilon(0.02));
  }
  SUBCASE("CV 1 is Poisson") {
    const Gaps gaps = gaps_of(all_of(workload_of(GammaArrivals{.rate = PerSecond{5.0}, .cv = 1.0})));
    CHECK(gaps.share_above_mean == Approx(std::exp(-1.0)).epsilon(0.02));
  }
}

TEST_CASE("synthetic: arrivals never go back") {
  SimTime before;
  for (const Arrival& one : all_of(workload_of(GammaArrivals{.rate = PerSecond{1000.0}, .cv = 10.0}))) {
    REQUIRE(one.request.arrival >= before);
    before = one.request.arrival;
  }
}

TEST_CASE("synthetic: a closed loop leaves the times to the front door") {
  WorkloadSpec spec = workload_of(ClosedLoop{.concurrency = 64});
  spec.requests = 1000;
  const auto all = all_of(spec);
  CHECK(all.size() == 1000);
  for (const Arrival& one : all) CHECK(one.request.arrival == SimTime{});
}

TEST_CASE("synthetic: a closed loop with a duration alone does not end by itself") {
  WorkloadSpec spec = workload_of(ClosedLoop{.concurrency = 2});
  spec.requests.reset();
  spec.duration = SimTime{1};
  validate(spec);
  SyntheticSource source{spec, 1};
  for (int i = 0; i < 1000; ++i) CHECK(source.next().has_value());
  CHECK_FALSE(source.horizon().has_value());
  CHECK_FALSE(source.expected().has_value());
}

TEST_CASE("synthetic: clients come by weight and bring their class and lengths") {
  WorkloadSpec spec = workload_of(PoissonArrivals{.rate = PerSecond{5.0}});
  spec.classes.push_back({.name = "batch", .ttft = Seconds{60.0}, .tpot = Seconds{1.0}});
  synthetic(spec).clients = {
      {.name = "chat", .weight = 3.0, .prompt = ConstantLength{1}, .output = ConstantLength{2}},
      {.name = "nobody", .weight = 0.0, .prompt = ConstantLength{9}, .output = ConstantLength{9}},
      {.name = "batch", .weight = 1.0, .slo_class = "batch", .prompt = ConstantLength{3}, .output = ConstantLength{4}}};
  std::uint64_t chats = 0;
  for (const Arrival& one : all_of(spec)) {
    const bool chat = one.request.slo_class == ClassId{0};
    chats += chat ? 1 : 0;
    REQUIRE(one.request.prompt_tokens == (chat ? 1 : 3));
    REQUIRE(one.fate.output_tokens == (chat ? 2 : 4));
  }
  CHECK(static_cast<double>(chats) / static_cast<double>(kDraws) == Approx(0.75).epsilon(0.02));
}

TEST_CASE("synthetic: changing one part leaves the draws of the others as they were") {
  WorkloadSpec spec = workload_of(PoissonArrivals{.rate = PerSecond{5.0}});
  spec.requests = 1000;
  synthetic(spec).clients[0].prompt = LognormalLength{.median = 500, .sigma = 1.0};
  synthetic(spec).clients[0].output = UniformLength{.min = 1, .max = 100'000};
  const auto before = all_of(spec);

  SUBCASE("other prompts: same arrivals and outputs") {
    synthetic(spec).clients[0].prompt = UniformLength{.min = 1, .max = 5000};
    const auto after = all_of(spec);
    for (std::size_t i = 0; i < before.size(); ++i) {
      REQUIRE(after[i].request.arrival == before[i].request.arrival);
      REQUIRE(after[i].fate.output_tokens == before[i].fate.output_tokens);
    }
  }
  SUBCASE("other arrivals: same lengths") {
    synthetic(spec).arrivals = GammaArrivals{.rate = PerSecond{9.0}, .cv = 4.0};
    const auto after = all_of(spec);
    for (std::size_t i = 0; i < before.size(); ++i) {
      REQUIRE(after[i].request.prompt_tokens == before[i].request.prompt_tokens);
      REQUIRE(after[i].fate.output_tokens == before[i].fate.output_tokens);
    }
  }
  SUBCASE("twice the rate: the same stream in half the time") {
    synthetic(spec).arrivals = PoissonArrivals{.rate = PerSecond{10.0}};
    const auto after = all_of(spec);
    for (std::size_t i = 0; i < before.size(); ++i) {
      // Half a nanosecond of rounding on either side.
      REQUIRE(std::abs(2 * after[i].request.arrival.ns() - before[i].request.arrival.ns()) <= 2);
    }
  }
  SUBCASE("another seed: another stream") {
    const auto after = all_of(spec, 6);
    CHECK(after[0].request.arrival != before[0].request.arrival);
  }
  SUBCASE("the same seed: the same stream") {
    const auto after = all_of(spec);
    for (std::size_t i = 0; i < before.size(); ++i) {
      REQUIRE(after[i].request.arrival == before[i].request.arrival);
      REQUIRE(after[i].request.prompt_tokens == before[i].request.prompt_tokens);
    }
  }
}

TEST_CASE("synthetic: prompt and output are drawn independently") {
  WorkloadSpec spec = workload_of(PoissonArrivals{.rate = PerSecond{5.0}});
  synthetic(spec).clients[0].prompt = UniformLength{.min = 1, .max = 1'000'001};
  synthetic(spec).clients[0].output = UniformLength{.min = 1, .max = 1'000'001};
  double product = 0.0;
  for (const Arrival& one : all_of(spec)) {
    product += (one.request.prompt_tokens / 1e6 - 0.5) * (one.fate.output_tokens / 1e6 - 0.5);
  }
  // Correlation = covariance / (1/12); its standard deviation at n = 1e5 is 0.0032.
  CHECK(std::abs(product / static_cast<double>(kDraws) * 12.0) < 4 * 0.0032);
}

TEST_CASE("synthetic: a request beyond the model's context names itself and both lengths") {
  WorkloadSpec spec = workload_of(ConstantArrivals{.rate = PerSecond{1.0}});
  spec.max_context = 109;
  CHECK_THROWS_WITH_AS(
      all_of(spec),
      "workload: request 0 of client 'all': prompt of 100 + output of 10 = 110 tokens, but the model's "
      "context is 109; draw shorter lengths or take a model with a longer context",
      SpecError);
  spec.max_context = 110;  // the limit itself fits
  CHECK(all_of(spec).size() == kDraws);
}

TEST_CASE("synthetic: a rate so low that the clock ends is refused") {
  WorkloadSpec spec = workload_of(ConstantArrivals{.rate = PerSecond{1e-9}});  // 10 requests in 1e10 s
  spec.requests = 10;
  CHECK_THROWS_WITH_AS(all_of(spec), doctest::Contains("more than 285 years"), SpecError);
}

TEST_CASE("synthetic: what is known beforehand is told") {
  WorkloadSpec spec = workload_of(PoissonArrivals{.rate = PerSecond{5.0}});
  CHECK(SyntheticSource(spec, 1).expected() == kDraws);
  CHECK_FALSE(SyntheticSource(spec, 1).horizon().has_value());
  spec.duration = SimTime{7};
  CHECK_FALSE(SyntheticSource(spec, 1).expected().has_value());
  CHECK(SyntheticSource(spec, 1).horizon() == SimTime{7});
}
