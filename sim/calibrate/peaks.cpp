#include "sim/calibrate/peaks.hpp"

#include "models/base/errors.hpp"
#include "models/base/units.hpp"
#include "models/device/dtype.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenyard::calibrate {
namespace {

constexpr double kAllowed = 1.05;  // clocks above those of the data sheet, and the resolution of timers
constexpr double kLargestCache = 256.0 * 1024.0 * 1024.0;  // assumed
constexpr double kCacheSpeedup = 8.0;                      // assumed
constexpr double kResultBytes = 2.0;                       // BF16
constexpr double kMostImpossible = 0.5;                    // assumed: of a family's rows that went wrong

/// "gemm.bf16", also "quantised gemm.fp8" and "untuned gemm.nvfp4".
[[nodiscard]] std::optional<models::GemmKind> product_of(std::string_view place) {
  constexpr std::string_view kProduct = "gemm.";
  const std::size_t at = place.find(kProduct);
  if (at == std::string_view::npos || (at > 0 && place[at - 1] != ' ')) return std::nullopt;
  return models::gemm_kind(place.substr(at + kProduct.size()));
}

/// How much quicker than the rates permit a row is, and what it would be.
struct Excess {
  double ratio = 0.0;
  std::string what;
};

Excess excess_of(const cost::Roofline& roofline, double seconds, bool over_links, const models::AcceleratorSpec& chip) {
  const bool cached = !over_links && roofline.bytes.value() <= kLargestCache;
  const double computes = roofline.compute.value() / seconds;
  const double moves = roofline.memory.value() / seconds / (cached ? kCacheSpeedup : 1.0);
  if (computes > moves) {
    return {computes, fmt::format("{:.4g} TFLOP/s, {:.3g} times the peak of {}",
                                  roofline.flop.value() / seconds * 1e-12, computes, chip.name)};
  }
  return {moves, fmt::format("{:.4g} GB/s, {:.3g} times what the {} of {} {}", roofline.bytes.value() / seconds * 1e-9,
                             moves * (cached ? kCacheSpeedup : 1.0), over_links ? "links" : "memory", chip.name,
                             over_links ? "have" : "has")};
}

}  // namespace

fit::Samples possible_rows(const fit::Family& family, const fit::Samples& rows, const Measurements& measured,
                           const models::AcceleratorSpec& chip, std::vector<std::string>& left_out) {
  if (!family.roofline) return rows;
  fit::Samples possible(rows.width());
  Excess most;
  std::size_t quickest = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const cost::Roofline roofline = family.roofline(family.shape_of(rows.shape(row)), chip);
    Excess excess = excess_of(roofline, rows.seconds(row), family.over_links, chip);
    if (excess.ratio <= kAllowed) {
      possible.add(rows.shape(row), rows.seconds(row), rows.origin(row));
    } else if (excess.ratio > most.ratio) {
      most = std::move(excess);
      quickest = row;
    }
  }
  const std::size_t impossible = rows.size() - possible.size();
  if (impossible == 0) return rows;
  const std::string told =
      fmt::format("{}: {}: {} of {} rows are quicker than the data sheet permits; this one would be {}",
                  measured.where(rows.origin(quickest)), family.place, impossible, rows.size(), most.what);
  if (static_cast<double>(impossible) > kMostImpossible * static_cast<double>(rows.size())) {
    throw UserError(told + "; is it the right chip, and are the times in the unit that the column promises?");
  }
  if (family.expected_load) return rows;
  left_out.push_back(told);
  return possible;
}

void refuse_above_peaks(const Measurements& measured, const models::AcceleratorSpec& chip) {
  for (const auto& [place, rows] : measured.families()) {
    const std::optional<models::GemmKind> kind = product_of(place);
    if (!kind) continue;
    const auto& peak = chip.peak[static_cast<std::size_t>(models::compute_dtype(*kind))];
    if (!peak) continue;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const double m = rows.shape(row)[0];
      const double n = rows.shape(row)[1];
      const double k = rows.shape(row)[2];
      const double bytes =
          models::weight_bytes(*kind) * n * k + models::activation_bytes(*kind) * m * k + kResultBytes * m * n;
      const double rate = chip.memory_bandwidth.value() * (bytes > kLargestCache ? 1.0 : kCacheSpeedup);
      const double computes_s = 2.0 * m * n * k / peak->value();
      const double reads_s = bytes / rate;
      if (rows.seconds(row) * kAllowed >= std::max(computes_s, reads_s)) continue;
      throw UserError(fmt::format(
          "{}: {}: m {:g}, n {:g}, k {:g} in {:.4g} us would be {}; is it the right chip, and "
          "are the times in the unit that the column promises?",
          measured.where(rows.origin(row)), place, m, n, k, rows.seconds(row) * 1e6,
          computes_s > reads_s
              ? fmt::format("{:.4g} TFLOP/s, and {} has {:.4g}", 2.0 * m * n * k / rows.seconds(row) * 1e-12, chip.name,
                            peak->value() * 1e-12)
              : fmt::format("{:.4g} TB/s, and the memory of {} has {:.4g}", bytes / rows.seconds(row) * 1e-12,
                            chip.name, chip.memory_bandwidth.value() * 1e-12)));
    }
  }
}

}  // namespace tokenyard::calibrate
