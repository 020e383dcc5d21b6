#include "sim/validate/diagnosis.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

namespace tokenyard::validate {
namespace {

using metrics::Metric;

constexpr double kLargeTpot = 0.1;
constexpr double kLargeTtft = 0.25;
constexpr std::uint32_t kFewUsers = 16;

std::string leading_part(const metrics::StepShares& shares) {
  std::pair<const char*, double> most{"projections", shares.projections};
  const std::array<std::pair<const char*, double>, 5> others{{{"attention", shares.attention},
                                                              {"experts", shares.experts},
                                                              {"communication", shares.communication},
                                                              {"small kernels", shares.other},
                                                              {"host", shares.host}}};
  for (const auto& one : others) {
    if (one.second > most.second) most = one;
  }
  return fmt::format("step: {:.2f} {}, {:.2f} of it fixed", most.second, most.first, shares.lone_step);
}

std::string of_tpot(const metrics::ScoredPoint& point, const metrics::Comparison& tpot, const Prediction& prediction) {
  const metrics::PoolFacts& facts = prediction.summary.pools.back().facts;
  const double weights_s = facts.weights_per_chip.value() / facts.memory_bandwidth.value();
  if (!prediction.moe && tpot.measured < weights_s) return "speculation: measured below the time to stream the weights";
  if (tpot.error() > std::log(1.5) && point.concurrency > 0 && point.concurrency <= kFewUsers) {
    return "speculation or newer kernels: measured beats the kernel sum more than 1.5 times";
  }
  return leading_part(prediction.shares);
}

}  // namespace

std::string suspected(const metrics::ScoredPoint& point, const Prediction& prediction) {
  std::string text;
  const auto& tpot = point.compared[static_cast<std::size_t>(Metric::Tpot)];
  const auto& ttft = point.compared[static_cast<std::size_t>(Metric::Ttft)];
  if (tpot && std::abs(tpot->error()) > kLargeTpot) text = of_tpot(point, *tpot, prediction);
  if (ttft && std::abs(ttft->error()) > kLargeTtft) {
    text += text.empty() ? "" : "; ";
    text += point.queue_share_of_ttft > 0.5 ? fmt::format("TTFT: {:.2f} queueing", point.queue_share_of_ttft)
                                            : "TTFT: prefill and front end";
  }
  return text;
}

}  // namespace tokenyard::validate
