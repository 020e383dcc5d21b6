#include "sim/config/read_workload.hpp"

#include "models/base/errors.hpp"

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenyard::config {
namespace {

using namespace workloads;

constexpr double kLargest = 1e9;  // of ratios without a bound of their own

SimTime read_time(YamlMap& map, std::string_view key) { return SimTime::from(map.seconds(key)); }

LengthSpec length_of_kind(YamlMap& map, const std::string& kind) {
  if (kind == "constant") return ConstantLength{.tokens = map.count("tokens", 1, kMaxTokens)};
  if (kind == "uniform") {
    return UniformLength{.min = map.count("min", 1, kMaxTokens), .max = map.count("max", 1, kMaxTokens)};
  }
  if (kind == "empirical") return EmpiricalLength{.at = map.numbers("at"), .tokens = map.numbers("tokens")};
  return LognormalLength{.median = map.number("median", 1.0, double{kMaxTokens}),
                         .sigma = map.number("sigma", 0.0, 10.0),
                         .min = map.count("min", 1, kMaxTokens),
                         .max = map.given("max") ? map.count("max", 1, kMaxTokens) : kMaxTokens};
}

LengthSpec read_length(YamlMap map) {
  LengthSpec spec = length_of_kind(map, map.choice("kind", {"constant", "uniform", "lognormal", "empirical"}));
  map.finish();
  map.located([&] { validate(spec); });
  return spec;
}

ArrivalSpec arrivals_of_kind(YamlMap& map, const std::string& kind, double scale) {
  if (kind == "closed_loop") return ClosedLoop{.concurrency = map.count("concurrency", 1, 10'000'000)};
  const PerSecond rate = map.rate("rate") * scale;
  if (kind == "constant") return ConstantArrivals{.rate = rate};
  if (kind == "poisson") return PoissonArrivals{.rate = rate};
  return GammaArrivals{.rate = rate, .cv = map.number("cv", 0.0, 100.0)};
}

ArrivalSpec read_arrivals(YamlMap& workload) {
  YamlMap map = workload.map("arrivals", "workload.arrivals");
  const std::string kind = map.choice("kind", {"constant", "poisson", "gamma", "closed_loop"});
  // A closed loop has no rate to scale; a `scale` beside it stays unread and is refused as without meaning.
  const double scale = kind == "closed_loop" ? 1.0 : workload.number("scale", 1e-9, kLargest);
  const ArrivalSpec spec = arrivals_of_kind(map, kind, scale);
  map.finish();
  map.located([&] { validate(spec); });
  return spec;
}

ClientSpec read_client(YamlMap map, const std::vector<SloClass>& classes) {
  std::vector<std::string> names;
  for (const SloClass& one : classes) names.push_back(one.name);
  ClientSpec client{.name = map.text("name"),
                    .weight = map.number("weight", 0.0, kLargest),
                    .slo_class = map.given("slo_class") ? map.choice("slo_class", names) : std::string{},
                    .prompt = read_length(map.map("prompt", "workload.length")),
                    .output = read_length(map.map("output", "workload.length"))};
  map.finish();
  return client;
}

SyntheticSpec read_synthetic(YamlMap& map, const std::vector<SloClass>& classes) {
  SyntheticSpec spec{.arrivals = read_arrivals(map), .clients = {}};
  if (map.has("clients")) {
    for (YamlMap& client : map.maps("clients", "workload.client")) {
      spec.clients.push_back(read_client(std::move(client), classes));
    }
  } else {
    spec.clients.push_back(ClientSpec{.name = "all",
                                      .prompt = read_length(map.map("prompt", "workload.length")),
                                      .output = read_length(map.map("output", "workload.length"))});
  }
  return spec;
}

TraceSpec read_trace(YamlMap map) {
  TraceSpec trace{.path = map.file("path").string(),
                  .format = map.choice("format", {"azure"}),
                  .speedup = map.number("speedup", 1e-3, 1e6),
                  .window_start = read_time(map, "window_start")};
  if (map.given("window")) trace.window = read_time(map, "window");
  map.finish();
  map.located([&] { validate(trace); });
  return trace;
}

std::vector<SloClass> read_classes(YamlMap& workload) {
  std::vector<SloClass> classes;
  for (auto& [name, map] : workload.named_maps("slo", "workload.slo")) {
    const SloClass one{.name = name, .ttft = map.seconds("ttft"), .tpot = map.seconds("tpot")};
    map.finish();
    map.located([&] { validate(one); });
    classes.push_back(one);
  }
  return classes;
}

/// What a preset says about itself; read so that it is known, and shown in resolved().
void read_about(YamlMap& map) {
  for (const std::string_view key : {"name", "description", "source", "leaves_out"}) {
    if (map.given(key)) static_cast<void>(map.text(key));
  }
}

}  // namespace

WorkloadSpec read_workload(YamlMap map) {
  map.lay_over("preset", "workloads/presets");
  read_about(map);
  WorkloadSpec spec{.source = TraceSpec{}, .warm_up = read_time(map, "warm_up"), .classes = read_classes(map)};
  if (map.given("duration")) spec.duration = read_time(map, "duration");
  if (map.given("requests")) {
    spec.requests = static_cast<std::uint64_t>(map.integer("requests", 1, std::numeric_limits<std::uint32_t>::max()));
  }
  if (map.choice("kind", {"synthetic", "trace"}) == "trace") {
    spec.source = read_trace(map.map("trace", "workload.trace"));
  } else {
    spec.source = read_synthetic(map, spec.classes);
  }
  map.finish();
  map.located([&] { validate(spec); });
  return spec;
}

}  // namespace tokenyard::config
