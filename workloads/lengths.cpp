#include "workloads/lengths.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

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

struct Draw {
  RandomStream& stream;

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
};

}  // namespace

std::uint32_t draw_length(const LengthSpec& spec, RandomStream& stream) { return std::visit(Draw{stream}, spec); }

}  // namespace tokenyard::workloads
