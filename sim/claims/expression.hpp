#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::claims {

/// A value, or one for each point of a sweep, and the error |ln(simulated / measured)| to be expected of it.
struct Quantity {
  std::vector<double> values;
  double error = 0;
};

/// Looks up RUN.PATH. Throws std::invalid_argument for what does not exist.
using Lookup = std::function<Quantity(const std::string& name)>;

/// Arithmetic of figures: numbers, names (letters, digits, '_', '.', '-'; so a minus needs blanks around it), + - * /
/// and ( ); first(v), last(v), max(v), min(v); exponent(y, x): the least-squares slope of ln y over ln x, 1 for linear
/// growth; least(x, y, enough): the first x of the list whose y is that much;
/// most(y, x, limit): the largest y whose x is at most that, else 0. Lists are taken point by point; a single
/// value goes with every point. Errors of products and quotients add in quadrature, those of sums weighted with the
/// summands' share (of lists: of their largest): they are taken as independent, although two figures of one run share
/// most of theirs. Throws std::invalid_argument with what is wrong.
[[nodiscard]] Quantity evaluate(std::string_view text, const Lookup& lookup);

}  // namespace tokenyard::claims
