#include "sim/config/read_arrivals.hpp"

#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>

namespace tokenyard::config {
namespace {

using namespace workloads;

constexpr double kLargest = 1e9;  // of ratios without a bound of their own

ArrivalSpec arrivals_of_kind(YamlMap& map, const std::string& kind, double scale) {
  if (kind == "closed_loop") return ClosedLoop{.concurrency = map.count("concurrency", 1, 10'000'000)};
  if (kind == "mmpp") {
    ModulatedArrivals spec;
    for (YamlMap& state : map.maps("states", "workload.arrivals.state")) {
      spec.rates.push_back(state.rate("rate") * scale);
      spec.dwell.push_back(state.seconds("dwell"));
      state.finish();
    }
    return spec;
  }
  const PerSecond rate = map.rate("rate") * scale;
  if (kind == "constant") return ConstantArrivals{.rate = rate};
  if (kind == "poisson") return PoissonArrivals{.rate = rate};
  if (kind == "weibull") return WeibullArrivals{.rate = rate, .cv = map.number("cv", 0.0, 100.0)};
  if (kind == "batch") return BatchArrivals{.rate = rate, .size = map.count("size", 1, 10'000'000)};
  if (kind == "on_off") {  // `rate` is the mean over both
    const Seconds on = map.seconds("on");
    const Seconds off = map.seconds("off");
    const double busy = (on + off) / on;
    return ModulatedArrivals{.rates = {rate * busy, PerSecond{0.0}}, .dwell = {on, off}};
  }
  return GammaArrivals{.rate = rate, .cv = map.number("cv", 0.0, 100.0)};
}

/// Factor `factor` from `from` until `until` times what the curve says otherwise; knots are made where it begins and
/// ends.
void add_burst(RateCurve& curve, double from, double until, double factor) {
  RateCurve with{.period = curve.period};
  const auto value = [&](double at, bool behind) {  // of the curve; at a jump before or behind it
    std::size_t right = 0;
    while (right < curve.at.size() && (behind ? curve.at[right].value() <= at : curve.at[right].value() < at)) ++right;
    if (right == 0) return curve.factor.front();
    if (right == curve.at.size()) return curve.factor.back();
    const double left_at = curve.at[right - 1].value();
    const double along = (at - left_at) / (curve.at[right].value() - left_at);
    return curve.factor[right - 1] + along * (curve.factor[right] - curve.factor[right - 1]);
  };
  const auto knot = [&](double at, double height) {
    with.at.push_back(Seconds{at});
    with.factor.push_back(height);
  };
  for (std::size_t i = 0; i < curve.at.size() && curve.at[i].value() < from; ++i)
    knot(curve.at[i].value(), curve.factor[i]);
  if (from > 0.0) knot(from, value(from, false));
  knot(from, value(from, true) * factor);
  for (std::size_t i = 0; i < curve.at.size(); ++i) {
    if (curve.at[i].value() > from && curve.at[i].value() < until) knot(curve.at[i].value(), curve.factor[i] * factor);
  }
  knot(until, value(until, false) * factor);
  knot(until, value(until, true));
  for (std::size_t i = 0; i < curve.at.size(); ++i) {
    if (curve.at[i].value() > until) knot(curve.at[i].value(), curve.factor[i]);
  }
  curve = with;
}

RateCurve curve_of_kind(YamlMap& map, const std::string& kind) {
  RateCurve curve;
  const auto knot = [&](double at, double factor) {
    curve.at.push_back(Seconds{at});
    curve.factor.push_back(factor);
  };
  if (kind == "constant") knot(0.0, 1.0);
  if (kind == "ramp") {
    knot(0.0, map.number("from", 0.0, 1e6));
    knot(map.seconds("over").value(), map.number("to", 0.0, 1e6));
  } else if (kind == "stages") {
    double at = 0.0;
    for (YamlMap& stage : map.maps("stages", "workload.curve.stage")) {
      const double factor = stage.number("factor", 0.0, 1e6);
      knot(at, factor);
      at += stage.seconds("for").value();
      knot(at, factor);
      stage.finish();
    }
    if (curve.at.empty()) map.fail("stages", "is empty; a stage at least is needed");
  } else if (kind == "diurnal") {
    constexpr int kKnots = 96;  // between them a cosine and its chord differ by 0.05 % of the amplitude
    const double period = map.seconds("period").value();
    const double peak = map.seconds("peak").value();
    const double ratio = map.number("peak_to_trough", 1.0, 1e6);
    const double amplitude = (ratio - 1.0) / (ratio + 1.0);
    for (int i = 0; i <= kKnots; ++i) {
      const double at = period * i / kKnots;
      knot(at, 1.0 + amplitude * std::cos(2.0 * std::numbers::pi * (at - peak) / period));
    }
    curve.period = Seconds{period};
  } else if (kind == "table") {
    curve.factor = map.numbers("factor");
    const double step = map.seconds("step").value();
    for (std::size_t i = 0; i < curve.factor.size(); ++i) curve.at.push_back(Seconds{step * static_cast<double>(i)});
    if (map.flag("repeat")) curve.period = Seconds{step * static_cast<double>(curve.factor.size())};
  }
  return curve;
}

}  // namespace

ArrivalSpec read_arrivals(YamlMap& workload) {
  YamlMap map = workload.map("arrivals", "workload.arrivals");
  const std::string kind =
      map.choice("kind", {"constant", "poisson", "gamma", "weibull", "mmpp", "on_off", "batch", "closed_loop"});
  // A closed loop has no rate to scale; a `scale` beside it stays unread and is refused as without meaning.
  const double scale = kind == "closed_loop" ? 1.0 : workload.number("scale", 1e-9, kLargest);
  const ArrivalSpec spec = arrivals_of_kind(map, kind, scale);
  map.finish();
  map.located([&] { validate(spec); });
  return spec;
}

ArrivalSpec read_arrivals_of_trace(YamlMap map) {
  const std::string kind = map.choice("kind", {"constant", "poisson", "gamma", "weibull", "mmpp", "on_off", "batch"});
  const ArrivalSpec spec = arrivals_of_kind(map, kind, 1.0);
  map.finish();
  return spec;
}

RateCurve read_curve(YamlMap map) {
  RateCurve curve = curve_of_kind(map, map.choice("kind", {"constant", "ramp", "stages", "diurnal", "table"}));
  map.located([&] { validate(curve); });
  if (map.has("bursts")) {
    for (YamlMap& burst : map.maps("bursts", "workload.curve.burst")) {
      const double from = burst.seconds("at").value();
      const double until = from + burst.seconds("for").value();
      if (curve.period && until > curve.period->value()) burst.fail("at", "lies behind the period of the curve");
      add_burst(curve, from, until, burst.number("factor", 0.0, 1e6));
      burst.finish();
    }
  }
  map.finish();
  map.located([&] { validate(curve); });
  return curve;
}

}  // namespace tokenyard::config
