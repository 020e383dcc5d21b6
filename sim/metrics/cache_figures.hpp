#pragma once

#include <cstdint>

namespace tokenyard::metrics {

/// What a prefix cache did. A look-up is one admission of a request for the first time; its tokens are those of its
/// prompt, its blocks the full ones of these. Rates follow as found / asked: of tokens and of blocks they differ by what
/// stands in blocks that are not full.
struct CacheSums {
  std::uint64_t asked_tokens = 0;
  std::uint64_t found_tokens = 0;
  std::uint64_t asked_blocks = 0;
  std::uint64_t found_blocks = 0;
  std::uint64_t evicted_blocks = 0;     ///< names lost because their block was used again
  std::uint64_t recomputed_blocks = 0;  ///< computed though a cache of twice the size would still have had them
  std::uint64_t repeated_tokens = 0;    ///< computed once more after a preemption, with or without a cache

  CacheSums& operator+=(const CacheSums& other) {
    asked_tokens += other.asked_tokens;
    found_tokens += other.found_tokens;
    asked_blocks += other.asked_blocks;
    found_blocks += other.found_blocks;
    evicted_blocks += other.evicted_blocks;
    recomputed_blocks += other.recomputed_blocks;
    repeated_tokens += other.repeated_tokens;
    return *this;
  }
};

}  // namespace tokenyard::metrics
