#pragma once

#include "models/base/units.hpp"
#include "models/cost/roofline.hpp"
#include "models/device/accelerator.hpp"
#include "models/device/kernels.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::fit {

/// One coefficient of a family: its key in the chip's entry, where a fit starts, and between what it looks.
struct Parameter {
  std::string_view key;  ///< "t0", "eff_flops"; "repeated.below" for a key of a mapping inside
  enum class Unit : std::uint8_t { Number, Time, Size, Rate } unit = Unit::Number;
  double start = 0.0;  ///< in seconds, bytes or GB/s
  double lowest = 0.0;
  double highest = 1.0;
  /// 0: always fitted. Others are the terms of a formula that it can do without, at their `start`: all parameters of
  /// one number are tried together, in ascending order, and kept when they lower both the median and the 90th
  /// percentile of the errors of the rows that are fitted.
  int term = 0;
  std::string_view told_by{};  ///< figure of the shape that must vary for this to be fitted; else it stays at `start`
  double trial = 0.0;          ///< of a term: where a second search for it starts, off its bound
  /// A count, which no search turns: the fit is made with each of these and the one with the least error kept. At most
  /// one parameter of a family has choices.
  std::vector<double> choices{};
  /// Whether the formula has it on the chip; elsewhere it stays at `start`. Absent: on all.
  bool (*of_chip)(const models::AcceleratorSpec&) = nullptr;
};

/// What a formula needs of a shape and a search should not compute again for each of its tries.
struct DerivedFigures {
  std::size_t of_first = 0;  ///< computed from so many of the shape's first figures; 0: there are none
  std::function<std::vector<double>(std::span<const double> first)> figures;
};

/// A kernel family as something to fit: the formula of models/cost with its coefficients taken out.
struct Family {
  std::string place;  ///< of its coefficients below `kernels` in a chip's entry, and of its rows: "gemm.bf16"
  std::vector<std::string> keys{};  ///< of its coefficients, outermost first, where these are not the parts of `place`
  std::string rows_at{};            ///< place of its rows where another family has the same
  std::size_t fewest = 24;          ///< rows; a fit on less says nothing
  std::size_t hold_every = 0;       ///< rows in ascending order of which one is held out; 0: one in four by the hash
  std::vector<Parameter> parameters;
  std::vector<std::string_view> shape;  ///< names of the figures of a row, in the order that `time` takes them
  DerivedFigures derived;               ///< behind those of the shape in the rows that `time` takes
  /// Time of a row, shape and derived figures, with coefficients `values` (in the order of `parameters`), as
  /// models/cost prices it.
  std::function<Seconds(std::span<const double> values, std::span<const double> row, const models::AcceleratorSpec&)>
      time;
  /// The shapes that serving meets and that this kernel of the chip takes: only these are fitted and judged.
  std::function<bool(std::span<const double> shape, const models::AcceleratorSpec&)> serves;
  /// Of those the ones for which the library runs another kernel: judged, since this one prices them, and not fitted.
  /// Absent: none.
  std::function<bool(std::span<const double> shape, const models::AcceleratorSpec&)> of_another{};
  /// The coefficients that a chip has for this family, in the order of `parameters`; nothing when it has none.
  std::function<std::optional<std::vector<double>>(const models::KernelSet&)> stored;
  /// Whether the chip has this kernel beside another that would take its shapes; absent: it has.
  std::function<bool(const models::AcceleratorSpec&)> told_apart{};
  /// What a shape computes and moves; no row may be much quicker than the datasheet's rates permit. Absent: not known.
  std::function<cost::Roofline(std::span<const double> shape, const models::AcceleratorSpec&)> roofline{};
  /// What a row computes is what is expected of its load, which the table does not tell: single rows may be quicker.
  bool expected_load = false;
  bool over_links = false;  ///< moved over the chip's links, of which no cache is a part; else out of its memory
  /// What the chip must have for the formula to mean something (a dense peak of the format).
  std::function<bool(const models::AcceleratorSpec&)> suits;

  /// The shape of a row: what `time` takes without the derived figures.
  [[nodiscard]] std::span<const double> shape_of(std::span<const double> row) const { return row.first(shape.size()); }
  /// The keys below `kernels` that lead to its coefficients, outermost first: "gemm", "bf16".
  [[nodiscard]] std::vector<std::string> path() const;
  /// Where measurements have its rows.
  [[nodiscard]] const std::string& rows() const { return rows_at.empty() ? place : rows_at; }
  /// The row of a shape of these figures.
  [[nodiscard]] std::vector<double> row_of(std::span<const double> figures) const;
};

}  // namespace tokenyard::fit
