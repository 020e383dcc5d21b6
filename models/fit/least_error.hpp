#pragma once

#include <functional>
#include <span>
#include <vector>

namespace tokenyard::fit {

/// Where a search starts, and the box it stays in.
struct Box {
  std::vector<double> start;
  std::vector<double> lowest;
  std::vector<double> highest;
};

/// The point of the box where `loss` is least, as far as a local search without derivatives finds it: BOBYQA (Powell,
/// report DAMTP 2009/NA06), then a subplex search (Rowan, 1990) from there, both as NLopt has them. The same input
/// gives the same point. REQUIRES: a start inside the box, lowest < highest for each coefficient, a loss that is
/// finite.
[[nodiscard]] std::vector<double> least_error(const Box& box,
                                              const std::function<double(std::span<const double>)>& loss);

}  // namespace tokenyard::fit
