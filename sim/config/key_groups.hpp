#pragma once

#include "models/device/dtype.hpp"
#include "sim/config/keys.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace tokenyard::config {

// Rows that several sections have alike, so that each is written once.

/// The rows of all `tables`, in their order.
template <std::size_t... Rows>
[[nodiscard]] constexpr auto joined(const std::array<Key, Rows>&... tables) {
  std::array<Key, (Rows + ...)> all{};
  auto to = all.begin();
  ((to = std::copy(tables.begin(), tables.end(), to)), ...);
  return all;
}

/// The keys that every group of fitted figures ends in; read_provenance() reads them.
[[nodiscard]] constexpr std::array<Key, 5> provenance_rows(std::string_view section) {
  return {{{section, "error_p50", "ratio", kOptional,
            "Median of |ln(predicted / measured)| on shapes that were not fitted."},
           {section, "error_p90", "ratio", kOptional, "90th percentile of the same."},
           {section, "rows", "count", "0", "Shapes measured, those that were not fitted included; 0: unknown."},
           {section, "valid", "mapping: chip.kernels.valid", kOptional,
            "The shapes measured, [least, greatest] of each figure; a price outside is marked as extrapolated."},
           {section, "source", "text", kRequired,
            "Where these figures come from, and how sure they are; assumed ones say so."}}};
}

/// A key for each kind of matrix product, whose mapping is of section `entry`.
[[nodiscard]] constexpr std::array<Key, models::kGemmKinds> kind_rows(std::string_view section,
                                                                      std::string_view entry) {
  constexpr std::array<std::string_view, models::kGemmKinds> kinds{"bf16",  "fp8",   "fp8_block", "int8",
                                                                   "nvfp4", "w4a16", "w4a8"};
  std::array<Key, models::kGemmKinds> rows{};
  std::transform(kinds.begin(), kinds.end(), rows.begin(), [&](std::string_view kind) {
    return Key{section, kind, entry, kOptional, "Coefficients of this kind of matrix product."};
  });
  return rows;
}

/// A key for each format of a KV cache, whose mapping is of section `entry`.
[[nodiscard]] constexpr std::array<Key, 3> cache_rows(std::string_view section, std::string_view entry) {
  constexpr std::string_view sentence = "Coefficients with a KV cache in this format.";
  return {{{section, "bf16", entry, kOptional, sentence},
           {section, "fp8", entry, kOptional, sentence},
           {section, "int8", entry, kOptional, sentence}}};
}

}  // namespace tokenyard::config
