#include "sim/config/read_laws.hpp"

#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace tokenyard::config {
namespace {

using namespace workloads;

constexpr double kLargest = 1e9;  // of weights

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

TimeSpec time_of_kind(YamlMap& map, const std::string& kind) {
  if (kind == "constant") return ConstantTime{.time = map.seconds("time")};
  if (kind == "exponential") return ExponentialTime{.mean = map.seconds("mean")};
  LognormalTime spec{.median = map.seconds("median"), .sigma = map.number("sigma", 0.0, 10.0)};
  if (map.given("max")) spec.max = map.seconds("max");
  return spec;
}

}  // namespace

LengthSpec read_length(YamlMap map) {
  std::vector<std::string> kinds = kLengthKinds;
  kinds.emplace_back("mixture");
  const std::string kind = map.choice("kind", kinds);
  LengthSpec spec = kind == "mixture" ? LengthSpec{read_mixture(map)} : length_of_kind(map, kind);
  map.finish();
  map.located([&] { validate(spec); });
  return spec;
}

TimeSpec read_time_law(YamlMap map) {
  TimeSpec spec = time_of_kind(map, map.choice("kind", {"constant", "exponential", "lognormal"}));
  map.finish();
  map.located([&] { validate(spec); });
  return spec;
}

}  // namespace tokenyard::config
