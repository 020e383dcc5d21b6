#pragma once

#include "workloads/traces/record.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace tokenyard::workloads {

/// What share of prompts a prefix cache could have spared, by the ids of a trace alone: no clock, no engine, no
/// answers. The blocks of a prompt are looked up from its front until one is missing; then all of them are put in,
/// those at the prompt's tail first, so that tails are evicted before what they stand on; what is beyond the capacity
/// goes, least recently used first. A block that the prompt's end cuts short counts as a block. (The simulated engines
/// differ: they keep full blocks only, add those of answers, and lose nothing while a request holds it.)
class ReuseMeter {
 public:
  /// `capacity` in blocks; absent = infinite. Memory goes with the number of blocks in the cache.
  explicit ReuseMeter(std::optional<std::uint64_t> capacity = std::nullopt);

  void add(const TraceRecord& record);

  std::uint64_t requests = 0;
  std::uint64_t requests_hit = 0;  ///< with at least one block found
  std::uint64_t blocks = 0;
  std::uint64_t blocks_hit = 0;
  std::uint64_t full_blocks = 0;  ///< without those that the prompt's end cuts short
  std::uint64_t full_blocks_hit = 0;
  std::uint64_t tokens = 0;  ///< of all prompts, those without ids too
  std::uint64_t tokens_hit = 0;
  std::uint64_t unique_blocks = 0;  ///< put in for the first time, or again after eviction

 private:
  struct Entry {
    std::uint64_t name = 0;
    std::uint32_t older = 0;  // index + 1; 0 = none
    std::uint32_t newer = 0;
  };
  void touch(std::uint64_t name);
  void unlink(std::uint32_t index);
  void make_newest(std::uint32_t index);

  std::optional<std::uint64_t> capacity_;
  std::unordered_map<std::uint64_t, std::uint32_t> index_of_;  // looked up only, never walked
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  std::uint32_t oldest_ = 0;
  std::uint32_t newest_ = 0;
};

}  // namespace tokenyard::workloads
