#include "sim/calibrate/peaks.hpp"

#include "models/base/errors.hpp"
#include "models/base/units.hpp"
#include "models/device/dtype.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace tokenyard::calibrate {
namespace {

constexpr double kAllowed = 1.05;  // clocks above those of the data sheet, and the resolution of timers
constexpr double kLargestCache = 256.0 * 1024.0 * 1024.0;  // assumed
constexpr double kCacheSpeedup = 8.0;                      // assumed
constexpr double kResultBytes = 2.0;                       // BF16

/// "gemm.bf16", also "quantised gemm.fp8" and "untuned gemm.nvfp4".
[[nodiscard]] std::optional<models::GemmKind> product_of(std::string_view place) {
  constexpr std::string_view kProduct = "gemm.";
  const std::size_t at = place.find(kProduct);
  if (at == std::string_view::npos || (at > 0 && place[at - 1] != ' ')) return std::nullopt;
  return models::gemm_kind(place.substr(at + kProduct.size()));
}

}  // namespace

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
