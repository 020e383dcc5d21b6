#include "workloads/spec.hpp"

#include "models/base/errors.hpp"
#include "workloads/traces/formats.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <type_traits>

namespace tokenyard::workloads {
namespace {

constexpr double kMaxCv = 100.0;
constexpr double kMaxWeibullCv = 10.0;
constexpr PerSecond kMaxRate{1e9};
constexpr double kMaxRequests = 4294967295.0;           // they are numbered in 32 bits
constexpr SimTime kMaxSpan{9'000'000'000'000'000'000};  // 285 years; SimTime itself ends at 292

void require(bool holds, const std::string& field, const std::string& why) {
  if (!holds) throw SpecError(field, why);
}

/// Runs a check and puts the path of its part before the field of what it throws.
template <class Part>
void validate_part(const std::string& path, const Part& part) {
  try {
    validate(part);
  } catch (const SpecError& error) {
    throw SpecError(path + "." + error.field(), error.why());
  }
}

void check_rate(PerSecond rate) {
  require(std::isfinite(rate.value()) && rate > PerSecond{0.0}, "rate", "must be above 0, such as 5 /s");
  require(rate <= kMaxRate, "rate", "with its scale must be at most 1e9 /s: time goes by in nanoseconds");
}

struct CheckArrivals {
  void operator()(const ConstantArrivals& spec) const { check_rate(spec.rate); }
  void operator()(const PoissonArrivals& spec) const { check_rate(spec.rate); }
  void operator()(const GammaArrivals& spec) const {
    check_rate(spec.rate);
    require(spec.cv > 0.0 && spec.cv <= kMaxCv, "cv",
            "must be above 0 and at most 100; 1 is Poisson, more is burstier");
  }
  void operator()(const WeibullArrivals& spec) const {
    check_rate(spec.rate);
    require(spec.cv >= 0.02 && spec.cv <= kMaxWeibullCv, "cv",
            "must be from 0.02 to 10; 1 is Poisson, more is burstier");
  }
  void operator()(const ModulatedArrivals& spec) const {
    require(spec.rates.size() >= 2, "states", "needs at least 2 states");
    require(spec.rates.size() == spec.dwell.size(), "states",
            "has " + std::to_string(spec.dwell.size()) + " values for " + std::to_string(spec.rates.size()) +
                " states; one for each is needed");
    double sum = 0.0;
    for (std::size_t i = 0; i < spec.rates.size(); ++i) {
      require(std::isfinite(spec.rates[i].value()) && spec.rates[i] >= PerSecond{0.0} && spec.rates[i] <= kMaxRate,
              "states", "have rates from 0 /s to 1e9 /s");
      require(spec.dwell[i] > Seconds{0.0} && spec.dwell[i] <= Seconds{9e8}, "states",
              "have a dwell above 0 s and of at most 9e8 s");
      sum += spec.rates[i].value();
    }
    require(sum > 0.0, "states", "all have rate 0; one must be above 0");
  }
  void operator()(const BatchArrivals& spec) const {
    check_rate(spec.rate);
    require(spec.size >= 1, "size", "must be at least 1");
  }
  void operator()(const ClosedLoop& spec) const { require(spec.concurrency > 0, "concurrency", "must be at least 1"); }
};

void check_tokens(std::uint32_t tokens, const std::string& field) {
  require(tokens >= 1 && tokens <= kMaxTokens, field, "must be from 1 to " + std::to_string(kMaxTokens) + " tokens");
}

void check_range(std::uint32_t min, std::uint32_t max) {
  check_tokens(min, "min");
  check_tokens(max, "max");
  require(min <= max, "min", std::to_string(min) + " is more than max, " + std::to_string(max));
}

struct CheckLength {
  void operator()(const ConstantLength& spec) const { check_tokens(spec.tokens, "tokens"); }
  void operator()(const UniformLength& spec) const { check_range(spec.min, spec.max); }
  void operator()(const LognormalLength& spec) const {
    require(spec.median >= 1.0 && spec.median <= double{kMaxTokens}, "median", "must be at least 1 token");
    require(spec.sigma >= 0.0 && spec.sigma <= 10.0, "sigma", "must be from 0 to 10");
    check_range(spec.min, spec.max);
  }
  void operator()(const NormalLength& spec) const {
    require(spec.mean >= 1.0 && spec.mean <= double{kMaxTokens}, "mean", "must be at least 1 token");
    require(spec.sd >= 0.0 && spec.sd <= double{kMaxTokens}, "sd", "must be 0 or more");
    check_range(spec.min, spec.max);
  }
  void operator()(const ExponentialLength& spec) const {
    require(spec.mean >= 1.0 && spec.mean <= double{kMaxTokens}, "mean", "must be at least 1 token");
    check_range(spec.min, spec.max);
  }
  void operator()(const GammaLength& spec) const {
    require(spec.mean >= 1.0 && spec.mean <= double{kMaxTokens}, "mean", "must be at least 1 token");
    require(spec.cv > 0.0 && spec.cv <= 100.0, "cv", "must be above 0 and at most 100");
    check_range(spec.min, spec.max);
  }
  void operator()(const ParetoLength& spec) const {
    require(spec.alpha > 0.0 && spec.alpha <= 100.0, "alpha", "must be above 0 and at most 100");
    check_range(spec.min, spec.max);
  }
  void operator()(const EmpiricalLength& spec) const {
    require(spec.at.size() >= 2, "at", "needs at least 2 quantiles, the first 0 and the last 1");
    require(spec.at.size() == spec.tokens.size(), "tokens",
            "has " + std::to_string(spec.tokens.size()) + " values for " + std::to_string(spec.at.size()) +
                " quantiles; one for each is needed");
    // Negated comparisons, so that NaN is refused too.
    require(!(spec.at.front() != 0.0) && !(spec.at.back() != 1.0), "at", "must start with 0 and end with 1");
    require(spec.tokens.front() >= 1.0 && spec.tokens.back() <= double{kMaxTokens}, "tokens",
            "must be from 1 to " + std::to_string(kMaxTokens));
    for (std::size_t i = 1; i < spec.at.size(); ++i) {
      require(spec.at[i] > spec.at[i - 1], "at", "must rise; entry " + std::to_string(i) + " does not, counted from 0");
      require(spec.tokens[i] >= spec.tokens[i - 1], "tokens",
              "must never fall; entry " + std::to_string(i) + " does, counted from 0");
    }
  }
};

void check_length(const MixtureLength& spec) {
  require(spec.parts.size() >= 2, "parts", "needs at least 2");
  require(spec.weight.size() == spec.parts.size(), "parts", "have a weight each");
  double sum = 0.0;
  for (std::size_t i = 0; i < spec.parts.size(); ++i) {
    require(std::isfinite(spec.weight[i]) && spec.weight[i] >= 0.0, "parts", "have weights of 0 or more");
    sum += spec.weight[i];
    std::visit(CheckLength{}, spec.parts[i]);
  }
  require(std::isfinite(sum) && sum > 0.0, "parts", "have weights that sum to 0; one must be above 0");
}

struct CheckTime {
  static void check(Seconds time, const std::string& field) {
    require(time >= Seconds{0.0} && time <= Seconds{9e8}, field, "must be from 0 s to 9e8 s");
  }
  void operator()(const ConstantTime& spec) const { check(spec.time, "time"); }
  void operator()(const ExponentialTime& spec) const { check(spec.mean, "mean"); }
  void operator()(const LognormalTime& spec) const {
    check(spec.median, "median");
    check(spec.max, "max");
    require(spec.sigma >= 0.0 && spec.sigma <= 10.0, "sigma", "must be from 0 to 10");
  }
};

void check_share(double share, const std::string& field) {
  require(share >= 0.0 && share <= 1.0, field, "must be from 0 to 1");
}

struct CheckStory {
  const std::string& path;
  void operator()(std::monostate) const {}
  void operator()(const SessionSpec& spec) const {
    validate_part(path + ".session.turns", spec.turns);
    validate_part(path + ".session.append", spec.append);
    validate_part(path + ".session.think", spec.think);
  }
  void operator()(const AgentSpec& spec) const {
    const std::string agent = path + ".agent";
    validate_part(agent + ".steps", spec.steps);
    validate_part(agent + ".append", spec.append);
    validate_part(agent + ".tool", spec.tool);
    validate_part(agent + ".think", spec.think);
    validate_part(agent + ".width", spec.width);
    validate_part(agent + ".sub_steps", spec.sub_steps);
    check_share(spec.human, agent + ".human");
    check_share(spec.fan_out, agent + ".fan_out");
    require(spec.compact_at == 0 || spec.compact_to < spec.compact_at, agent + ".compact_to",
            "must be less than compact_at");
  }
};

void check_story(const ClientSpec& client, const std::string& path) {
  if (client.rank_correlation) {
    require(*client.rank_correlation > -1.0 && *client.rank_correlation < 1.0, path + ".rank_correlation",
            "must be above -1 and below 1");
  }
  if (client.prefix) {
    require(client.prefix->groups >= 1, path + ".prefix.groups", "must be at least 1");
    check_tokens(client.prefix->tokens, path + ".prefix.tokens");
    require(client.prefix->alpha >= 0.0 && client.prefix->alpha <= 10.0, path + ".prefix.alpha",
            "must be from 0 to 10");
  }
  check_share(client.reasoning, path + ".reasoning");
  const double most = client.reasoning * (1.0 - client.reasoning);  // a beta law of this mean varies less
  require(client.reasoning_sd >= 0.0 && client.reasoning_sd * client.reasoning_sd <= most * 0.999,
          path + ".reasoning_sd", "must be less than sqrt(reasoning * (1 - reasoning))");
  std::visit(CheckStory{path}, client.story);
}

void check_classes(const std::vector<SloClass>& classes) {
  require(!classes.empty(), "slo", "at least one class is needed");
  std::set<std::string> names;
  for (const SloClass& one : classes) {
    require(names.insert(one.name).second, "slo." + one.name, "stands here twice; keep one");
    validate_part("slo." + one.name, one);
  }
}

void check_clients(const std::vector<ClientSpec>& clients, const std::vector<SloClass>& classes) {
  require(!clients.empty(), "clients", "at least one is needed");
  std::set<std::string> names;
  double sum = 0.0;
  for (const ClientSpec& client : clients) {
    const std::string path = "clients." + client.name;
    require(names.insert(client.name).second, "clients", "two are named '" + client.name + "'; names must differ");
    require(std::isfinite(client.weight) && client.weight >= 0.0, path + ".weight", "must be 0 or more");
    sum += client.weight;
    const bool known = client.slo_class.empty() || std::any_of(classes.begin(), classes.end(), [&](const SloClass& c) {
                         return c.name == client.slo_class;
                       });
    require(known, path + ".slo_class", "there is no class '" + client.slo_class + "' in slo");
    validate_part(path + ".prompt", client.prompt);
    validate_part(path + ".output", client.output);
    check_story(client, path);
  }
  require(std::isfinite(sum) && sum > 0.0, "clients", "the weights sum to 0; one must be above 0");
}

/// 0 in a closed loop.
PerSecond mean_rate(const ArrivalSpec& spec) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.rate; }) {
          return one.rate;
        } else if constexpr (requires { one.rates; }) {
          double sent = 0.0;
          double time = 0.0;
          for (std::size_t i = 0; i < one.rates.size(); ++i) {
            sent += one.rates[i].value() * one.dwell[i].value();
            time += one.dwell[i].value();
          }
          return PerSecond{sent / time};
        } else {
          return PerSecond{};
        }
      },
      spec);
}

/// How long requests keep arriving at most, as far as the spec tells.
SimTime longest_stream(const WorkloadSpec& spec) {
  SimTime longest = spec.duration.value_or(SimTime::never());
  if (const auto* trace = std::get_if<TraceSpec>(&spec.source); trace != nullptr && trace->window) {
    const Seconds window = trace->window->seconds() / trace->speedup;
    if (window < longest.seconds()) longest = SimTime::from(window);
  }
  return longest;
}

}  // namespace

void validate(const ArrivalSpec& spec) { std::visit(CheckArrivals{}, spec); }
void validate(const LengthSpec& spec) {
  std::visit(
      [](const auto& one) {
        if constexpr (std::is_same_v<std::decay_t<decltype(one)>, MixtureLength>) {
          check_length(one);
        } else {
          CheckLength{}(one);
        }
      },
      spec);
}

ClassId class_named(const std::vector<SloClass>& classes, std::string_view name) {
  const auto found =
      std::find_if(classes.begin(), classes.end(), [&](const SloClass& one) { return one.name == name; });
  return ClassId{found == classes.end() ? 0 : static_cast<std::uint32_t>(found - classes.begin())};
}

void validate(const TimeSpec& spec) { std::visit(CheckTime{}, spec); }

void validate(const RateCurve& spec) {
  require(!spec.at.empty() && spec.at.size() == spec.factor.size(), "factor",
          "needs a value for every time, one at least");
  require(!(spec.at.front() != Seconds{0.0}), "at", "must begin with 0 s");
  double sum = 0.0;
  for (std::size_t i = 0; i < spec.at.size(); ++i) {
    require(i == 0 || spec.at[i] >= spec.at[i - 1], "at",
            "must never fall; entry " + std::to_string(i) + " does, counted from 0");
    require(std::isfinite(spec.factor[i]) && spec.factor[i] >= 0.0 && spec.factor[i] <= 1e6, "factor",
            "must be from 0 to 1e6");
    sum += spec.factor[i];
  }
  require(sum > 0.0, "factor", "is 0 all the time; one must be above 0");
  require(!spec.period || (*spec.period >= spec.at.back() && *spec.period > Seconds{0.0}), "period",
          "must not be shorter than the curve");
}

void validate(const PatienceSpec& spec) {
  require(spec.first_token || spec.answer || spec.cancel > 0.0, "first_token",
          "is missing, and answer and cancel as well; give one of them, or no patience");
  require(spec.cancel >= 0.0 && spec.cancel <= 1.0, "cancel", "must be from 0 to 1");
  require((spec.cancel > 0.0) == spec.cancel_after.has_value(), "cancel_after",
          "is needed exactly where cancel is above 0");
  if (spec.first_token) validate_part("first_token", *spec.first_token);
  if (spec.answer) validate_part("answer", *spec.answer);
  if (spec.cancel_after) validate_part("cancel_after", *spec.cancel_after);
  require(spec.attempts >= 1 && spec.attempts <= 1000, "attempts", "must be from 1 to 1000");
  require(spec.attempts == 1 || spec.first_token || spec.answer, "attempts",
          "has no meaning without first_token or answer: only time-outs are tried again");
  require(spec.backoff > Seconds{0.0} && spec.backoff <= Seconds{1e6}, "backoff",
          "must be above 0 s and at most 1e6 s");
}

void validate(const SloClass& spec) {
  require(spec.ttft > Seconds{0.0}, "ttft", "must be above 0 s");
  require(spec.tpot > Seconds{0.0}, "tpot", "must be above 0 s");
  require(!spec.e2e || *spec.e2e > Seconds{0.0}, "e2e", "must be above 0 s");
  if (spec.patience) validate_part("patience", *spec.patience);
}

void validate(const TraceSpec& spec) {
  require(!spec.path.empty(), "path", "must name a file");
  const std::vector<std::string>& known = trace_formats();
  require(std::find(known.begin(), known.end(), spec.format) != known.end(), "format",
          "'" + spec.format + "' is not known; `tokenyard keys workload.trace` lists the formats");
  require((spec.format == "csv" || spec.format == "jsonl") == !spec.columns.prompt.empty(), "columns",
          "name the columns of a csv or jsonl trace, and of no other: {time: ..., prompt: ..., output: ...}");
  require(std::isfinite(spec.speedup) && spec.speedup >= 1e-3 && spec.speedup <= 1e6, "speedup",
          "must be from 0.001 to 1000000; 2 halves the gaps");
  require(spec.window_start >= SimTime{} && spec.window_start <= kMaxSpan, "window_start", "must be from 0 s to 9e9 s");
  require(!spec.tick || (spec.spread_ties && *spec.tick > SimTime{} && *spec.tick <= kMaxSpan), "tick",
          "must be above 0 s, beside spread_ties: uniform");
  if (spec.rate) {
    check_rate(*spec.rate);
    require(spec.speedup == 1.0, "rate", "would be in conflict with speedup; give one of them");
    require(!spec.arrivals, "rate", "has no meaning beside arrivals, which have a rate of their own");
  }
  require(spec.speedup == 1.0 || (!spec.arrivals && !spec.users), "speedup",
          "has no meaning beside arrivals or users: then requests do not come at the times of the trace");
  require(!spec.users || !spec.arrivals, "users", "would be in conflict with arrivals; give one of them");
  if (spec.arrivals) {
    validate_part("arrivals", *spec.arrivals);
    require(!std::holds_alternative<ClosedLoop>(*spec.arrivals), "arrivals.kind",
            "closed_loop is not possible here; constant, poisson or gamma are");
  }
  require(!spec.window || (*spec.window > SimTime{} && *spec.window <= kMaxSpan), "window",
          "must be above 0 s and at most 9e9 s");
}

void validate(const WorkloadSpec& spec) {
  check_classes(spec.classes);
  require(!spec.requests || *spec.requests > 0, "requests", "must be at least 1");
  require(!spec.requests || *spec.requests <= std::numeric_limits<std::uint32_t>::max(), "requests",
          "must be at most 4294967295");
  require(!spec.duration || (*spec.duration > SimTime{} && *spec.duration <= kMaxSpan), "duration",
          "must be above 0 s and at most 9e9 s");
  require(spec.warm_up >= SimTime{}, "warm_up", "must be 0 s or more");
  if (const auto* synthetic = std::get_if<SyntheticSpec>(&spec.source)) {
    validate_part("arrivals", synthetic->arrivals);
    check_clients(synthetic->clients, spec.classes);
    require(synthetic->block_tokens >= 1, "block_tokens", "must be at least 1");
    if (synthetic->curve) {
      validate_part("curve", *synthetic->curve);
      require(!std::holds_alternative<ClosedLoop>(synthetic->arrivals), "curve", "has no meaning in a closed loop");
    }
    require(spec.duration || spec.requests, "duration",
            "give a duration, a number of requests or both; else it never ends");
    const double expected =
        spec.duration ? mean_rate(synthetic->arrivals).value() * spec.duration->seconds().value() : 0;
    require(spec.requests || expected <= kMaxRequests / 2, "duration",
            "at this rate would bring more than 2e9 requests; shorten it or limit the requests");
  } else {
    validate_part("trace", std::get<TraceSpec>(spec.source));
  }
  require(spec.warm_up < longest_stream(spec), "warm_up",
          "must be shorter than the arrivals last, else nothing is counted");
}

}  // namespace tokenyard::workloads
