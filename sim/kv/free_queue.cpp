#include "sim/kv/free_queue.hpp"

#include "models/base/errors.hpp"

namespace tokenyard::kv {

FreeQueue::FreeQueue(std::uint32_t blocks, EvictionOrder order) : order_(order) {
  if (order_ == EvictionOrder::Lru) {
    links_.resize(blocks);
  } else {
    places_.resize(blocks);
  }
}

void FreeQueue::push(std::uint32_t block, std::uint64_t worth) {
  ++size_;
  if (order_ != EvictionOrder::Lru) {
    places_[block] = {worth, pushed_++};
    ordered_.emplace(worth, places_[block].number, block);
    return;
  }
  links_[block] = {.next = 0, .previous = last_};
  (last_ == 0 ? first_ : links_[last_ - 1].next) = block + 1;
  last_ = block + 1;
}

void FreeQueue::push_front(std::uint32_t block) {
  ++size_;
  links_[block] = {.next = first_, .previous = 0};
  (first_ == 0 ? last_ : links_[first_ - 1].previous) = block + 1;
  first_ = block + 1;
}

void FreeQueue::erase(std::uint32_t block) {
  --size_;
  if (order_ != EvictionOrder::Lru) {
    ordered_.erase({places_[block].worth, places_[block].number, block});
    return;
  }
  const Link link = links_[block];
  (link.previous == 0 ? first_ : links_[link.previous - 1].next) = link.next;
  (link.next == 0 ? last_ : links_[link.next - 1].previous) = link.previous;
}

std::uint32_t FreeQueue::pop() {
  expect(size_ > 0, "what is taken from a queue is there");
  const std::uint32_t block = order_ == EvictionOrder::Lru ? first_ - 1 : std::get<2>(*ordered_.begin());
  erase(block);
  return block;
}

}  // namespace tokenyard::kv
