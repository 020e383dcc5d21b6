#include "models/llm/expert_load.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <string>
#include <utility>

namespace tokenyard::models {
namespace {

constexpr double kLargestLoad = 1000.0;  // over the smallest, of the power law
constexpr int kShuffles = 32;

/// Quantile u of the density x^-alpha on [1, kLargestLoad].
double power_law(double u, double alpha) {
  if (std::abs(alpha - 1.0) < 1e-9) return std::pow(kLargestLoad, u);
  const double e = 1.0 - alpha;
  return std::pow((std::pow(kLargestLoad, e) - 1.0) * u + 1.0, 1.0 / e);
}

double fullest_group(const std::vector<double>& shares, std::uint32_t ranks) {
  const std::size_t each = shares.size() / ranks;
  double fullest = 0.0;
  for (std::size_t at = 0; at < shares.size(); at += each) {
    const auto from = shares.begin() + static_cast<std::ptrdiff_t>(at);
    fullest = std::max(fullest, std::accumulate(from, from + static_cast<std::ptrdiff_t>(each), 0.0));
  }
  return fullest * ranks;
}

/// Fisher-Yates with a generator of its own: the same everywhere.
void shuffle(std::vector<double>& values, std::uint64_t& state) {
  for (std::size_t i = values.size() - 1; i > 0; --i) {
    state = state * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    std::swap(values[i], values[(state >> 33) % (i + 1)]);
  }
}

std::vector<double> replicas(const std::vector<double>& shares, std::uint32_t redundant) {
  std::vector<std::uint32_t> count(shares.size(), 1);
  for (std::uint32_t i = 0; i < redundant; ++i) {
    std::size_t heaviest = 0;
    for (std::size_t e = 1; e < shares.size(); ++e) {
      if (shares[e] / count[e] > shares[heaviest] / count[heaviest]) heaviest = e;
    }
    ++count[heaviest];
  }
  std::vector<double> loads;
  for (std::size_t e = 0; e < shares.size(); ++e) loads.insert(loads.end(), count[e], shares[e] / count[e]);
  return loads;
}

double fullest_packed(std::vector<double> loads, std::uint32_t ranks) {
  std::sort(loads.begin(), loads.end(), std::greater<>());
  const std::size_t places = loads.size() / ranks;
  std::vector<double> sum(ranks, 0.0);
  std::vector<std::size_t> taken(ranks, 0);
  for (const double load : loads) {
    std::size_t lightest = ranks;
    for (std::size_t r = 0; r < ranks; ++r) {
      if (taken[r] < places && (lightest == ranks || sum[r] < sum[lightest])) lightest = r;
    }
    sum[lightest] += load;
    ++taken[lightest];
  }
  return *std::max_element(sum.begin(), sum.end()) * ranks;
}

}  // namespace

void validate(const ExpertLoad& load, std::uint32_t experts, std::uint32_t redundant) {
  if (!(load.alpha >= 0.0 && load.alpha <= 10.0)) throw SpecError("expert_load_alpha", "must be from 0 to 10");
  if (load.routing == Routing::Measured) {
    if (load.shares.size() != experts) {
      throw SpecError("expert_shares", "has " + std::to_string(load.shares.size()) + " entries for " +
                                           std::to_string(experts) + " experts");
    }
    double sum = 0.0;
    for (const double share : load.shares) {
      if (!(share >= 0.0 && share < 1e12)) throw SpecError("expert_shares", "must not be negative or above 1e12");
      sum += share;
    }
    if (sum <= 0.0) throw SpecError("expert_shares", "one at least must be above 0");
  }
  if (redundant > 0 && load.eplb == Eplb::Off) {
    throw SpecError("redundant_experts",
                    "needs a balancer that says which experts are held twice: set eplb to on or ideal");
  }
}

std::vector<double> expert_shares(const ExpertLoad& load, std::uint32_t experts) {
  expect(load.routing != Routing::Fitted, "fitted loads have no shares");
  std::vector<double> shares(experts, 1.0);
  if (load.routing == Routing::Measured) shares = load.shares;
  if (load.routing == Routing::PowerLaw) {
    for (std::uint32_t i = 0; i < experts; ++i) shares[i] = power_law(1.0 - (i + 0.5) / experts, load.alpha);
  }
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= sum;
  return shares;
}

double fullest_rank(const ExpertLoad& load, std::uint32_t experts, std::uint32_t redundant, std::uint32_t ranks) {
  expect((experts + redundant) % ranks == 0, "every rank holds as many experts");
  if (load.eplb == Eplb::Ideal || load.routing == Routing::Balanced || ranks == 1) return 1.0;
  std::vector<double> shares = expert_shares(load, experts);
  if (load.eplb == Eplb::On) return fullest_packed(replicas(shares, redundant), ranks);
  if (load.routing == Routing::Measured) return fullest_group(shares, ranks);
  std::uint64_t state = 1;
  double sum = 0.0;
  for (int i = 0; i < kShuffles; ++i) {
    shuffle(shares, state);
    sum += fullest_group(shares, ranks);
  }
  return sum / kShuffles;
}

}  // namespace tokenyard::models
