#include "models/fit/fit_family.hpp"

#include "models/base/errors.hpp"
#include "models/fit/least_error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tokenyard::fit {
namespace {

constexpr std::uint64_t kHeldOutOf = 4;
constexpr std::size_t kMostRows = 4000;
constexpr std::size_t kWorst = 3;
constexpr double kOutlier = 0.05;  // errors beyond it count by their size, not by their square

/// Nearest rank, as everywhere. REQUIRES: values not empty.
double quantile(std::vector<double> values, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double log_error(const Family& family, std::span<const double> values, const Samples& rows, std::size_t row,
                 const models::AcceleratorSpec& chip) {
  return std::log(family.time(values, rows.shape(row), chip).value() / rows.seconds(row));
}

/// Rows that the fit looks at, in ascending order.
std::vector<std::size_t> fitted_rows(const Samples& rows) {
  std::vector<std::size_t> free;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (!held_out(rows.shape(row))) free.push_back(row);
  }
  const std::uint64_t every = (free.size() + kMostRows - 1) / kMostRows;
  if (every <= 1) return free;
  std::erase_if(free, [&](std::size_t row) { return shape_hash(rows.shape(row)) / kHeldOutOf % every != 0; });
  return free;
}

}  // namespace

Samples serving_rows(const Family& family, const Samples& samples) {
  Samples serving(samples.width());
  for (std::size_t row = 0; row < samples.size(); ++row) {
    if (family.serves(samples.shape(row))) serving.add(samples.shape(row), samples.seconds(row), samples.origin(row));
  }
  return serving.distinct();
}

bool held_out(std::span<const double> shape) { return shape_hash(shape) % kHeldOutOf == 0; }

FitError error_on_held_out(const Family& family, std::span<const double> values, const Samples& rows,
                           const models::AcceleratorSpec& chip) {
  std::vector<double> errors;
  std::vector<double> sizes;
  std::vector<std::size_t> judged;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (!held_out(rows.shape(row))) continue;
    errors.push_back(log_error(family, values, rows, row, chip));
    sizes.push_back(std::abs(errors.back()));
    judged.push_back(row);
  }
  FitError error{.rows = judged.size()};
  if (judged.empty()) return error;
  error.p50 = quantile(sizes, 0.5);
  error.p90 = quantile(sizes, 0.9);
  error.bias = quantile(errors, 0.5);
  std::vector<std::size_t> order(judged.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sizes[a] > sizes[b]; });
  for (std::size_t i = 0; i < std::min(kWorst, order.size()); ++i) error.worst.push_back(judged[order[i]]);
  return error;
}

FittedFamily fit_family(const Family& family, const Samples& rows, const models::AcceleratorSpec& chip) {
  expect(rows.size() >= kFewestRows, "a fit has rows enough");
  expect(family.suits(chip), "the chip has what the family needs");
  const std::vector<std::size_t> used = fitted_rows(rows);
  Box box;
  for (const Parameter& parameter : family.parameters) {
    box.start.push_back(parameter.start);
    box.lowest.push_back(parameter.lowest);
    box.highest.push_back(parameter.highest);
  }
  FittedFamily fitted;
  fitted.fitted = used.size();
  fitted.values = least_error(box, [&](std::span<const double> values) {
    double sum = 0.0;
    for (const std::size_t row : used) {
      const double e = log_error(family, values, rows, row, chip) / kOutlier;
      sum += 2.0 * (std::sqrt(1.0 + e * e) - 1.0);
    }
    return sum / static_cast<double>(used.size());
  });
  fitted.held_out = error_on_held_out(family, fitted.values, rows, chip);
  for (std::size_t figure = 0; figure < rows.width(); ++figure) {
    Range range{.least = rows.shape(0)[figure], .greatest = rows.shape(0)[figure]};
    for (std::size_t row = 1; row < rows.size(); ++row) {
      range.least = std::min(range.least, rows.shape(row)[figure]);
      range.greatest = std::max(range.greatest, rows.shape(row)[figure]);
    }
    fitted.valid.push_back(range);
  }
  return fitted;
}

}  // namespace tokenyard::fit
