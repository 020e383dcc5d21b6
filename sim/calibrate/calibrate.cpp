#include "sim/calibrate/calibrate.hpp"

#include "models/base/errors.hpp"
#include "models/fit/families.hpp"
#include "sim/calibrate/peaks.hpp"
#include "sim/calibrate/table_formats.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace tokenyard::calibrate {
namespace {

constexpr double kFarOff = 30.0;  // no chip is that far from a roofline with usual efficiencies; milliseconds for
                                  // microseconds are a thousand

std::string row_text(const fit::Family& family, std::span<const double> values, const fit::Samples& rows,
                     std::size_t row, const Measurements& measured, const models::AcceleratorSpec& chip) {
  std::string shape;
  for (std::size_t i = 0; i < family.shape.size(); ++i) {  // what is derived says nothing new
    shape += fmt::format("{}{} {:g}", i > 0 ? ", " : "", family.shape[i], rows.shape(row)[i]);
  }
  return fmt::format("{}: {}: {:.4g} us measured, {:.4g} us predicted", measured.where(rows.origin(row)), shape,
                     rows.seconds(row) * 1e6, family.time(values, rows.shape(row), chip).value() * 1e6);
}

void refuse_far_off(const fit::Family& family, const fit::Samples& rows, const Measurements& measured,
                    const models::AcceleratorSpec& chip) {
  std::vector<double> start;
  for (const fit::Parameter& parameter : family.parameters) start.push_back(parameter.start);
  std::vector<double> ratios;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    ratios.push_back(rows.seconds(row) / family.time(start, rows.shape(row), chip).value());
  }
  const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
  std::nth_element(ratios.begin(), middle, ratios.end());
  if (*middle < kFarOff && *middle > 1.0 / kFarOff) return;
  throw UserError(
      fmt::format("{}: {}: the median time is {:.3g} times what {} needs; is it the right chip, and are the "
                  "times in the unit that the column promises?",
                  measured.where(rows.origin(0)), family.place, *middle, chip.name));
}

/// Calls judge(family, rows) for every family that has rows and suits the chip; says what is left out, and why.
template <class Judge>
Calibration each_family(const Measurements& measured, const models::AcceleratorSpec& chip, const MoreFamilies& more,
                        Judge judge) {
  refuse_above_peaks(measured, chip);
  std::vector<const fit::Family*> all;
  for (const fit::Family& family : fit::families()) all.push_back(&family);
  for (const fit::Family& family : more) all.push_back(&family);
  Calibration calibration;
  std::set<std::string_view> taken;
  for (const fit::Family* const each : all) {
    const fit::Family& family = *each;
    if (family.told_apart && !family.told_apart(chip)) continue;
    const auto found = measured.families().find(family.rows());
    if (found == measured.families().end()) continue;
    taken.insert(family.rows());
    fit::Samples rows = fit::serving_rows(family, found->second, chip);
    if (family.suits(chip)) rows = possible_rows(family, rows, measured, chip, calibration.left_out);
    if (!family.suits(chip)) {
      calibration.left_out.push_back(
          family.place + ": " + chip.name +
          (family.path().front() == "collectives" ? " has no exchange of that name" : " has no dense peak for it"));
    } else if (rows.size() < family.fewest) {
      calibration.left_out.push_back(fmt::format("{}: {} of {} rows have shapes that serving meets; a fit needs {}",
                                                 family.place, rows.size(), found->second.size(), family.fewest));
    } else {
      refuse_far_off(family, rows, measured, chip);
      judge(family, rows, calibration);
    }
  }
  for (const auto& [place, rows] : measured.families()) {
    if (taken.contains(place)) continue;
    const bool network = place == "all_reduce" || place.starts_with("library.") || place.starts_with("exchange.");
    calibration.left_out.push_back(fmt::format(
        "{}: {} rows {}", place, rows.size(),
        network ? "of communication, which is fitted with --topology" : "that no family takes by themselves"));
  }
  for (const auto& [what, rows] : measured.left_out()) {
    calibration.left_out.push_back(fmt::format("{}: {} rows that no family stands for", what, rows));
  }
  return calibration;
}

FamilyResult result(const fit::Family& family, std::vector<double> values, fit::FitError error,
                    const fit::Samples& rows, const Measurements& measured, const models::AcceleratorSpec& chip) {
  FamilyResult result{.family = &family, .values = std::move(values), .error = std::move(error), .rows = rows.size()};
  for (const std::size_t row : result.error.worst) {
    result.worst.push_back(row_text(family, result.values, rows, row, measured, chip));
  }
  return result;
}

/// FP8 products are measured with the computation of their scales inside; serving has static scales. What the tables
/// of those kernels measured for the same m and k is taken off.
void take_off_quantisation(Measurements& measured) {
  constexpr std::size_t kGemm = 3;
  fit::Samples products = measured.take("quantised gemm.fp8", kGemm).distinct();
  std::map<std::pair<double, double>, double> inside;  // m, k -> both kernels
  std::map<std::pair<double, double>, int> kernels;
  for (const char* const place : {"compute scale.fp8", "scale matrix.fp8"}) {
    const auto found = measured.families().find(place);
    if (found == measured.families().end()) {  // nothing to take off: the rows wait under their own name
      measured.put("quantised gemm.fp8", std::move(products));
      return;
    }
    const fit::Samples kernel = found->second.distinct();
    for (std::size_t row = 0; row < kernel.size(); ++row) {
      const std::pair<double, double> shape{kernel.shape(row)[0], kernel.shape(row)[1]};
      inside[shape] += kernel.seconds(row);
      ++kernels[shape];
    }
  }
  fit::Samples bare(kGemm);
  for (std::size_t row = 0; row < products.size(); ++row) {
    const std::pair<double, double> shape{products.shape(row)[0], products.shape(row)[2]};
    if (kernels[shape] != 2) continue;
    const double seconds = products.seconds(row) - inside[shape];
    if (seconds > 0.0) bare.add(products.shape(row), seconds, products.origin(row));
  }
  measured.put("gemm.fp8", std::move(bare));
}

/// aiconfigurator calls NVFP4 products without TensorRT-LLM's autotuner and quantises inside them: 18.6 us where the
/// tuned kernel of every engine takes 9.3. Its rows count where there are no others.
void choose_product_kernel(Measurements& measured) {
  constexpr std::size_t kGemm = 3;
  if (measured.families().contains("gemm.nvfp4") || !measured.families().contains("untuned gemm.nvfp4")) return;
  measured.put("gemm.nvfp4", measured.take("untuned gemm.nvfp4", kGemm));
}

/// NVFP4 experts come with two kernels. The one for few tokens is the quicker of both at the median of any number of
/// tokens in the tables of Blackwell, and the one that is fitted; a table of the other alone is taken as it is.
void choose_expert_kernel(Measurements& measured) {
  constexpr std::size_t kMoe = 7;
  if (measured.families().contains("moe.nvfp4")) return;
  measured.put("moe.nvfp4", measured.take("grouped moe.nvfp4", kMoe));
}

/// Grouped products alone count where no table of whole experts stands beside them.
void choose_experts_table(Measurements& measured) {
  constexpr std::size_t kProducts = 7;
  if (!measured.families().contains("moe.fp8_block")) return;
  measured.put("beside whole experts: grouped products.fp8_block",
               measured.take("grouped products.fp8_block", kProducts));
}

/// The kernel that quantises by a given scale is one that steps launch as well: two bytes read, one written.
void keep_quantise(Measurements& measured) {
  const auto found = measured.families().find("scale matrix.fp8");
  if (found == measured.families().end() || measured.families().contains("small.quantise")) return;
  constexpr std::size_t kSmall = 3;
  fit::Samples kernels(kSmall);
  for (std::size_t row = 0; row < found->second.size(); ++row) {
    const double m = found->second.shape(row)[0];
    const double k = found->second.shape(row)[1];
    kernels.add(std::array{m, k, 3.0 * m * k}, found->second.seconds(row), found->second.origin(row));
  }
  measured.put("small.quantise", std::move(kernels));
}

}  // namespace

Measurements read_tables(const std::vector<std::string>& paths) {
  Measurements measured;
  for (const std::string& path : paths) read_table(KernelTable::load(path), measured);
  take_off_quantisation(measured);
  keep_quantise(measured);
  choose_product_kernel(measured);
  choose_expert_kernel(measured);
  choose_experts_table(measured);
  return measured;
}

Calibration fit_tables(const Measurements& measured, const models::AcceleratorSpec& chip, const MoreFamilies& more) {
  return each_family(measured, chip, more, [&](const fit::Family& family, const fit::Samples& rows, Calibration& into) {
    fit::FittedFamily fitted = fit::fit_family(family, rows, chip);
    into.families.push_back(result(family, std::move(fitted.values), std::move(fitted.held_out), rows, measured, chip));
    into.families.back().valid = std::move(fitted.valid);
  });
}

Calibration check_tables(const Measurements& measured, const models::AcceleratorSpec& chip, const MoreFamilies& more) {
  return each_family(measured, chip, more, [&](const fit::Family& family, const fit::Samples& rows, Calibration& into) {
    auto values = family.stored(chip.kernels);
    if (!values) {
      into.left_out.push_back(family.place + ": " + chip.name + " has no coefficients for it");
      return;
    }
    fit::FitError error = fit::error_on_held_out(family, *values, rows, chip);
    into.families.push_back(result(family, std::move(*values), std::move(error), rows, measured, chip));
    into.families.back().valid = fit::ranges_of(family, rows);
  });
}

}  // namespace tokenyard::calibrate
