#include "sim/kv/prefix_index.hpp"

#include "models/base/errors.hpp"

namespace tokenyard::kv {

std::optional<std::uint64_t> PrefixIndex::insert(std::uint64_t name) {
  if (const std::uint32_t* known = entry_of_.find(name)) {
    if (!entries_[*known].kept) unlink(*known);
    link(*known);
    return std::nullopt;
  }
  std::optional<std::uint64_t> gone;
  expect(has_room(), "something can give way");
  if (capacity_ > 0 && entry_of_.size() == capacity_) {
    gone = entries_[oldest_ - 1].name;
    erase(*gone);
  }
  if (unused_.empty()) {
    unused_.push_back(static_cast<std::uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  const std::uint32_t entry = unused_.back();
  unused_.pop_back();
  entries_[entry].name = name;
  link(entry);
  entry_of_.insert(name, entry);
  return gone;
}

void PrefixIndex::erase(std::uint64_t name) {
  const std::uint32_t* known = entry_of_.find(name);
  if (known == nullptr) return;
  const std::uint32_t entry = *known;
  entry_of_.erase(name);
  if (!entries_[entry].kept) unlink(entry);
  unused_.push_back(entry);
}

void PrefixIndex::keep(std::uint64_t name) {
  const std::uint32_t* known = entry_of_.find(name);
  expect(known != nullptr, "what is kept is here");
  if (entries_[*known].kept) return;
  unlink(*known);
  entries_[*known].kept = true;
}

void PrefixIndex::link(std::uint32_t entry) {
  entries_[entry].kept = false;
  entries_[entry].next = 0;
  entries_[entry].previous = newest_;
  (newest_ == 0 ? oldest_ : entries_[newest_ - 1].next) = entry + 1;
  newest_ = entry + 1;
}

void PrefixIndex::unlink(std::uint32_t entry) {
  const Entry& gone = entries_[entry];
  (gone.previous == 0 ? oldest_ : entries_[gone.previous - 1].next) = gone.next;
  (gone.next == 0 ? newest_ : entries_[gone.next - 1].previous) = gone.previous;
}

}  // namespace tokenyard::kv
