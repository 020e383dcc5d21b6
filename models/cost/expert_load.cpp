#include "models/cost/expert_load.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace tokenyard::cost {
namespace {

constexpr std::uint32_t kPermutations = 16;
constexpr std::size_t kOctaves = 25;  // to 16 M tokens

/// Popularity of the experts, any scale, when `tokens` tokens choose `top_k` each.
std::vector<double> popularity(const ExpertRouting& routing, std::uint32_t experts, std::uint32_t top_k,
                               double tokens) {
  if (routing.kind == ExpertRouting::Kind::Measured) return routing.measured;
  std::vector<double> shares(experts, 1.0);
  if (routing.kind == ExpertRouting::Kind::Balanced) return shares;
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

using Order = std::vector<std::uint32_t>;  // of experts

/// kPermutations fixed ones.
std::vector<Order> permutations(std::uint32_t experts) {
  std::vector<Order> orders;
  for (std::uint64_t permutation = 0; permutation < kPermutations; ++permutation) {
    std::vector<std::pair<std::uint64_t, std::uint32_t>> keyed;
    for (std::uint32_t i = 0; i < experts; ++i) keyed.emplace_back(mixed(i + (permutation << 32U)), i);
    std::sort(keyed.begin(), keyed.end());
    Order& order = orders.emplace_back();
    for (const auto& [key, expert] : keyed) order.push_back(expert);
  }
  return orders;
}

struct Rank {
  double rows = 0.0;
  double hit = 0.0;
  std::size_t slots = 0;
  void take(double row) {
    rows += row;
    hit += std::min(row, 1.0);
    ++slots;
  }
};

Rank busiest_in_order(const std::vector<double>& rows, const Order& order, std::size_t ranks) {
  const std::size_t each = rows.size() / ranks;
  Rank busiest;
  for (std::size_t first = 0; first < rows.size(); first += each) {
    Rank rank;
    for (std::size_t i = first; i < first + each; ++i) rank.take(rows[order[i]]);
    if (rank.rows > busiest.rows) busiest = rank;
  }
  return busiest;
}

/// Copies of the most loaded experts, then slots to the least loaded rank that has room, heaviest first.
std::vector<Rank> balanced(const std::vector<double>& rows, std::size_t ranks, std::uint32_t redundant) {
  std::vector<double> copies(rows.size(), 1.0);
  for (std::uint32_t slot = 0; slot < redundant; ++slot) {
    std::size_t heaviest = 0;
    for (std::size_t i = 1; i < rows.size(); ++i) {
      if (rows[i] / copies[i] > rows[heaviest] / copies[heaviest]) heaviest = i;
    }
    copies[heaviest] += 1.0;
  }
  std::vector<double> slots;
  for (std::size_t i = 0; i < rows.size(); ++i)
    slots.insert(slots.end(), static_cast<std::size_t>(copies[i]), rows[i] / copies[i]);
  std::sort(slots.rbegin(), slots.rend());
  const std::size_t room = slots.size() / ranks;
  std::vector<Rank> dealt(ranks);
  for (const double row : slots) {
    Rank* least = nullptr;
    for (Rank& rank : dealt) {
      if (rank.slots < room && (least == nullptr || rank.rows < least->rows)) least = &rank;
    }
    least->take(row);
  }
  return dealt;
}

/// `orders`: of a power law, permutations() of the experts.
ExpertLoad load_of(const ExpertRouting& routing, std::uint32_t experts, std::uint32_t top_k, std::uint32_t ranks,
                   double tokens, const std::vector<Order>& orders) {
  if (tokens <= 0.0) return {};
  const std::vector<double> rows = rows_of(popularity(routing, experts, top_k, tokens), top_k, tokens);
  const double mean = tokens * top_k / ranks;
  Rank all;
  for (const double row : rows) all.take(row);
  const double mean_hit = all.hit / ranks;
  if (routing.placement == ExpertRouting::Placement::Ideal || routing.kind == ExpertRouting::Kind::Balanced) {
    return {.rows = 1.0, .hit = mean_hit, .mean_hit = mean_hit};
  }
  if (routing.placement == ExpertRouting::Placement::Balanced) {
    Rank most;
    Rank together;
    for (const Rank& rank : balanced(rows, ranks, routing.redundant)) {
      most.rows = std::max(most.rows, rank.rows);
      most.hit = std::max(most.hit, rank.hit);
      together.hit += rank.hit;
    }
    return {.rows = std::max(most.rows / mean, 1.0), .hit = most.hit, .mean_hit = together.hit / ranks};
  }
  if (routing.kind == ExpertRouting::Kind::Measured) {
    Order numbered(experts);
    std::iota(numbered.begin(), numbered.end(), 0U);
    const Rank busiest = busiest_in_order(rows, numbered, ranks);
    return {.rows = std::max(busiest.rows / mean, 1.0), .hit = busiest.hit, .mean_hit = mean_hit};
  }
  Rank sum;
  for (const Order& order : orders) {
    const Rank busiest = busiest_in_order(rows, order, ranks);
    sum.rows += busiest.rows / kPermutations;
    sum.hit += busiest.hit / kPermutations;
  }
  return {.rows = std::max(sum.rows / mean, 1.0), .hit = sum.hit, .mean_hit = mean_hit};
}

std::vector<Order> orders_for(const ExpertRouting& routing, std::uint32_t experts) {
  const bool drawn = routing.kind == ExpertRouting::Kind::PowerLaw;
  return drawn && routing.placement == ExpertRouting::Placement::InOrder ? permutations(experts) : std::vector<Order>{};
}

}  // namespace

ExpertRouting routing_of(const models::ExpertLoad& load, std::uint32_t redundant, double fitted) {
  ExpertRouting routing{.alpha = fitted, .measured = load.shares, .redundant = redundant};
  if (load.routing == models::Routing::Balanced) routing.kind = ExpertRouting::Kind::Balanced;
  if (load.routing == models::Routing::Measured) routing.kind = ExpertRouting::Kind::Measured;
  if (load.routing == models::Routing::PowerLaw) routing.alpha = load.alpha;
  if (load.eplb == models::Eplb::On) routing.placement = ExpertRouting::Placement::Balanced;
  if (load.eplb == models::Eplb::Ideal) routing.placement = ExpertRouting::Placement::Ideal;
  return routing;
}

ExpertLoad expert_load(const ExpertRouting& routing, std::uint32_t experts, std::uint32_t top_k, std::uint32_t ranks,
                       double tokens) {
  return load_of(routing, experts, top_k, ranks, tokens, orders_for(routing, experts));
}

ExpertLoads::ExpertLoads(const ExpertRouting& routing, std::uint32_t experts, std::uint32_t top_k,
                         std::uint32_t ranks) {
  expect(ranks > 0 && (experts + routing.redundant) % ranks == 0, "ranks have equally many experts");
  expect(routing.kind != ExpertRouting::Kind::Measured || routing.measured.size() == experts,
         "a share for each expert");
  const std::vector<Order> orders = orders_for(routing, experts);
  for (std::size_t i = 0; i < kOctaves; ++i) {
    by_octave_.push_back(load_of(routing, experts, top_k, ranks, std::exp2(static_cast<double>(i)), orders));
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
