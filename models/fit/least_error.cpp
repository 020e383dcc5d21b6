#include "models/fit/least_error.hpp"

#include "models/base/errors.hpp"

#include <nlopt.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>

namespace tokenyard::fit {
namespace {

constexpr int kEvaluations = 600;    // of a search, at least; six coefficients settle in some 300
constexpr int kOfEach = 100;         // for each coefficient: nine need more than six
constexpr double kFirstStep = 0.1;   // of the box
constexpr double kSmallStep = 1e-5;  // of the box: well below the last digit written

/// The search runs in the unit cube, so that microseconds and exponents are alike to it.
struct Problem {
  const Box& box;
  const std::function<double(std::span<const double>)>& loss;
  std::vector<double> point;

  double operator()(const double* unit) {
    for (std::size_t i = 0; i < point.size(); ++i) {
      point[i] = box.lowest[i] + unit[i] * (box.highest[i] - box.lowest[i]);
    }
    return loss(point);
  }
};

double evaluate(unsigned, const double* unit, double*, void* problem) {
  return (*static_cast<Problem*>(problem))(unit);
}

struct Destroy {
  void operator()(nlopt_opt_s* search) const { nlopt_destroy(search); }
};

void search(nlopt_algorithm algorithm, Problem& problem, std::vector<double>& unit) {
  const std::unique_ptr<nlopt_opt_s, Destroy> optimizer(nlopt_create(algorithm, static_cast<unsigned>(unit.size())));
  expect(optimizer != nullptr, "NLopt knows the algorithm");
  nlopt_set_min_objective(optimizer.get(), evaluate, &problem);
  nlopt_set_lower_bounds1(optimizer.get(), 0.0);
  nlopt_set_upper_bounds1(optimizer.get(), 1.0);
  nlopt_set_initial_step1(optimizer.get(), kFirstStep);
  nlopt_set_xtol_abs1(optimizer.get(), kSmallStep);
  nlopt_set_maxeval(optimizer.get(), std::max(kEvaluations, kOfEach * static_cast<int>(unit.size())));
  double least = 0.0;
  const nlopt_result result = nlopt_optimize(optimizer.get(), unit.data(), &least);
  // A search that can no longer tell better from worse has arrived; its point is the best it saw.
  expect(result > 0 || result == NLOPT_ROUNDOFF_LIMITED, "NLopt searches the box");
}

}  // namespace

std::vector<double> least_error(const Box& box, const std::function<double(std::span<const double>)>& loss) {
  const std::size_t size = box.start.size();
  expect(size > 0 && box.lowest.size() == size && box.highest.size() == size, "a box has a side for each coefficient");
  std::vector<double> unit(size);
  for (std::size_t i = 0; i < size; ++i) {
    expect(box.lowest[i] < box.highest[i] && box.start[i] >= box.lowest[i] && box.start[i] <= box.highest[i],
           "a search starts inside its box");
    unit[i] = (box.start[i] - box.lowest[i]) / (box.highest[i] - box.lowest[i]);
  }
  Problem problem{.box = box, .loss = loss, .point = std::vector<double>(size)};
  search(NLOPT_LN_BOBYQA, problem, unit);
  search(NLOPT_LN_SBPLX, problem, unit);
  problem(unit.data());
  return problem.point;
}

}  // namespace tokenyard::fit
