#include "workloads/lengths.hpp"

#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace tokenyard::workloads {
namespace {

[[nodiscard]] std::uint32_t whole(double tokens, std::uint32_t min, std::uint32_t max) {
  // Clamped before the cast: a log-normal tail may lie beyond every integer.
  const double kept = std::clamp(std::round(tokens), static_cast<double>(std::max(min, 1U)), static_cast<double>(max));
  return static_cast<std::uint32_t>(kept);
}

[[nodiscard]] double quantile(const EmpiricalLength& spec, double share) {
  const auto above = std::upper_bound(spec.at.begin(), spec.at.end(), share);
  if (above == spec.at.end()) return spec.tokens.back();
  const auto right = static_cast<std::size_t>(above - spec.at.begin());
  const std::size_t left = right - 1;  // share >= 0 = at[0], so there is one
  const double along = (share - spec.at[left]) / (spec.at[right] - spec.at[left]);
  return spec.tokens[left] + along * (spec.tokens[right] - spec.tokens[left]);
}

/// The part that a share in [0, 1) falls into, and what is left of the share in it.
struct Chosen {
  std::size_t part;
  double share;
};
[[nodiscard]] Chosen part_at(const MixtureLength& spec, double share) {
  double left = 0.0;
  for (const double weight : spec.weight) left += weight;
  left *= share;
  std::size_t part = 0;
  while (part + 1 < spec.parts.size() && left >= spec.weight[part]) left -= spec.weight[part++];
  return {part, spec.weight[part] > 0.0 ? left / spec.weight[part] : 0.0};
}

struct Draw {
  RandomStream& stream;

  std::uint32_t operator()(const MixtureLength& spec) const {
    return std::visit(*this, spec.parts[part_at(spec, stream.uniform01()).part]);
  }

  std::uint32_t operator()(const ConstantLength& spec) const { return spec.tokens; }
  std::uint32_t operator()(const UniformLength& spec) const {
    return static_cast<std::uint32_t>(stream.integer(spec.min, spec.max));
  }
  std::uint32_t operator()(const LognormalLength& spec) const {
    return whole(spec.median * std::exp(spec.sigma * stream.normal()), spec.min, spec.max);
  }
  std::uint32_t operator()(const EmpiricalLength& spec) const {
    return whole(quantile(spec, stream.uniform01()), 1, kMaxTokens);
  }
  std::uint32_t operator()(const NormalLength& spec) const {
    return whole(spec.mean + spec.sd * stream.normal(), spec.min, spec.max);
  }
  std::uint32_t operator()(const ExponentialLength& spec) const {
    return whole(spec.mean * stream.exponential(), spec.min, spec.max);
  }
  std::uint32_t operator()(const GammaLength& spec) const {
    const double variance = spec.cv * spec.cv;
    return whole(spec.mean * variance * stream.gamma(1.0 / variance), spec.min, spec.max);
  }
  std::uint32_t operator()(const ParetoLength& spec) const {
    return whole(spec.min * std::exp(stream.exponential() / spec.alpha), spec.min, spec.max);
  }
};

/// The inverse of the distribution function, for lengths that are drawn together.
struct At {
  double share;   // in (0, 1)
  double normal;  // the standard normal value of that share

  std::uint32_t operator()(const MixtureLength& spec) const {
    const Chosen chosen = part_at(spec, share);
    const double within = std::clamp(chosen.share, 1e-16, 1.0 - 1e-15);
    return std::visit(At{within, std::numbers::sqrt2 * boost::math::erf_inv(2.0 * within - 1.0)},
                      spec.parts[chosen.part]);
  }

  std::uint32_t operator()(const ConstantLength& spec) const { return spec.tokens; }
  std::uint32_t operator()(const UniformLength& spec) const {
    const double places = static_cast<double>(spec.max) - spec.min + 1.0;
    return whole(spec.min + std::floor(share * places), spec.min, spec.max);
  }
  std::uint32_t operator()(const LognormalLength& spec) const {
    return whole(spec.median * std::exp(spec.sigma * normal), spec.min, spec.max);
  }
  std::uint32_t operator()(const EmpiricalLength& spec) const { return whole(quantile(spec, share), 1, kMaxTokens); }
  std::uint32_t operator()(const NormalLength& spec) const {
    return whole(spec.mean + spec.sd * normal, spec.min, spec.max);
  }
  std::uint32_t operator()(const ExponentialLength& spec) const {
    return whole(-spec.mean * std::log1p(-share), spec.min, spec.max);
  }
  std::uint32_t operator()(const GammaLength& spec) const {
    const double variance = spec.cv * spec.cv;
    return whole(spec.mean * variance * boost::math::gamma_p_inv(1.0 / variance, share), spec.min, spec.max);
  }
  std::uint32_t operator()(const ParetoLength& spec) const {
    return whole(spec.min * std::exp(-std::log1p(-share) / spec.alpha), spec.min, spec.max);
  }
};

[[nodiscard]] At at_normal(double normal) {
  // Kept off 0 and 1, where some laws have no value.
  const double share = std::clamp(0.5 * std::erfc(-normal / std::numbers::sqrt2), 1e-16, 1.0 - 1e-15);
  return {share, normal};
}

}  // namespace

std::pair<std::uint32_t, std::uint32_t> draw_lengths(const LengthSpec& first, const LengthSpec& second,
                                                     double rank_correlation, RandomStream& stream) {
  const double rho = 2.0 * std::sin(std::numbers::pi / 6.0 * rank_correlation);
  const double a = stream.normal();
  const double b = rho * a + std::sqrt(1.0 - rho * rho) * stream.normal();
  return {std::visit(at_normal(a), first), std::visit(at_normal(b), second)};
}

double draw_seconds(const TimeSpec& spec, RandomStream& stream) {
  if (const auto* constant = std::get_if<ConstantTime>(&spec)) return constant->time.value();
  if (const auto* exponential = std::get_if<ExponentialTime>(&spec))
    return exponential->mean.value() * stream.exponential();
  const auto& lognormal = std::get<LognormalTime>(spec);
  return std::min(lognormal.median.value() * std::exp(lognormal.sigma * stream.normal()), lognormal.max.value());
}

double draw_share(double mean, double sd, RandomStream& stream) {
  if (sd <= 0.0) return mean;
  // A beta law of this mean and variance has a + b = mean (1 - mean) / sd^2 - 1; it is drawn as a share of two gammas.
  const double sum = mean * (1.0 - mean) / (sd * sd) - 1.0;
  const double a = stream.gamma(mean * sum);
  const double b = stream.gamma((1.0 - mean) * sum);
  return a + b > 0.0 ? a / (a + b) : mean;
}

std::uint32_t draw_length(const LengthSpec& spec, RandomStream& stream) { return std::visit(Draw{stream}, spec); }

}  // namespace tokenyard::workloads
