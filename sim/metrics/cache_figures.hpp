#pragma once

#include <array>
#include <cstdint>

namespace tokenyard::metrics {

/// Tiers behind a prefix cache, by place: host memory, local drives, shared pool.
inline constexpr std::size_t kCacheTiers = 3;
inline constexpr std::array<const char*, kCacheTiers> kCacheTierNames{"host", "nvme", "pool"};

/// What a prefix cache did. A look-up is one admission of a request for the first time; its tokens are those of its
/// prompt, its blocks the full ones of these. Rates follow as found / asked: of tokens and of blocks they differ by
/// what stands in blocks that are not full.
struct CacheSums {
  std::uint64_t asked_tokens = 0;
  std::uint64_t found_tokens = 0;
  std::uint64_t asked_blocks = 0;
  std::uint64_t found_blocks = 0;
  std::uint64_t evicted_blocks = 0;     ///< names lost because their block was used again
  std::uint64_t expired_blocks = 0;     ///< names lost because their block was idle for its time to live
  std::uint64_t recomputed_blocks = 0;  ///< computed though a cache of twice the size would still have had them
  std::uint64_t copied_blocks = 0;      ///< that came from another instance's cache
  std::uint64_t repeated_tokens = 0;    ///< computed once more after a preemption, with or without a cache

  std::array<std::uint64_t, kCacheTiers> found_in_tier{};  ///< tokens; of found_tokens, those that tiers had
  std::array<std::uint64_t, kCacheTiers> read_blocks{};
  std::array<std::uint64_t, kCacheTiers> written_blocks{};

  /// The same without look-ups.
  [[nodiscard]] CacheSums work() const {
    CacheSums rest = *this;
    rest.asked_tokens = rest.found_tokens = rest.asked_blocks = rest.found_blocks = 0;
    rest.found_in_tier = {};
    return rest;
  }

  CacheSums& operator+=(const CacheSums& other) {
    asked_tokens += other.asked_tokens;
    found_tokens += other.found_tokens;
    asked_blocks += other.asked_blocks;
    found_blocks += other.found_blocks;
    evicted_blocks += other.evicted_blocks;
    expired_blocks += other.expired_blocks;
    recomputed_blocks += other.recomputed_blocks;
    copied_blocks += other.copied_blocks;
    repeated_tokens += other.repeated_tokens;
    for (std::size_t i = 0; i < kCacheTiers; ++i) {
      found_in_tier[i] += other.found_in_tier[i];
      read_blocks[i] += other.read_blocks[i];
      written_blocks[i] += other.written_blocks[i];
    }
    return *this;
  }
};

}  // namespace tokenyard::metrics
