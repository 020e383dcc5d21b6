#pragma once

#include "sim/kv/spec.hpp"

#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

namespace tokenyard::kv {

/// The blocks that nobody uses, in the order in which they are used again. First come, first out (Lru) is a list
/// through arrays, O(1); the other orders are a tree, O(log blocks).
class FreeQueue {
 public:
  /// Blocks 0 .. blocks - 1, all outside.
  FreeQueue(std::uint32_t blocks, EvictionOrder order);

  /// `worth`: blocks of lower worth go first, of equal worth the one that came first. Lru does not look at it.
  void push(std::uint32_t block, std::uint64_t worth);
  /// The next to be popped. REQUIRES: Lru.
  void push_front(std::uint32_t block);
  /// REQUIRES: `block` is inside.
  void erase(std::uint32_t block);
  /// REQUIRES: not empty.
  std::uint32_t pop();
  [[nodiscard]] std::uint32_t size() const { return size_; }

 private:
  struct Link {
    std::uint32_t next = 0;  // block + 1; 0 = none
    std::uint32_t previous = 0;
  };
  struct Place {
    std::uint64_t worth = 0;
    std::uint64_t number = 0;
  };
  EvictionOrder order_;
  std::uint32_t size_ = 0;
  std::vector<Link> links_;  // Lru
  std::uint32_t first_ = 0;  // block + 1
  std::uint32_t last_ = 0;
  std::vector<Place> places_;  // the other orders, by block
  std::set<std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>> ordered_;
  std::uint64_t pushed_ = 0;
};

}  // namespace tokenyard::kv
