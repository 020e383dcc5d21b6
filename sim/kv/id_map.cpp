#include "sim/kv/id_map.hpp"

#include "models/base/errors.hpp"

#include <utility>

namespace tokenyard::kv {

void IdMap::insert(std::uint64_t id, std::uint32_t number) {
  if (2 * (size_ + 1) > slots_.size()) grow();
  std::size_t at = home(id);
  for (; slots_[at].used; at = (at + 1) & mask_) expect(slots_[at].id != id, "an id is inserted once");
  slots_[at] = {.id = id, .number = number, .used = true};
  ++size_;
}

void IdMap::erase(std::uint64_t id) {
  expect(size_ > 0, "what is erased is there");
  std::size_t at = home(id);
  for (; slots_[at].id != id || !slots_[at].used; at = (at + 1) & mask_) {
    expect(slots_[at].used, "what is erased is there");
  }
  // What probed past this slot moves up, so that no search ends too early.
  for (std::size_t next = (at + 1) & mask_; slots_[next].used; next = (next + 1) & mask_) {
    const std::size_t wanted = home(slots_[next].id);
    if (((next - wanted) & mask_) < ((next - at) & mask_)) continue;
    slots_[at] = slots_[next];
    at = next;
  }
  slots_[at].used = false;
  --size_;
}

void IdMap::grow() {
  const std::size_t size = slots_.empty() ? 16 : 2 * slots_.size();
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(size));
  mask_ = size - 1;
  shift_ = 64;
  for (std::size_t left = size; left > 1; left /= 2) --shift_;
  for (const Slot& slot : old) {
    if (!slot.used) continue;
    std::size_t at = home(slot.id);
    while (slots_[at].used) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

}  // namespace tokenyard::kv
