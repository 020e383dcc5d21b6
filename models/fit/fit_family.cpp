#include "models/fit/fit_family.hpp"

#include "models/base/errors.hpp"
#include "models/fit/least_error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <utility>

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
std::vector<std::size_t> fitted_rows(const Family& family, const Samples& rows, const models::AcceleratorSpec& chip) {
  std::vector<std::size_t> free;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const bool another = family.of_another && family.of_another(family.shape_of(rows.shape(row)), chip);
    if (!another && !held_out(family, rows, row)) free.push_back(row);
  }
  const std::uint64_t every = (free.size() + kMostRows - 1) / kMostRows;
  if (every <= 1) return free;
  std::erase_if(
      free, [&](std::size_t row) { return shape_hash(family.shape_of(rows.shape(row))) / kHeldOutOf % every != 0; });
  return free;
}

/// A family before certain rows: finds the values of some parameters while the others stay.
class Search {
 public:
  Search(const Family& family, const Samples& rows, const models::AcceleratorSpec& chip)
      : family_(family), rows_(rows), chip_(chip), used_(fitted_rows(family, rows, chip)) {}

  [[nodiscard]] std::size_t used() const { return used_.size(); }
  [[nodiscard]] std::vector<double> start() const {
    std::vector<double> values;
    for (const Parameter& parameter : family_.parameters) values.push_back(parameter.start);
    return values;
  }

  /// The better of `known` and of what a search from `from` finds that turns the parameters that are `free`.
  [[nodiscard]] std::vector<double> best(std::vector<double> known, const std::vector<double>& from,
                                         const std::vector<bool>& free) const {
    Box box;
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (!free[i]) continue;
      const Parameter& parameter = family_.parameters[i];
      box.start.push_back(std::clamp(from[i], parameter.lowest, parameter.highest));
      box.lowest.push_back(parameter.lowest);
      box.highest.push_back(parameter.highest);
    }
    std::vector<double> values = from;
    const auto put = [&](std::span<const double> point) {
      std::size_t next = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (free[i]) values[i] = point[next++];
      }
    };
    put(least_error(box, [&](std::span<const double> point) {
      put(point);
      return loss(values);
    }));
    return loss(values) < loss(known) ? values : known;
  }

  /// Median and 90th percentile of the errors of the rows that are fitted.
  [[nodiscard]] std::pair<double, double> quantiles(std::span<const double> values) const {
    std::vector<double> errors;
    for (const std::size_t row : used_) errors.push_back(std::abs(log_error(family_, values, rows_, row, chip_)));
    return {quantile(errors, 0.5), quantile(errors, 0.9)};
  }

  [[nodiscard]] double loss(std::span<const double> values) const {
    double sum = 0.0;
    for (const std::size_t row : used_) {
      const double e = log_error(family_, values, rows_, row, chip_) / kOutlier;
      sum += 2.0 * (std::sqrt(1.0 + e * e) - 1.0);
    }
    return sum / static_cast<double>(used_.size());
  }

 private:
  const Family& family_;
  const Samples& rows_;
  const models::AcceleratorSpec& chip_;
  std::vector<std::size_t> used_;
};

/// Whether the rows of the chip can tell the parameter at all.
bool told(const Family& family, const Parameter& parameter, const std::vector<Range>& ranges,
          const models::AcceleratorSpec& chip) {
  if (!parameter.choices.empty() || (parameter.of_chip != nullptr && !parameter.of_chip(chip))) return false;
  if (parameter.told_by.empty()) return true;
  const auto figure = std::find(family.shape.begin(), family.shape.end(), parameter.told_by);
  expect(figure != family.shape.end(), "a parameter is told by a figure of the shape");
  const Range& range = ranges[static_cast<std::size_t>(figure - family.shape.begin())];
  return range.least < range.greatest;
}

std::set<int> terms_of(const Family& family) {
  std::set<int> terms;
  for (const Parameter& parameter : family.parameters) terms.insert(parameter.term);
  return terms;
}

/// A parameter that no search turns, and a value for it.
struct Choice {
  std::size_t parameter;
  double value;
};

/// The values with the least loss that a search finds, term by term; `choice` comes with its term.
std::vector<double> terms_in_turn(const Search& search, const Family& family, const std::vector<Range>& ranges,
                                  const models::AcceleratorSpec& chip, const std::optional<Choice>& choice) {
  std::vector<double> known = search.start();
  std::vector<bool> free(family.parameters.size());
  std::pair<double, double> least{std::numeric_limits<double>::max(), std::numeric_limits<double>::max()};
  for (const int term : terms_of(family)) {
    std::vector<bool> more = free;
    bool any = false;
    for (std::size_t i = 0; i < more.size(); ++i) {
      const Parameter& parameter = family.parameters[i];
      if (parameter.term != term || !told(family, parameter, ranges, chip)) continue;
      more[i] = any = true;
    }
    if (!any) continue;
    std::vector<double> from = known;
    std::vector<double> afresh = search.start();  // what fits without a term may lie far from what fits with it
    if (choice) {
      if (family.parameters[choice->parameter].term == term) from[choice->parameter] = choice->value;
      afresh[choice->parameter] = from[choice->parameter];
    }
    std::vector<double> values = search.best(known, from, more);
    if (term > 0) {
      for (std::size_t i = 0; i < more.size(); ++i) {
        if (!more[i] || family.parameters[i].term == 0) continue;
        afresh[i] = family.parameters[i].trial;
        if (!free[i]) from[i] = afresh[i];
      }
      values = search.best(std::move(values), from, more);
      values = search.best(std::move(values), afresh, more);
    }
    const std::pair<double, double> error = search.quantiles(values);
    if (!(error.first < least.first && error.second < least.second)) continue;  // what does not help stays out
    known = std::move(values);
    free = std::move(more);
    least = error;
  }
  return known;
}

/// The same with each choice of the parameter that has some: the one with the least loss, the first of equal ones.
std::vector<double> chosen(const Search& search, const Family& family, const std::vector<Range>& ranges,
                           const models::AcceleratorSpec& chip) {
  const auto counted = std::ranges::find_if(family.parameters, [&](const Parameter& parameter) {
    return !parameter.choices.empty() && (parameter.of_chip == nullptr || parameter.of_chip(chip));
  });
  if (counted == family.parameters.end()) return terms_in_turn(search, family, ranges, chip, std::nullopt);
  const auto at = static_cast<std::size_t>(counted - family.parameters.begin());
  std::vector<double> best;
  for (const double choice : counted->choices) {
    std::vector<double> values = terms_in_turn(search, family, ranges, chip, Choice{at, choice});
    if (best.empty() || search.loss(values) < search.loss(best)) best = std::move(values);
  }
  return best;
}

/// The better of `known` and of what a search finds from the coefficients that the chip has, with the terms that these
/// have: searches are local, and an entry may be a better place to start, its own of yesterday or a like chip's.
std::vector<double> from_stored(const Search& search, const Family& family, const std::vector<Range>& ranges,
                                const models::AcceleratorSpec& chip, std::vector<double> known) {
  auto from = family.stored(chip.kernels);
  if (!from) return known;
  std::vector<bool> free(from->size());
  for (std::size_t i = 0; i < free.size(); ++i) {
    const Parameter& parameter = family.parameters[i];
    free[i] = told(family, parameter, ranges, chip) && (parameter.term == 0 || (*from)[i] != parameter.start);
    const bool has = parameter.of_chip == nullptr || parameter.of_chip(chip);
    if (!free[i] && (parameter.choices.empty() || !has)) (*from)[i] = parameter.start;
  }
  return search.best(std::move(known), *from, free);
}

}  // namespace

Samples serving_rows(const Family& family, const Samples& samples, const models::AcceleratorSpec& chip) {
  Samples serving(samples.width());
  for (std::size_t row = 0; row < samples.size(); ++row) {
    if (family.serves(samples.shape(row), chip))
      serving.add(samples.shape(row), samples.seconds(row), samples.origin(row));
  }
  serving = serving.distinct();
  if (family.derived.of_first == 0) return serving;
  Samples rows(family.row_of(serving.shape(0)).size());
  std::vector<double> figures;  // of a row; those in order of shape share what is derived
  for (std::size_t row = 0; row < serving.size(); ++row) {
    const std::span<const double> shape = serving.shape(row);
    const auto first = shape.first(family.derived.of_first);
    if (figures.empty() || !std::ranges::equal(first, std::span(figures).first(first.size()))) {
      figures = family.row_of(shape);
    }
    std::ranges::copy(shape, figures.begin());
    rows.add(figures, serving.seconds(row), serving.origin(row));
  }
  return rows;
}

bool held_out(const Family& family, const Samples& rows, std::size_t row) {
  if (family.hold_every > 0) return row % family.hold_every == family.hold_every / 2;
  return shape_hash(family.shape_of(rows.shape(row))) % kHeldOutOf == 0;
}

std::vector<Range> ranges_of(const Family& family, const Samples& rows) {
  std::vector<Range> ranges;
  for (std::size_t figure = 0; figure < family.shape.size(); ++figure) {
    Range range{.least = rows.shape(0)[figure], .greatest = rows.shape(0)[figure]};
    for (std::size_t row = 1; row < rows.size(); ++row) {
      range.least = std::min(range.least, rows.shape(row)[figure]);
      range.greatest = std::max(range.greatest, rows.shape(row)[figure]);
    }
    ranges.push_back(range);
  }
  return ranges;
}

FitError error_on_held_out(const Family& family, std::span<const double> values, const Samples& rows,
                           const models::AcceleratorSpec& chip) {
  std::vector<double> errors;
  std::vector<double> sizes;
  std::vector<std::size_t> judged;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (!held_out(family, rows, row)) continue;
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
  expect(rows.size() >= family.fewest, "a fit has rows enough");
  expect(family.suits(chip), "the chip has what the family needs");
  const Search search(family, rows, chip);
  FittedFamily fitted;
  fitted.valid = ranges_of(family, rows);
  fitted.fitted = search.used();
  fitted.values = from_stored(search, family, fitted.valid, chip, chosen(search, family, fitted.valid, chip));
  fitted.held_out = error_on_held_out(family, fitted.values, rows, chip);
  return fitted;
}

}  // namespace tokenyard::fit
