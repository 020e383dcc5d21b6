#include "sim/config/read_workload.hpp"

#include "models/base/errors.hpp"
#include "workloads/traces/formats.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenyard::config {
namespace {

using namespace workloads;

constexpr double kLargest = 1e9;  // of ratios without a bound of their own

SimTime read_time(YamlMap& map, std::string_view key) { return SimTime::from(map.seconds(key)); }

std::uint32_t shortest(YamlMap& map) { return map.count("min", 1, kMaxTokens); }
std::uint32_t longest(YamlMap& map) { return map.given("max") ? map.count("max", 1, kMaxTokens) : kMaxTokens; }
double mean_length(YamlMap& map) { return map.number("mean", 1.0, double{kMaxTokens}); }

LengthSpec length_of_kind(YamlMap& map, const std::string& kind) {
  if (kind == "constant") return ConstantLength{.tokens = map.count("tokens", 1, kMaxTokens)};
  if (kind == "uniform") return UniformLength{.min = shortest(map), .max = map.count("max", 1, kMaxTokens)};
  if (kind == "empirical") return EmpiricalLength{.at = map.numbers("at"), .tokens = map.numbers("tokens")};
  if (kind == "normal") {
    return NormalLength{.mean = mean_length(map),
                        .sd = map.number("sd", 0.0, double{kMaxTokens}),
                        .min = shortest(map),
                        .max = longest(map)};
  }
  if (kind == "exponential")
    return ExponentialLength{.mean = mean_length(map), .min = shortest(map), .max = longest(map)};
  if (kind == "gamma") {
    return GammaLength{
        .mean = mean_length(map), .cv = map.number("cv", 0.0, 100.0), .min = shortest(map), .max = longest(map)};
  }
  if (kind == "pareto")
    return ParetoLength{.alpha = map.number("alpha", 0.0, 100.0), .min = shortest(map), .max = longest(map)};
  return LognormalLength{.median = map.number("median", 1.0, double{kMaxTokens}),
                         .sigma = map.number("sigma", 0.0, 10.0),
                         .min = shortest(map),
                         .max = longest(map)};
}

const std::vector<std::string> kLengthKinds{"constant",    "uniform", "normal", "lognormal",
                                            "exponential", "gamma",   "pareto", "empirical"};

MixtureLength read_mixture(YamlMap& map) {
  MixtureLength mixture;
  for (YamlMap& part : map.maps("parts", "workload.length")) {
    mixture.weight.push_back(part.number("weight", 0.0, kLargest));
    std::visit(
        [&](const auto& one) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(one)>, MixtureLength>) mixture.parts.emplace_back(one);
        },
        length_of_kind(part, part.choice("kind", kLengthKinds)));
    part.finish();
  }
  return mixture;
}

LengthSpec read_length(YamlMap map) {
  std::vector<std::string> kinds = kLengthKinds;
  kinds.emplace_back("mixture");
  const std::string kind = map.choice("kind", kinds);
  LengthSpec spec = kind == "mixture" ? LengthSpec{read_mixture(map)} : length_of_kind(map, kind);
  map.finish();
  map.located([&] { validate(spec); });
  return spec;
}

TimeSpec time_of_kind(YamlMap& map, const std::string& kind) {
  if (kind == "constant") return ConstantTime{.time = map.seconds("time")};
  if (kind == "exponential") return ExponentialTime{.mean = map.seconds("mean")};
  LognormalTime spec{.median = map.seconds("median"), .sigma = map.number("sigma", 0.0, 10.0)};
  if (map.given("max")) spec.max = map.seconds("max");
  return spec;
}

TimeSpec read_time_law(YamlMap map) {
  TimeSpec spec = time_of_kind(map, map.choice("kind", {"constant", "exponential", "lognormal"}));
  map.finish();
  map.located([&] { validate(spec); });
  return spec;
}

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

PrefixGroups read_prefix(YamlMap map) {
  const PrefixGroups groups{.groups = map.count("groups", 1, 10'000'000),
                            .tokens = map.count("tokens", 1, kMaxTokens),
                            .alpha = map.number("alpha", 0.0, 10.0)};
  map.finish();
  return groups;
}

SessionSpec read_session(YamlMap map) {
  SessionSpec session{.turns = read_length(map.map("turns", "workload.length")),
                      .append = read_length(map.map("append", "workload.length")),
                      .think = read_time_law(map.map("think", "workload.time"))};
  map.finish();
  return session;
}

AgentSpec read_agent(YamlMap map) {
  AgentSpec agent{.steps = read_length(map.map("steps", "workload.length")),
                  .append = read_length(map.map("append", "workload.length")),
                  .tool = read_time_law(map.map("tool", "workload.time")),
                  .human = map.number("human", 0.0, 1.0),
                  .think = ConstantTime{.time = Seconds{0.0}},
                  .fan_out = map.number("fan_out", 0.0, 1.0),
                  .width = ConstantLength{.tokens = 1},
                  .sub_steps = ConstantLength{.tokens = 1}};
  if (agent.human > 0.0) agent.think = read_time_law(map.map("think", "workload.time"));
  if (agent.fan_out > 0.0) {
    agent.width = read_length(map.map("width", "workload.length"));
    agent.sub_steps = read_length(map.map("sub_steps", "workload.length"));
  }
  if (map.given("compact_at")) {
    agent.compact_at = map.count("compact_at", 1, kMaxTokens);
    agent.compact_to = map.count("compact_to", 1, kMaxTokens);
  }
  map.finish();
  return agent;
}

ClientSpec read_client(YamlMap map, const std::vector<SloClass>& classes) {
  std::vector<std::string> names;
  for (const SloClass& one : classes) names.push_back(one.name);
  ClientSpec client{.name = map.text("name"),
                    .weight = map.number("weight", 0.0, kLargest),
                    .slo_class = map.given("slo_class") ? map.choice("slo_class", names) : std::string{},
                    .prompt = read_length(map.map("prompt", "workload.length")),
                    .output = read_length(map.map("output", "workload.length")),
                    .reasoning = map.number("reasoning", 0.0, 1.0),
                    .reasoning_sd = map.number("reasoning_sd", 0.0, 0.5),
                    .tenant = map.count("tenant", 0, 1'000'000'000),
                    .priority = static_cast<std::int32_t>(map.integer("priority", -1'000'000'000, 1'000'000'000))};
  if (map.given("rank_correlation")) client.rank_correlation = map.number("rank_correlation", -1.0, 1.0);
  if (map.given("prefix")) client.prefix = read_prefix(map.map("prefix", "workload.prefix"));
  if (map.given("session") && map.given("agent"))
    map.fail("agent", "would be in conflict with session; give one of them");
  if (map.given("session")) client.story = read_session(map.map("session", "workload.session"));
  if (map.given("agent")) client.story = read_agent(map.map("agent", "workload.agent"));
  map.finish();
  return client;
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

SyntheticSpec read_synthetic(YamlMap& map, const std::vector<SloClass>& classes) {
  SyntheticSpec spec{
      .arrivals = read_arrivals(map), .clients = {}, .block_tokens = map.count("block_tokens", 1, kMaxTokens)};
  if (map.given("curve")) spec.curve = read_curve(map.map("curve", "workload.curve"));
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

RowLayout read_columns(YamlMap map) {
  RowLayout columns;
  const auto read = [&](std::string_view key, std::string& column) {
    if (map.given(key)) column = map.text(key);
  };
  read("time", columns.time);
  columns.prompt = map.text("prompt");
  columns.output = map.text("output");
  read("prefix", columns.prefix);
  read("session", columns.session);
  read("category", columns.category);
  read("tenant", columns.tenant);
  read("priority", columns.priority);
  const std::string unit = map.choice("time_unit", {"s", "ms", "us", "ns"});
  columns.unit = unit == "s"    ? TimeUnit::Seconds
                 : unit == "ms" ? TimeUnit::Milliseconds
                 : unit == "us" ? TimeUnit::Microseconds
                                : TimeUnit::Nanoseconds;
  map.finish();
  return columns;
}

TracePolicy read_bad_rows(YamlMap map) {
  TracePolicy policy;
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (fault == Fault::OverContext) continue;  // a run counts these and plays them (sim/run)
    std::string key(kFaultNames[i]);
    std::replace(key.begin(), key.end(), ' ', '_');
    const std::string choice =
        fault == Fault::Malformed ? map.choice(key, {"refuse", "drop"}) : map.choice(key, {"refuse", "drop", "mend"});
    policy.on[i] = choice == "refuse" ? OnFault::Refuse : choice == "drop" ? OnFault::Drop : OnFault::Mend;
  }
  map.finish();
  return policy;
}

TraceSpec read_trace(YamlMap map) {
  TraceSpec trace{.path = map.file("path").string(),
                  .format = map.choice("format", trace_formats()),
                  .session_scope = map.choice("hash_scope", {"global", "session"}) == "session",
                  .speedup = map.number("speedup", 1e-3, 1e6),
                  .window_start = read_time(map, "window_start"),
                  .spread_ties = map.choice("spread_ties", {"none", "uniform"}) == "uniform",
                  .policy = read_bad_rows(map.map_or_empty("bad_rows", "workload.trace.bad_rows"))};
  if (map.given("columns")) trace.columns = read_columns(map.map("columns", "workload.trace.columns"));
  if (map.given("rate")) trace.rate = map.rate("rate");
  if (map.given("window")) trace.window = read_time(map, "window");
  if (map.given("tick")) trace.tick = read_time(map, "tick");
  if (map.given("file_block_tokens")) trace.file_block_tokens = map.count("file_block_tokens", 1, kMaxTokens);
  if (map.given("block_tokens")) trace.block_tokens = map.count("block_tokens", 1, kMaxTokens);
  trace.causal = map.flag("causal");
  if (map.given("users")) trace.users = map.count("users", 1, 10'000'000);
  if (map.given("wait_cap")) trace.wait_cap = read_time(map, "wait_cap");
  if (map.given("arrivals")) {
    YamlMap arrivals = map.map("arrivals", "workload.arrivals");
    const std::string kind =
        arrivals.choice("kind", {"constant", "poisson", "gamma", "weibull", "mmpp", "on_off", "batch"});
    trace.arrivals = arrivals_of_kind(arrivals, kind, 1.0);
    arrivals.finish();
  }
  map.finish();
  map.located([&] { validate(trace); });
  return trace;
}

PatienceSpec read_patience(YamlMap map) {
  PatienceSpec patience{.cancel = map.number("cancel", 0.0, 1.0)};
  if (map.given("first_token")) patience.first_token = read_time_law(map.map("first_token", "workload.time"));
  if (map.given("answer")) patience.answer = read_time_law(map.map("answer", "workload.time"));
  if (map.given("cancel_after")) patience.cancel_after = read_time_law(map.map("cancel_after", "workload.time"));
  patience.attempts = map.count("attempts", 1, 1000);
  patience.backoff = map.seconds("backoff");
  map.finish();
  map.located([&] { validate(patience); });
  return patience;
}

std::vector<SloClass> read_classes(YamlMap& workload) {
  std::vector<SloClass> classes;
  for (auto& [name, map] : workload.named_maps("slo", "workload.slo")) {
    SloClass one{.name = name, .ttft = map.seconds("ttft"), .tpot = map.seconds("tpot")};
    if (map.given("e2e")) one.e2e = map.seconds("e2e");
    if (map.given("patience")) one.patience = read_patience(map.map("patience", "workload.patience"));
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

TraceSpec read_trace_settings(const std::string& path, std::vector<Override> settings) {
  std::string text = "'";
  for (const char letter : path) text += letter == '\'' ? std::string("''") : std::string(1, letter);
  settings.push_back({"path", text + "'"});
  return read_trace(YamlMap::of_settings("workload.trace", settings));
}

WorkloadSpec read_workload(YamlMap map) {
  map.lay_over("preset", "workloads/presets");
  read_about(map);
  WorkloadSpec spec{.source = TraceSpec{}, .warm_up = read_time(map, "warm_up"), .classes = read_classes(map)};
  if (map.given("duration")) spec.duration = read_time(map, "duration");
  if (map.given("requests")) {
    spec.requests = static_cast<std::uint64_t>(map.integer("requests", 1, std::numeric_limits<std::uint32_t>::max()));
  }
  if (map.given("max_output")) spec.max_output = map.count("max_output", 1, kMaxTokens);
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
