#include "models/cost/expert_load.hpp"

#include "models/base/errors.hpp"
#include "models/cost/expert_placement.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>
#include <utility>

namespace tokenyard::cost {
namespace {

constexpr std::uint32_t kPermutations = 16;
constexpr std::uint32_t kDraws = 64;  // of a placement; all permutations together have as many
constexpr std::size_t kOctaves = 25;  // to 16 M tokens

/// The number below which a standard normal one lies with this chance, by Newton's method, which from 0 never
/// overshoots.
double normal_quantile(double chance) {
  double z = 0.0;
  for (int round = 0; round < 60; ++round) {
    const double below = 0.5 * std::erfc(-z / std::numbers::sqrt2);
    const double density = std::exp(-0.5 * z * z) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    z -= (below - chance) / density;
  }
  return z;
}

/// Popularity of the experts, any scale, when `tokens` tokens choose `top_k` each.
std::vector<double> popularity(const ExpertRouting& routing, std::uint32_t experts, std::uint32_t top_k,
                               double tokens) {
  if (routing.kind == ExpertRouting::Kind::Measured) return routing.measured;
  std::vector<double> shares(experts, 1.0);
  if (routing.kind == ExpertRouting::Kind::Balanced) return shares;
  if (routing.kind == ExpertRouting::Kind::LogNormal) {
    for (std::uint32_t i = 0; i < experts; ++i)
      shares[i] = std::exp(routing.sigma * normal_quantile((i + 0.5) / experts));
    return shares;
  }
  const bool many = tokens * top_k > experts;
  const double least = many ? 1.0 : 0.01;
  const double most = many ? std::max(0.8 * tokens, 1.0) : 2.0;
  const double power = 1.0 - routing.alpha;
  const double from = std::pow(least, power);
  const double to = std::pow(most, power);
  for (std::uint32_t i = 0; i < experts; ++i) {
    const double u = (i + 0.5) / experts;
    // The inverse of the distribution function; at alpha = 1 its limit.
    shares[i] =
        std::abs(power) < 1e-9 ? least * std::pow(most / least, u) : std::pow(from + u * (to - from), 1.0 / power);
  }
  return shares;
}

/// Rows of each expert: in proportion to its popularity, none above one a token; what is cut off goes to the others.
std::vector<double> rows_of(std::vector<double> shares, double top_k, double tokens) {
  const double all = tokens * top_k;
  for (int round = 0; round < 3; ++round) {
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (double& share : shares) share = std::min(share * (all / sum), tokens);
  }
  return shares;
}

/// A fixed, well mixed 64-bit value (the finaliser of splitmix64).
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// kPermutations fixed ones.
std::vector<ExpertOrder> permutations(std::uint32_t experts) {
  std::vector<ExpertOrder> orders;
  for (std::uint64_t permutation = 0; permutation < kPermutations; ++permutation) {
    std::vector<std::pair<std::uint64_t, std::uint32_t>> keyed;
    for (std::uint32_t i = 0; i < experts; ++i) keyed.emplace_back(mixed(i + (permutation << 32U)), i);
    std::sort(keyed.begin(), keyed.end());
    ExpertOrder& order = orders.emplace_back();
    for (const auto& [key, expert] : keyed) order.push_back(expert);
  }
  return orders;
}

/// Standard normal numbers of kDraws steps: one for the drift of each expert, one for the chance of each slot. Always
/// the same (Box and Muller).
class Draws {
 public:
  Draws(std::size_t experts, std::size_t slots) : drift_(kDraws), chance_(kDraws) {
    for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
      for (std::uint64_t i = 0; i < experts; ++i) drift_[draw].push_back(normal(2 * draw, i));
      for (std::uint64_t i = 0; i < slots; ++i) chance_[draw].push_back(normal(2 * draw + 1, i));
    }
  }

  [[nodiscard]] const std::vector<double>& drift(std::size_t draw) const { return drift_[draw]; }
  [[nodiscard]] const std::vector<double>& chance(std::size_t draw) const { return chance_[draw]; }

 private:
  static double normal(std::uint64_t stream, std::uint64_t i) {
    const std::uint64_t seed = mixed(i + (stream << 32U));
    const double u = (static_cast<double>(seed >> 11U) + 0.5) * 0x1p-53;
    const double v = static_cast<double>(mixed(seed) >> 11U) * 0x1p-53;
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
  }

  std::vector<std::vector<double>> drift_;   // by draw, then expert
  std::vector<std::vector<double>> chance_;  // by draw, then slot
};

/// What does not depend on the tokens: orders of the experts, permutations where it matters and nobody tells which
/// expert has which popularity, and the draws.
struct Fixed {
  std::vector<ExpertOrder> orders;
  std::optional<Draws> draws;
};

/// Rows of the busiest rank, the mean of `count` steps from the `first`th draw on that have `all` rows of `tokens`.
double drawn_rows(const std::vector<ExpertSlot>& slots, std::size_t ranks, double tokens, double all, double drift,
                  const Draws& draws, std::size_t first, std::size_t count) {
  std::vector<double> spread;
  for (const ExpertSlot& slot : slots) spread.push_back(std::sqrt(slot.rows * std::max(1.0 - slot.rows / tokens, 0.0)));
  std::vector<double> load(ranks);
  double busiest = 0.0;
  for (std::size_t draw = first; draw < first + count; ++draw) {
    std::fill(load.begin(), load.end(), 0.0);
    double sum = 0.0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const double strayed = slots[i].rows * (1.0 + drift * draws.drift(draw)[slots[i].expert]);
      const double rows = std::max(strayed + spread[i] * draws.chance(draw)[i], 0.0);
      load[slots[i].rank] += rows;
      sum += rows;
    }
    if (sum > 0.0) busiest += *std::max_element(load.begin(), load.end()) * all / sum;
  }
  return busiest / static_cast<double>(count);
}

/// What a placement asks of its ranks.
struct Placed {
  double rows = 0.0;      ///< of the busiest
  double hit = 0.0;       ///< likewise
  double most_hit = 0.0;  ///< of any
  double all_hit = 0.0;
};

/// Of a routing that is drawn, the mean of `count` steps from the `first`th draw on.
Placed placed(const ExpertRouting& routing, const std::vector<ExpertSlot>& slots, std::size_t ranks, double tokens,
              double all, const Fixed& fixed, std::size_t first, std::size_t count) {
  std::vector<double> rows(ranks, 0.0);
  std::vector<double> hit(ranks, 0.0);
  Placed sums;
  for (const ExpertSlot& slot : slots) {
    rows[slot.rank] += slot.rows;
    const double likely = std::min(slot.rows / tokens, 1.0);
    const double hits = !routing.drawn ? std::min(slot.rows, 1.0)
                        : likely < 1.0 ? -std::expm1(tokens * std::log1p(-likely))
                                       : 1.0;
    hit[slot.rank] += hits;
    sums.all_hit += hits;
  }
  const auto busiest = static_cast<std::size_t>(std::max_element(rows.begin(), rows.end()) - rows.begin());
  sums.rows =
      routing.drawn ? drawn_rows(slots, ranks, tokens, all, routing.drift, *fixed.draws, first, count) : rows[busiest];
  sums.hit = hit[busiest];
  sums.most_hit = *std::max_element(hit.begin(), hit.end());
  return sums;
}

ExpertLoad load_of(const ExpertRouting& routing, std::uint32_t experts, std::uint32_t top_k, std::uint32_t ranks,
                   double tokens, const Fixed& fixed) {
  if (tokens <= 0.0) return {};
  const std::vector<double> rows = rows_of(popularity(routing, experts, top_k, tokens), top_k, tokens);
  const double all = tokens * top_k;
  const double mean = all / ranks;
  if (routing.placement == ExpertRouting::Placement::Ideal || routing.kind == ExpertRouting::Kind::Balanced) {
    double hit = 0.0;
    for (const double row : rows) hit += std::min(row, 1.0) / ranks;
    return {.rows = 1.0, .hit = hit, .mean_hit = hit};
  }
  const bool evened = routing.placement == ExpertRouting::Placement::Balanced;
  const std::size_t each = kDraws / fixed.orders.size();
  Placed sum;
  for (std::size_t i = 0; i < fixed.orders.size(); ++i) {
    const std::vector<ExpertSlot> slots =
        evened ? balanced_slots(routing, rows, fixed.orders[i], ranks) : slots_in_order(rows, fixed.orders[i], ranks);
    const Placed one = placed(routing, slots, ranks, tokens, all, fixed, each * i, each);
    sum.rows += one.rows;
    sum.hit += evened ? one.most_hit : one.hit;
    sum.all_hit += one.all_hit;
  }
  const auto n = static_cast<double>(fixed.orders.size());
  return {.rows = std::max(sum.rows / n / mean, 1.0), .hit = sum.hit / n, .mean_hit = sum.all_hit / n / ranks};
}

Fixed fixed_for(const ExpertRouting& routing, std::uint32_t experts, std::uint32_t ranks) {
  Fixed fixed;
  if (routing.placement == ExpertRouting::Placement::Ideal || routing.kind == ExpertRouting::Kind::Balanced)
    return fixed;
  if (routing.drawn) fixed.draws.emplace(experts, experts + routing.redundant);
  const bool by_load = routing.placement == ExpertRouting::Placement::Balanced && !balances_by_nodes(routing, ranks);
  if (by_load || routing.kind == ExpertRouting::Kind::Measured) {
    ExpertOrder& numbered = fixed.orders.emplace_back(experts);
    std::iota(numbered.begin(), numbered.end(), 0U);
  } else {
    fixed.orders = permutations(experts);
  }
  return fixed;
}

}  // namespace

ExpertRouting routing_of(const models::ExpertLoad& load, const models::MoeSpec& moe, std::uint32_t redundant,
                         std::uint32_t nodes) {
  ExpertRouting routing{
      .alpha = moe.load_alpha, .measured = load.shares, .redundant = redundant, .groups = moe.groups, .nodes = nodes};
  if (load.routing == models::Routing::Balanced) routing.kind = ExpertRouting::Kind::Balanced;
  if (load.routing == models::Routing::Measured) routing.kind = ExpertRouting::Kind::Measured;
  if (load.routing == models::Routing::PowerLaw) routing.alpha = load.alpha;
  if (load.routing == models::Routing::LogNormal) {
    routing.kind = ExpertRouting::Kind::LogNormal;
    routing.sigma = load.sigma;
  }
  if (load.routing != models::Routing::Fitted) {
    routing.drawn = true;
    routing.drift = load.drift;
  }
  if (load.eplb == models::Eplb::On) routing.placement = ExpertRouting::Placement::Balanced;
  if (load.eplb == models::Eplb::Ideal) routing.placement = ExpertRouting::Placement::Ideal;
  return routing;
}

ExpertLoad expert_load(const ExpertRouting& routing, std::uint32_t experts, std::uint32_t top_k, std::uint32_t ranks,
                       double tokens) {
  return load_of(routing, experts, top_k, ranks, tokens, fixed_for(routing, experts, ranks));
}

ExpertLoads::ExpertLoads(const ExpertRouting& routing, std::uint32_t experts, std::uint32_t top_k,
                         std::uint32_t ranks) {
  expect(ranks > 0 && (experts + routing.redundant) % ranks == 0, "ranks have equally many experts");
  expect(routing.kind != ExpertRouting::Kind::Measured || routing.measured.size() == experts,
         "a share for each expert");
  const Fixed fixed = fixed_for(routing, experts, ranks);
  for (std::size_t i = 0; i < kOctaves; ++i) {
    by_octave_.push_back(load_of(routing, experts, top_k, ranks, std::exp2(static_cast<double>(i)), fixed));
  }
}

ExpertLoad ExpertLoads::at(double tokens) const {
  if (tokens <= 1.0) {
    const double part = std::max(tokens, 0.0);
    return {.rows = by_octave_[0].rows, .hit = by_octave_[0].hit * part, .mean_hit = by_octave_[0].mean_hit * part};
  }
  const double octave = std::min(std::log2(tokens), static_cast<double>(kOctaves - 1));
  const auto below = static_cast<std::size_t>(octave);
  const std::size_t above = std::min(below + 1, kOctaves - 1);
  const double share = octave - static_cast<double>(below);
  const ExpertLoad& a = by_octave_[below];
  const ExpertLoad& b = by_octave_[above];
  const auto between = [share](double from, double to) { return from + share * (to - from); };
  return {.rows = between(a.rows, b.rows), .hit = between(a.hit, b.hit), .mean_hit = between(a.mean_hit, b.mean_hit)};
}

}  // namespace tokenyard::cost
