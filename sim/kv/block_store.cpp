#include "sim/kv/block_store.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <array>

namespace tokenyard::kv {
namespace {

constexpr std::uint32_t kGone = 1U << 31U;  // marks a name that is here no more
constexpr std::size_t kAhead = 16;          // names whose slots are fetched ahead of their turn

std::uint32_t urgency_of(std::int32_t priority) {
  return static_cast<std::uint32_t>(std::int64_t{INT32_MAX} - std::int64_t{priority});  // low numbers are urgent
}

}  // namespace

BlockStore::BlockStore(std::uint32_t blocks, const PrefixCacheSpec& spec)
    : spec_(spec),
      blocks_(blocks),
      queue_(blocks, spec.order),
      freed_(spec.ttl ? blocks : 0),
      urgency_(spec.order == EvictionOrder::Priority ? blocks : 0),
      gone_(blocks) {
  expect(blocks < kGone, "a block's number leaves room for a mark");
  for (std::uint32_t block = 0; block < blocks; ++block) queue_.push(block, 0);
}

void BlockStore::settle(std::uint32_t free) {
  expect(free <= queue_.size(), "blocks that are free stay so until they are taken");
  std::array<std::uint32_t, kAhead> batch;
  while (queue_.size() > free) {
    const std::size_t count = std::min<std::size_t>(kAhead, queue_.size() - free);
    for (std::size_t i = 0; i < count; ++i) {
      batch[i] = queue_.pop();
      if (!blocks_[batch[i]].named) continue;
      place_of_.prefetch(blocks_[batch[i]].id);
      // Each eviction also forgets the oldest one remembered.
      if (counts_.evicted >= gone_.size()) place_of_.prefetch(gone_[(next_gone_ + i) % gone_.size()]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (blocks_[batch[i]].named) remove_name(batch[i], outlived(batch[i], marked_) ? Loss::Expired : Loss::Evicted);
      heap_.push_back(batch[i]);
    }
  }
}

/// The oldest block of this name, or nothing.
const std::uint32_t* BlockStore::find(std::uint64_t id) const {
  const std::uint32_t* found = place_of_.find(id);
  return found != nullptr && *found < kGone ? found : nullptr;
}

BlockStore::Match BlockStore::match(const BlockIds& ids, std::uint32_t most) {
  Match match;
  matched_.clear();
  while (match.blocks < most) {
    const std::uint64_t id = ids[match.blocks];
    std::uint32_t number = matched_.empty() ? 0 : blocks_[matched_.back()].follower;
    const Block& likely = blocks_[number];
    if (!likely.named || likely.id != id || likely.next_twin != number) {
      const std::uint32_t* found = find(id);
      if (found == nullptr) break;
      number = *found;
    }
    const Block& block = blocks_[number];
    if (outlived(number, now_)) {
      remove_name(number, Loss::Expired);  // the block stays in its place among the free ones
      continue;
    }
    match.idle += block.refs == 0 ? 1 : 0;
    ++match.blocks;
    matched_.push_back(number);
  }
  return match;
}

/// The oldest block of this name that has not outlived its time, or nothing.
const std::uint32_t* BlockStore::find_alive(std::uint64_t id) {
  for (const std::uint32_t* found = find(id); found != nullptr; found = find(id)) {
    if (!outlived(*found, now_)) return found;
    remove_name(*found, Loss::Expired);  // the block stays in its place among the free ones
  }
  return nullptr;
}

bool BlockStore::has(const BlockIds& ids, std::uint32_t index) { return find_alive(ids[index]) != nullptr; }

std::uint32_t BlockStore::match_also(const BlockIds& ids, std::uint32_t from, std::uint32_t upto) {
  std::uint32_t idle = 0;
  for (std::uint32_t index = from; index < upto; ++index) {
    const std::uint32_t* found = find_alive(ids[index]);
    expect(found != nullptr, "what is matched besides is here");
    if (blocks_[*found].refs == 0) ++idle;
    matched_.push_back(*found);
  }
  return idle;
}

void BlockStore::acquire(std::uint32_t from, std::uint32_t upto, std::int32_t priority,
                         std::vector<std::uint32_t>& held) {
  expect(from <= upto && upto <= matched_.size(), "what is acquired was found");
  if (upto > from) ++version_;
  for (std::uint32_t i = from; i < upto; ++i) {
    const std::uint32_t number = matched_[i];
    if (i + kAhead < upto) __builtin_prefetch(&blocks_[matched_[i + kAhead]]);
    if (blocks_[number].refs == 0) queue_.erase(number);
    hold(number, priority, held);
  }
}

/// One more user of a block, which stands behind those that the user holds.
void BlockStore::hold(std::uint32_t number, std::int32_t priority, std::vector<std::uint32_t>& held) {
  use(number, priority);
  if (!held.empty()) blocks_[held.back()].follower = number;
  held.push_back(number);
}

/// A block of the heap gets this name.
void BlockStore::name_next(std::uint64_t id, std::int32_t priority, std::vector<std::uint32_t>& held) {
  expect(!heap_.empty(), "a block is taken before it gets a name");
  const std::uint32_t number = heap_.back();
  heap_.pop_back();
  blocks_[number].uses = 0;
  if (!urgency_.empty()) urgency_[number] = 0;
  hold(number, priority, held);
  add_name(number, id);
}

void BlockStore::name(const BlockIds& ids, std::uint32_t from, std::uint32_t upto, std::int32_t priority,
                      std::vector<std::uint32_t>& held) {
  std::array<std::uint64_t, kAhead> batch;
  for (std::uint32_t first = from; first < upto; first += kAhead) {
    const auto count = std::min(static_cast<std::uint32_t>(kAhead), upto - first);
    for (std::uint32_t i = 0; i < count; ++i) place_of_.prefetch(batch[i] = ids[first + i]);
    for (std::uint32_t i = 0; i < count; ++i) name_next(batch[i], priority, held);
  }
}

std::uint32_t BlockStore::name_or_share(const BlockIds& ids, std::uint32_t upto, std::int32_t priority,
                                        std::vector<std::uint32_t>& held) {
  std::uint32_t freed = 0;
  while (held.size() < upto) {
    const std::uint64_t id = ids[static_cast<std::uint32_t>(held.size())];
    const std::uint32_t* here = find(id);
    if (here == nullptr) {
      name_next(id, priority, held);
      continue;
    }
    expect(!heap_.empty(), "a block is taken before it gets a name");
    const std::uint32_t number = *here;
    ++version_;
    if (blocks_[number].refs == 0) {
      queue_.erase(number);
    } else {
      ++freed;
    }
    hold(number, priority, held);
    free_empty();
  }
  return freed;
}

/// A block of the heap joins the free ones.
void BlockStore::free_empty() {
  if (spec_.empty_first && spec_.order == EvictionOrder::Lru) {
    queue_.push_front(heap_.back());
  } else {
    queue_.push(heap_.back(), 0);  // in the other orders nothing is worth less
  }
  heap_.pop_back();
}

std::uint32_t BlockStore::release(std::vector<std::uint32_t>& held, std::uint32_t heap) {
  expect(heap <= heap_.size(), "what is given back was taken");
  std::uint32_t freed = heap;
  for (std::uint32_t i = 0; i < heap; ++i) free_empty();
  if (!held.empty()) ++version_;
  for (std::size_t i = held.size(); i > 0; --i) {
    const std::uint32_t number = held[i - 1];
    if (i > kAhead) __builtin_prefetch(&blocks_[held[i - 1 - kAhead]]);
    if (--blocks_[number].refs > 0) continue;
    if (spec_.ttl) freed_[number] = now_;
    queue_.push(number, worth(number));
    ++freed;
  }
  held.clear();
  return freed;
}

std::uint64_t BlockStore::worth(std::uint32_t number) const {
  switch (spec_.order) {
    case EvictionOrder::Lru:
      return 0;
    case EvictionOrder::Lfu:
      return blocks_[number].uses;
    case EvictionOrder::Priority:
      return urgency_[number];
  }
  return 0;
}

void BlockStore::use(std::uint32_t number, std::int32_t priority) {
  ++blocks_[number].refs;
  if (++blocks_[number].uses == 2 && second_use_ && blocks_[number].named) second_use_(blocks_[number].id, now_);
  if (!urgency_.empty()) urgency_[number] = std::max(urgency_[number], urgency_of(priority));
}

void BlockStore::add_name(std::uint32_t number, std::uint64_t id) {
  ++version_;
  ++counts_.named;
  Block& block = blocks_[number];
  block.id = id;
  block.named = true;
  block.next_twin = block.previous_twin = number;
  std::uint32_t* place = place_of_.find(id);
  while (place != nullptr && *place < kGone && outlived(*place, now_)) {
    remove_name(*place, Loss::Expired);
    place = place_of_.find(id);
  }
  if (place != nullptr && *place < kGone) {  // another holds the same: behind the youngest
    Block& oldest = blocks_[*place];
    block.next_twin = *place;
    block.previous_twin = oldest.previous_twin;
    blocks_[oldest.previous_twin].next_twin = number;
    oldest.previous_twin = number;
    return;
  }
  if (place != nullptr) {
    ++counts_.recomputed;
    *place = number;
  } else {
    place_of_.insert(id, number);
  }
  for (const auto& listener : listeners_) listener({.name = id, .here = true, .when = now_});
}

void BlockStore::remove_name(std::uint32_t number, Loss loss) {
  ++version_;
  Block& block = blocks_[number];
  block.named = false;
  if (block.next_twin != number) {  // another holds the same
    blocks_[block.next_twin].previous_twin = block.previous_twin;
    blocks_[block.previous_twin].next_twin = block.next_twin;
    std::uint32_t& oldest = *place_of_.find(block.id);
    if (oldest == number) oldest = block.next_twin;
    return;
  }
  if (loss == Loss::Expired) {
    ++counts_.expired;
    place_of_.erase(block.id);
  } else {
    ++counts_.evicted;
    remember(block.id);
  }
  for (const auto& listener : listeners_) {
    listener({.name = block.id, .here = false, .evicted = loss == Loss::Evicted, .when = now_, .since = marked_});
  }
}

void BlockStore::expire() {
  for (std::uint32_t number = 0; number < blocks_.size(); ++number) {
    if (blocks_[number].named && outlived(number, now_)) remove_name(number, Loss::Expired);
  }
}

/// Keeps the name of an evicted block for as many evictions as there are blocks.
void BlockStore::remember(std::uint64_t id) {
  const auto mark = kGone | static_cast<std::uint32_t>(next_gone_);
  if (counts_.evicted > gone_.size()) {
    const std::uint32_t* oldest = place_of_.find(gone_[next_gone_]);
    if (oldest != nullptr && *oldest == mark) place_of_.erase(gone_[next_gone_]);  // else it is here again, or was
  }
  gone_[next_gone_] = id;
  *place_of_.find(id) = mark;
  next_gone_ = (next_gone_ + 1) % gone_.size();
}

}  // namespace tokenyard::kv
