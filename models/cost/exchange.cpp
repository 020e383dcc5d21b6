#include "models/cost/exchange.hpp"

#include "models/base/errors.hpp"
#include "models/cost/kernels.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::cost {
namespace {

using models::ExchangeCoefficients;
using models::ExchangeCopies;
using models::ExchangeKernel;

/// Rate of a rank's port inside a domain that the kernel reaches.
BytesPerSecond inside_rate(const GroupLinks& links, const ExchangeKernel& kernel, const ExchangeCoefficients& c) {
  const BytesPerSecond port = links.exchange > BytesPerSecond{} ? links.exchange : links.port;
  const BytesPerSecond link = port / (1.0 * kernel.ranks_per_chip) * c.eff;
  const BytesPerSecond rate = links.domains == 1 ? c.rate_per_sm : c.across_rate_per_sm;
  if (rate.value() <= 0.0 || kernel.sms == 0) return link;
  return std::min(link, rate * (1.0 * kernel.sms));
}

double launch_s(const GroupLinks& links, double ranks, const ExchangeCoefficients& c) {
  const Seconds inside = beyond_measured(links.latency_inside, 1.0, c.latency);
  if (links.domains == 1) return (c.launch + c.per_doubling * std::log2(ranks) + inside).value();
  return (c.across_launch + c.across_per_doubling * std::log2(1.0 * links.domains) + links.latency + inside).value();
}

/// Domains that the chosen groups of experts lie in; 0 without group-limited routing.
double reachable_domains(const models::MoeSpec& moe, double domains) {
  if (moe.top_groups == 0) return 0.0;
  const double groups = moe.groups;
  const double chosen = moe.top_groups;
  if (domains >= groups) return chosen * domains / groups;
  // A domain with g groups is missed when all of the chosen ones are drawn from the others.
  const double here = groups / domains;
  double missed = 1.0;
  for (double drawn = 0.0; drawn < chosen; drawn += 1.0) {
    missed *= std::max(groups - here - drawn, 0.0) / (groups - drawn);
  }
  return domains * (1.0 - missed);
}

}  // namespace

double distinct_ranks(double choices, double ranks, bool balanced) {
  if (ranks <= 1.0) return std::min(choices, 1.0);
  if (balanced) return std::min(choices, ranks);
  return ranks * -std::expm1(choices * std::log1p(-1.0 / ranks));
}

PortBytes exchange_bytes(const ExchangeShape& s, const GroupLinks& links, const ExchangeKernel& kernel) {
  const double d = links.domains;
  const double n = 1.0 * links.ranks * kernel.ranks_per_chip;
  const double g = n / d;
  const Bytes once{s.tokens_per_chip * s.bytes_per_copy};
  if (kernel.copies == ExchangeCopies::PerExpert || kernel.copies == ExchangeCopies::PerRank) {
    const double groups = s.groups * kernel.ranks_per_chip;
    const double copies =
        kernel.copies == ExchangeCopies::PerExpert ? s.choices : distinct_ranks(s.choices, groups, s.balanced);
    const Bytes sent = copies * s.splits * once;
    return {.inside = (g - 1.0) / n * sent, .across = (n - g) / n * sent};
  }
  const double copies = distinct_ranks(s.choices, s.groups * kernel.ranks_per_chip, s.balanced) * s.splits;
  const double within = s.domain_limit > 0.0 ? std::min(d, s.domain_limit) : d;
  const double domains = std::min(distinct_ranks(s.choices, within, s.balanced), copies);
  return {.inside = copies * (g - 1.0) / g * once, .across = domains * (d - 1.0) / d * once};
}

Seconds exchange_time(const ExchangeShape& shape, const GroupLinks& links, const ExchangeKernel& kernel,
                      Direction direction) {
  expect(links.ranks >= 1 && links.domains >= 1, "a group has a rank");
  if (links.ranks == 1) return Seconds{0.0};
  const ExchangeCoefficients& c = direction == Direction::Dispatch ? kernel.dispatch : kernel.combine;
  const double per_chip = kernel.ranks_per_chip;
  const PortBytes sent = exchange_bytes(shape, links, kernel);
  const double inside = (sent.inside / per_chip / inside_rate(links, kernel, c)).value();
  const double across =
      links.domains == 1 ? 0.0 : (sent.across / per_chip / (links.uplink / per_chip * c.across_eff)).value();
  const double wire = p_norm(inside, across, links.one_plane ? 1.0 : c.overlap);
  const Seconds sent_and_launched{p_norm(launch_s(links, links.ranks * per_chip, c), wire, c.norm)};
  if (links.domains > 1) return sent_and_launched;
  return sent_and_launched + c.per_token * (shape.tokens_per_chip / per_chip);
}

ExchangeShape dispatch_shape(const models::LlmSpec& llm, const models::ParallelPlan& plan,
                             const models::Precision& precision, const GroupLinks& links, double tokens) {
  ExchangeShape shape = combine_shape(llm, plan, links, tokens);
  shape.splits = plan.expert_tensor();
  shape.bytes_per_copy = dispatch_bytes(llm.hidden, precision.experts);
  return shape;
}

ExchangeShape combine_shape(const models::LlmSpec& llm, const models::ParallelPlan& plan, const GroupLinks& links,
                            double tokens) {
  return {.tokens_per_chip = tokens / plan.stage_chips(),
          .choices = llm.moe->top_k + (plan.shared_expert_ranks > 0 ? 1.0 : 0.0),
          .groups = 1.0 * plan.expert,
          .bytes_per_copy = combine_bytes(llm.hidden),
          .domain_limit = reachable_domains(*llm.moe, links.domains)};
}

double dispatch_bytes(double hidden, models::GemmKind experts) {
  switch (experts) {
    case models::GemmKind::Fp8:
    case models::GemmKind::Fp8Block:
    case models::GemmKind::Int8:
      return hidden + 4.0 * hidden / 128.0 + 16.0;
    case models::GemmKind::W4a8:
      return hidden + hidden / 32.0;
    case models::GemmKind::Nvfp4:
      return hidden / 2.0 + hidden / 16.0;
    case models::GemmKind::Bf16:
    case models::GemmKind::W4a16:
      break;
  }
  return 2.0 * hidden;
}

double combine_bytes(double hidden) { return 2.0 * hidden; }

double gathered_bytes(double hidden, models::GemmKind experts) {
  if (experts == models::GemmKind::Fp8) return hidden;
  if (experts == models::GemmKind::Nvfp4) return dispatch_bytes(hidden, experts);
  return 2.0 * hidden;
}

}  // namespace tokenyard::cost
