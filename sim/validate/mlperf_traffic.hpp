#pragma once

#include "sim/validate/mlperf_recipes.hpp"
#include "sim/validate/mlperf_rows.hpp"
#include "sim/validate/point.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tokenyard::validate {

/// A run that is played: as it was told, and how it was served.
struct MlperfPlayed {
  const MlperfRow& told;
  MlperfRecipe recipe;
  std::string llm;          ///< catalogue entry
  std::uint32_t chips = 0;  ///< of all copies
  double answer = 0;        ///< output tokens of a sample, mean
};

/// The points of the run by how its samples come (mlperf.hpp): one of Offline; of Server and Interactive three at the
/// rate, one at the load and one that asks for the highest rate, as far as the row tells what they need. `point` has
/// the machine, the model, the engine and the lengths.
[[nodiscard]] std::vector<Point> mlperf_points(const MlperfPlayed& run, const Point& point);

}  // namespace tokenyard::validate
