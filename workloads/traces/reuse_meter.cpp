#include "workloads/traces/reuse_meter.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace tokenyard::workloads {

ReuseMeter::ReuseMeter(std::optional<std::uint64_t> capacity) : capacity_(capacity) {}

void ReuseMeter::unlink(std::uint32_t index) {
  const Entry& entry = entries_[index];
  (entry.older > 0 ? entries_[entry.older - 1].newer : oldest_) = entry.newer;
  (entry.newer > 0 ? entries_[entry.newer - 1].older : newest_) = entry.older;
}

void ReuseMeter::make_newest(std::uint32_t index) {
  entries_[index].older = newest_;
  entries_[index].newer = 0;
  (newest_ > 0 ? entries_[newest_ - 1].newer : oldest_) = index + 1;
  newest_ = index + 1;
}

void ReuseMeter::touch(std::uint64_t name) {
  const auto [place, is_new] = index_of_.try_emplace(name, 0U);
  unique_blocks += is_new ? 1 : 0;
  if (!capacity_) return;  // nothing is ever evicted, so no order is needed
  if (!is_new) {
    unlink(place->second);
    make_newest(place->second);
    return;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  place->second = free_.back();
  free_.pop_back();
  entries_[place->second].name = name;
  make_newest(place->second);
}

void ReuseMeter::add(const TraceRecord& record) {
  const auto& ids = record.prefix.ids;
  ++requests;
  tokens += record.prompt_tokens;
  if (ids.empty()) return;
  const auto found = std::find_if(ids.begin(), ids.end(), [&](std::uint64_t id) { return !index_of_.contains(id); });
  const auto hit = static_cast<std::uint64_t>(found - ids.begin());
  const std::uint64_t size = record.prefix.block_tokens;
  const std::uint64_t full = std::min<std::uint64_t>(record.prompt_tokens / size, ids.size());
  requests_hit += hit > 0 ? 1 : 0;
  blocks += ids.size();
  blocks_hit += hit;
  full_blocks += full;
  full_blocks_hit += std::min(hit, full);
  tokens_hit += std::min(hit * size, record.prompt_tokens);
  // Without a capacity there is no order to keep, and what was found is there.
  const auto first = capacity_ ? ids.begin() : found;
  for (auto id = ids.rbegin(); id != std::make_reverse_iterator(first); ++id) touch(*id);
  while (capacity_ && index_of_.size() > *capacity_) {
    const std::uint32_t index = oldest_ - 1;
    index_of_.erase(entries_[index].name);
    unlink(index);
    free_.push_back(index);
  }
}

}  // namespace tokenyard::workloads
