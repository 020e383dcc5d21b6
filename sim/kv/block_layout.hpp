#pragma once

#include <algorithm>
#include <cstdint>

namespace tokenyard::kv {

/// How many blocks of one size a sequence holds when layers with a sliding window keep less of it than the others.
///
/// Layers are dealt into groups of equally many. A block holds `tokens` tokens of one group, so that all groups take
/// blocks from one store; each group has a block of its own for the same tokens. A group whose layers see all of a
/// sequence keeps its blocks; one whose layers see a window gives back those that lie before it. A model without
/// windows is one group that sees everything.
///
/// Source: vLLM, vllm/v1/core/kv_cache_utils.py (groups) and single_type_kv_cache_manager.py (SlidingWindowManager) at
/// 002f34915134; its document "Hybrid KV Cache Manager".
struct BlockLayout {
  std::uint32_t tokens = 16;   ///< of a block
  std::uint32_t full = 1;      ///< groups that see everything
  std::uint32_t windowed = 0;  ///< groups that see a window
  std::uint32_t window = 0;    ///< tokens that these see, the newest included; of a model with `windowed` groups

  [[nodiscard]] std::uint32_t groups() const { return full + windowed; }

  /// Blocks of one group for so many tokens from the first on.
  [[nodiscard]] std::uint32_t places(std::uint64_t count) const {
    return static_cast<std::uint32_t>((count + tokens - 1) / tokens);
  }
  /// Of those, how many lie before what a windowed layer will see when `computed` tokens are in the cache.
  [[nodiscard]] std::uint32_t passed(std::uint64_t computed) const {
    return windowed == 0 || computed < window ? 0 : static_cast<std::uint32_t>((computed - window + 1) / tokens);
  }
  /// Blocks that a windowed group needs before a token, for what it sees of them: at most.
  [[nodiscard]] std::uint32_t in_window() const { return windowed == 0 ? 0 : places(window - 1); }

  /// Blocks of all groups for places up to `upto`, while `computed` tokens are in the cache.
  [[nodiscard]] std::uint32_t needed(std::uint64_t computed, std::uint64_t upto) const {
    return groups() * places(upto) - windowed * std::min(passed(computed), places(upto));
  }
  /// Blocks of all groups that hold something of a sequence of which `computed` tokens are in the cache.
  [[nodiscard]] std::uint32_t held(std::uint64_t computed) const { return needed(computed, computed); }
  /// Tokens in these blocks, each counted in every group that has it.
  [[nodiscard]] std::uint64_t filled(std::uint64_t computed) const {
    return groups() * computed - std::uint64_t{windowed} * passed(computed) * tokens;
  }
  /// Most blocks that a windowed group holds at once when steps compute at most `step` tokens
  /// (SlidingWindowSpec.max_admission_blocks_per_request). REQUIRES: windowed groups.
  [[nodiscard]] std::uint32_t most_in_window(std::uint64_t step) const { return places(window - 1 + step) + 1; }
  /// New blocks that `count` tokens have at most at once then, when the first `there` blocks of each group are there.
  /// REQUIRES: there <= places(count).
  [[nodiscard]] std::uint32_t lacked(std::uint32_t there, std::uint64_t count, std::uint64_t step) const {
    const std::uint32_t all = places(count);
    if (windowed == 0) return full * (all - there);
    return full * (all - there) + windowed * (std::max(std::min(all, most_in_window(step)), there) - there);
  }
  /// Most tokens that `sequences` of equal length hold in so many blocks between steps.
  [[nodiscard]] std::uint64_t held_by(std::uint64_t sequences, std::uint64_t blocks) const {
    const std::uint64_t each = blocks / sequences;
    const std::uint64_t within = each / groups() * tokens;
    if (windowed == 0) return blocks * tokens;
    const std::uint64_t windows = std::uint64_t{windowed} * (in_window() + 1);  // a window may begin within a block
    if (each <= windows || within < window) return sequences * within;
    return full == 0 ? UINT32_MAX : sequences * std::max(within, (each - windows) / full * tokens);
  }
  /// Most tokens for which `blocks` suffice then.
  [[nodiscard]] std::uint64_t longest(std::uint64_t blocks, std::uint64_t step) const {
    const std::uint64_t within = blocks / groups() * tokens;
    if (windowed == 0 || within <= std::uint64_t{most_in_window(step)} * tokens) return within;
    const std::uint64_t left = blocks - std::uint64_t{windowed} * most_in_window(step);
    return full == 0 ? UINT32_MAX : left / full * tokens;
  }
};

}  // namespace tokenyard::kv
