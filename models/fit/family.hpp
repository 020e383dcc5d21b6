#pragma once

#include "models/base/units.hpp"
#include "models/device/accelerator.hpp"
#include "models/device/kernels.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::fit {

/// One coefficient of a family: its key in the chip's entry, where a fit starts, and between what it looks.
struct Parameter {
  std::string_view key;  ///< "t0", "eff_flops"
  enum class Unit : std::uint8_t { Number, Time } unit = Unit::Number;
  double start = 0.0;  ///< seconds when it is a time
  double lowest = 0.0;
  double highest = 1.0;
};

/// A kernel family as something to fit: the formula of models/cost with its coefficients taken out.
struct Family {
  std::string place;  ///< of its coefficients below `kernels` in a chip's entry: "gemm.bf16"
  std::vector<Parameter> parameters;
  std::vector<std::string_view> shape;  ///< names of the figures of a row, in the order that `time` takes them
  /// Time of `shape` with coefficients `values` (in the order of `parameters`), as models/cost prices it.
  std::function<Seconds(std::span<const double> values, std::span<const double> shape, const models::AcceleratorSpec&)>
      time;
  /// The shapes that serving meets: only these are fitted and judged.
  std::function<bool(std::span<const double> shape)> serves;
  /// The coefficients that a chip has for this family, in the order of `parameters`; nothing when it has none.
  std::function<std::optional<std::vector<double>>(const models::KernelSet&)> stored;
  /// What the chip must have for the formula to mean something (a dense peak of the format).
  std::function<bool(const models::AcceleratorSpec&)> suits;
};

}  // namespace tokenyard::fit
