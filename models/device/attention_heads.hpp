#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tokenyard::models {

/// Heads as one attention kernel has them on one chip.
struct HeadShape {
  double head_dim = 0;
  double group = 0;       ///< queries that share a KV head: its query heads, and a draft's queries besides
  bool windowed = false;  ///< a layer with a sliding window of at most kShortWindow
};
inline constexpr double kShortWindow = 1024.0;  ///< tokens; longer ones are read as a whole context is

/// Decode kernels that a library compiles for a size of heads and groups, beside the one for heads of 128 in groups. A
/// chip may have coefficients of its own for each.
enum class DecodeHeads : std::uint8_t {
  Single,   ///< one query head a KV head
  Wide,     ///< groups above 8: a second tile of queries
  Heads64,  ///< up to 64
  Heads64Wide,
  Heads64Window,
  Heads192,
  Heads192Wide,
  Heads192Window,
  Heads256,
  Heads256Wide,
};
inline constexpr std::size_t kDecodeHeads = 10;
[[nodiscard]] std::string_view name(DecodeHeads heads);  ///< "single", "heads_64_wide", ..., as in a chip's entry

/// Likewise of prompts, beside the one for heads up to 128 that see everything.
enum class ContextHeads : std::uint8_t { Window, Heads256 };
inline constexpr std::size_t kContextHeads = 2;
[[nodiscard]] std::string_view name(ContextHeads heads);

}  // namespace tokenyard::models
