#pragma once

#include "models/fit/family.hpp"

#include <initializer_list>
#include <vector>

namespace tokenyard::fit {

/// A family of attention kernels whose KV cache has this format.
using CacheFamily = Family (*)(models::Dtype kv);

/// The same for chips that compute in BF16, as attention does whatever the cache.
[[nodiscard]] Family of_cache(Family family);

/// Each kind with a cache in BF16 and in FP8, kind by kind; of_cache().
[[nodiscard]] std::vector<Family> by_cache(std::initializer_list<CacheFamily> kinds);

/// Whether the chip's multiprocessors are known.
[[nodiscard]] bool counts_tiles(const models::AcceleratorSpec& chip);
/// What a prompt's kernel has where the chip's multiprocessors are known (models::ContextAttentionCoefficients).
[[nodiscard]] Parameter tile_rows();
[[nodiscard]] Parameter last_tiles();
[[nodiscard]] Parameter alone();

}  // namespace tokenyard::fit
