#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace tokenyard::kv {

/// Numbers by 64-bit ids: open addressing with linear probing, no order, no memory per entry beyond the slots.
class IdMap {
 public:
  IdMap() = default;

  /// The number of `id`, or nothing.
  [[nodiscard]] const std::uint32_t* find(std::uint64_t id) const {
    if (size_ == 0) return nullptr;
    for (std::size_t at = home(id);; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (!slot.used) return nullptr;
      if (slot.id == id) return &slot.number;
    }
  }
  [[nodiscard]] std::uint32_t* find(std::uint64_t id) {
    return const_cast<std::uint32_t*>(static_cast<const IdMap&>(*this).find(id));
  }
  /// Fetches what find(id) will read, ahead of it: the slots of a large map are far from the processor.
  void prefetch(std::uint64_t id) const {
    if (size_ > 0) __builtin_prefetch(&slots_[home(id)]);
  }
  /// REQUIRES: `id` is not there.
  void insert(std::uint64_t id, std::uint32_t number);
  /// REQUIRES: `id` is there.
  void erase(std::uint64_t id);
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t id = 0;
    std::uint32_t number = 0;
    bool used = false;
  };
  /// Ids may be small counts: a multiplication spreads them (Fibonacci hashing, Knuth, TAOCP vol. 3, section 6.4).
  [[nodiscard]] std::size_t home(std::uint64_t id) const { return (id * 0x9E37'79B9'7F4A'7C15ULL) >> shift_; }
  void grow();

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  int shift_ = 0;
  std::size_t size_ = 0;
};

}  // namespace tokenyard::kv
