#pragma once

#include "models/base/sim_time.hpp"

#include <cstdint>
#include <optional>

namespace tokenyard::kv {

/// Which idle block is used again first.
enum class EvictionOrder : std::uint8_t {
  Lru,       ///< freed longest ago; of blocks freed together the one furthest from the beginning (vLLM)
  Lfu,       ///< used by the fewest requests, then as Lru
  Priority,  ///< of the least urgent requests (highest number), then as Lru
};

/// How blocks that nobody uses keep what they hold.
struct PrefixCacheSpec {
  EvictionOrder order = EvictionOrder::Lru;
  std::optional<SimTime> ttl{};  ///< an idle block is forgotten after this; absent = only when it is used again
  /// Blocks that hold nothing are used before any that does (SGLang, TensorRT-LLM); else they take their turn (vLLM).
  bool empty_first = false;
};

/// Throws SpecError: a time to live that is not positive.
void validate(const PrefixCacheSpec& spec);

}  // namespace tokenyard::kv
