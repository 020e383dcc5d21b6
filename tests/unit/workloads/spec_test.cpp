#include "workloads/spec.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace tokenyard;
using namespace tokenyard::workloads;

namespace {

WorkloadSpec good() {
  const ClientSpec client{
      .name = "chat", .prompt = ConstantLength{.tokens = 100}, .output = ConstantLength{.tokens = 10}};
  return WorkloadSpec{.source = SyntheticSpec{.arrivals = PoissonArrivals{.rate = PerSecond{5.0}}, .clients = {client}},
                      .duration = SimTime{1'000'000'000},
                      .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
}

SyntheticSpec& synthetic(WorkloadSpec& spec) { return std::get<SyntheticSpec>(spec.source); }

/// The key that `validate` complains about; empty when it does not.
template <class Spec>
std::string refused(const Spec& spec) {
  try {
    validate(spec);
  } catch (const SpecError& error) {
    return error.field();
  }
  return "";
}

}  // namespace

TEST_CASE("workload spec: a whole one passes") { CHECK(refused(good()).empty()); }

TEST_CASE("workload spec: arrivals are refused by key") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(refused(ArrivalSpec{PoissonArrivals{.rate = PerSecond{0.0}}}) == "rate");
  CHECK(refused(ArrivalSpec{ConstantArrivals{.rate = PerSecond{-1.0}}}) == "rate");
  CHECK(refused(ArrivalSpec{PoissonArrivals{.rate = PerSecond{nan}}}) == "rate");
  CHECK(refused(ArrivalSpec{GammaArrivals{.rate = PerSecond{1.0}, .cv = 0.0}}) == "cv");
  CHECK(refused(ArrivalSpec{GammaArrivals{.rate = PerSecond{1.0}, .cv = nan}}) == "cv");
  CHECK(refused(ArrivalSpec{ClosedLoop{.concurrency = 0}}) == "concurrency");
}

TEST_CASE("workload spec: lengths are refused by key") {
  CHECK(refused(LengthSpec{ConstantLength{.tokens = 0}}) == "tokens");
  CHECK(refused(LengthSpec{UniformLength{.min = 0, .max = 3}}) == "min");
  CHECK(refused(LengthSpec{UniformLength{.min = 4, .max = 3}}) == "min");
  CHECK(refused(LengthSpec{UniformLength{.min = 4, .max = kMaxTokens + 1}}) == "max");
  CHECK(refused(LengthSpec{LognormalLength{.median = 0.5, .sigma = 1.0}}) == "median");
  CHECK(refused(LengthSpec{LognormalLength{.median = 5.0, .sigma = -1.0}}) == "sigma");
  CHECK(refused(LengthSpec{LognormalLength{.median = 5.0, .sigma = 1.0, .min = 9, .max = 8}}) == "min");
}

TEST_CASE("workload spec: quantiles must rise from 0 to 1 and their tokens never fall") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(refused(LengthSpec{EmpiricalLength{.at = {0.0, 1.0}, .tokens = {5.0, 5.0}}}).empty());
  CHECK(refused(LengthSpec{EmpiricalLength{.at = {0.0}, .tokens = {5.0}}}) == "at");
  CHECK(refused(LengthSpec{EmpiricalLength{.at = {0.1, 1.0}, .tokens = {5.0, 6.0}}}) == "at");
  CHECK(refused(LengthSpec{EmpiricalLength{.at = {0.0, 0.9}, .tokens = {5.0, 6.0}}}) == "at");
  CHECK(refused(LengthSpec{EmpiricalLength{.at = {0.0, 0.5, 0.5, 1.0}, .tokens = {5.0, 6.0, 7.0, 8.0}}}) == "at");
  CHECK(refused(LengthSpec{EmpiricalLength{.at = {0.0, nan, 1.0}, .tokens = {5.0, 6.0, 7.0}}}) == "at");
  CHECK(refused(LengthSpec{EmpiricalLength{.at = {0.0, 1.0}, .tokens = {5.0}}}) == "tokens");
  CHECK(refused(LengthSpec{EmpiricalLength{.at = {0.0, 1.0}, .tokens = {6.0, 5.0}}}) == "tokens");
  CHECK(refused(LengthSpec{EmpiricalLength{.at = {0.0, 1.0}, .tokens = {0.0, 5.0}}}) == "tokens");
  CHECK(refused(LengthSpec{EmpiricalLength{.at = {0.0, 0.5, 1.0}, .tokens = {1.0, nan, 5.0}}}) == "tokens");
}

TEST_CASE("workload spec: traces are refused by key") {
  CHECK(refused(TraceSpec{.path = ""}) == "path");
  CHECK(refused(TraceSpec{.path = "x", .format = "moon"}) == "format");
  CHECK(refused(TraceSpec{.path = "x", .speedup = 0.0}) == "speedup");
  CHECK(refused(TraceSpec{.path = "x", .window_start = SimTime{-1}}) == "window_start");
  CHECK(refused(TraceSpec{.path = "x", .window = SimTime{}}) == "window");
}

TEST_CASE("workload spec: clients are refused with the path of the key") {
  WorkloadSpec spec = good();
  auto& clients = synthetic(spec).clients;
  SUBCASE("none") {
    clients.clear();
    CHECK(refused(spec) == "clients");
  }
  SUBCASE("two of one name") {
    clients.push_back(clients.front());
    CHECK(refused(spec) == "clients");
  }
  SUBCASE("weights that sum to 0") {
    clients.front().weight = 0.0;
    CHECK(refused(spec) == "clients");
  }
  SUBCASE("a negative weight") {
    clients.front().weight = -1.0;
    CHECK(refused(spec) == "clients.chat.weight");
  }
  SUBCASE("an unknown class") {
    clients.front().slo_class = "gold";
    CHECK(refused(spec) == "clients.chat.slo_class");
  }
  SUBCASE("a bad length") {
    clients.front().prompt = UniformLength{.min = 5, .max = 4};
    CHECK(refused(spec) == "clients.chat.prompt.min");
  }
}

TEST_CASE("workload spec: a stream must end and leave something to count") {
  WorkloadSpec spec = good();
  SUBCASE("neither duration nor requests") {
    spec.duration.reset();
    CHECK(refused(spec) == "duration");
  }
  SUBCASE("requests alone do") {
    spec.duration.reset();
    spec.requests = 10;
    CHECK(refused(spec).empty());
  }
  SUBCASE("no requests") {
    spec.requests = 0;
    CHECK(refused(spec) == "requests");
  }
  SUBCASE("more requests than there are ids") {
    spec.requests = std::uint64_t{1} << 32U;
    CHECK(refused(spec) == "requests");
  }
  SUBCASE("no time") {
    spec.duration = SimTime{};
    CHECK(refused(spec) == "duration");
  }
  SUBCASE("a warm-up as long as the run") {
    spec.warm_up = *spec.duration;
    CHECK(refused(spec) == "warm_up");
  }
  SUBCASE("a warm-up as long as a trace's window after its speedup: 10 s at 2x is 5 s") {
    spec.source = TraceSpec{.path = "x", .speedup = 2.0, .window = SimTime{10'000'000'000}};
    spec.duration.reset();
    spec.warm_up = SimTime{5'000'000'000};
    CHECK(refused(spec) == "warm_up");
    spec.warm_up = SimTime{4'999'999'999};
    CHECK(refused(spec).empty());
  }
}

TEST_CASE("workload spec: classes are refused by key") {
  WorkloadSpec spec = good();
  SUBCASE("none") {
    spec.classes.clear();
    CHECK(refused(spec) == "slo");
  }
  SUBCASE("two of one name") {
    spec.classes.push_back(spec.classes.front());
    CHECK(refused(spec) == "slo.default");
  }
  SUBCASE("a target of 0") {
    spec.classes.front().tpot = Seconds{0.0};
    CHECK(refused(spec) == "slo.default.tpot");
  }
}
