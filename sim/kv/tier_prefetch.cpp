#include "models/base/errors.hpp"
#include "sim/kv/tiers.hpp"

#include <algorithm>

// Blocks that are read into host memory ahead of a request's turn. A tier's own link serves prefetches one after the
// other; how far they are follows from the time that has passed. Of tiers on the machine's links whoever carries the
// blocks tells.

namespace tokenyard::kv {

bool TierStack::prefetch(SimTime now, std::uint32_t key, const BlockIds& ids, std::uint32_t from, std::uint32_t most) {
  expect(spec_.prefetch.has_value(), "nothing is read ahead unless asked for");
  advance(now);
  const std::vector<std::uint32_t> none(tiers_.size());
  Ahead ahead{.asked = now, .blocks = {}, .counts = none, .done = none};
  for (std::uint32_t i = from; i < most; ++i) {
    const std::uint64_t id = ids[i];
    std::size_t at = 0;
    while (at < tiers_.size() && !(at == 0 ? tiers_[0].store->holds(id) : tiers_[at].store->has(id))) ++at;
    if (at == tiers_.size()) break;
    ahead.blocks.emplace_back(id, at);
    ++ahead.counts[at];
    ahead.wanted += at > 0 ? 1 : 0;
  }
  if (ahead.wanted == 0 || std::uint64_t{ahead.wanted} * block_tokens_ < spec_.prefetch->threshold) return false;
  const std::vector<std::uint32_t>& counts = (ahead_[key] = std::move(ahead)).counts;
  for (std::size_t at = 1; at < tiers_.size(); ++at) {
    if (counts[at] == 0) continue;
    if (tiers_[at].spec.on_links) {
      expect(links_ != nullptr, "somebody carries what is read ahead over the machine's links");
      links_->read_ahead(key, tiers_[at].spec.kind, counts[at]);
    } else {
      tiers_[at].parts.push_back({.key = key, .left = counts[at]});
    }
  }
  return true;
}

void TierStack::came(std::uint32_t key, TierKind kind, std::uint32_t blocks) {
  Ahead& ahead = ahead_.at(key);
  for (std::size_t at = 1; at < tiers_.size(); ++at) {
    if (tiers_[at].spec.kind == kind) ahead.done[at] += blocks;
  }
  ahead.read += blocks;
  traffic_.read_blocks[static_cast<std::size_t>(kind)] += blocks;
}

/// Reads what the time up to now suffices for.
void TierStack::advance(SimTime now) {
  for (std::size_t at = 1; at < tiers_.size(); ++at) {
    Tier& tier = tiers_[at];
    while (!tier.parts.empty()) {
      Part& part = tier.parts.front();
      Ahead& ahead = ahead_.at(part.key);
      if (!part.begun) {
        tier.part_at = std::max(tier.part_at, ahead.asked) + tier.latency;
        part.begun = true;
      }
      const std::int64_t span = (now - tier.part_at).ns();
      const std::int64_t each = std::max<std::int64_t>(tier.block_read.ns(), 1);
      const auto read = static_cast<std::uint32_t>(std::clamp<std::int64_t>(span / each, 0, part.left));
      tier.part_at += tier.block_read * std::int64_t{read};
      part.left -= read;
      ahead.done[at] += read;
      ahead.read += read;
      traffic_.read_blocks[static_cast<std::size_t>(tier.spec.kind)] += read;
      if (part.left > 0) break;
      tier.parts.pop_front();
    }
  }
}

SimTime TierStack::prefetched_at(SimTime now, std::uint32_t key) {
  advance(now);
  const auto found = ahead_.find(key);
  if (found == ahead_.end()) return SimTime::never();
  const Ahead& ahead = found->second;
  SimTime end = now;
  for (std::size_t i = 1; i < tiers_.size(); ++i) {
    const Tier& tier = tiers_[i];
    if (tier.spec.on_links && ahead.done[i] < ahead.counts[i]) end = SimTime::never();
    SimTime at = tier.part_at;
    for (const Part& part : tier.parts) {
      if (!part.begun) at = std::max(at, ahead_.at(part.key).asked) + tier.latency;
      at += tier.block_read * std::int64_t{part.left};
      if (part.key != key) continue;
      end = std::max(end, at);
      break;
    }
  }
  if (spec_.prefetch->policy != PrefetchPolicy::Timeout) return end;
  const double ki_tokens = static_cast<double>(std::uint64_t{ahead.wanted} * block_tokens_) / 1024.0;
  const SimTime patience =
      spec_.prefetch->timeout_base + SimTime::from(spec_.prefetch->timeout_per_1024.seconds() * ki_tokens);
  return std::max(now, std::min(end, ahead.asked + patience));
}

bool TierStack::end_prefetch(SimTime now, std::uint32_t key) {
  advance(now);
  Ahead& ahead = ahead_.at(key);
  if (links_ != nullptr) links_->stop_ahead(key);
  for (Tier& tier : tiers_) {
    const bool first = !tier.parts.empty() && tier.parts.front().key == key;
    if (first && tier.parts.front().begun) tier.part_at = now;  // what was on its way is dropped
    std::erase_if(tier.parts, [key](const Part& part) { return part.key == key; });
  }
  std::vector<std::uint64_t> come;
  for (const auto& [name, at] : ahead.blocks) {
    if (at > 0 && ahead.done[at]-- == 0) break;
    come.push_back(name);
  }
  for (auto name = come.rbegin(); name != come.rend(); ++name) {  // from the end, so that beginnings stay longest
    TierStore& host = *tiers_[0].store;
    if (host.holds(*name)) {
      if (!spec_.rules.keeps_copies) host.touch(*name);
      continue;
    }
    if (host.write(*name, now).room) ++traffic_.written_blocks[static_cast<std::size_t>(TierKind::Host)];
  }
  tiers_[0].store->set_time(now);
  const bool all = ahead.read == ahead.wanted;
  ahead_.erase(key);
  return all;
}

}  // namespace tokenyard::kv
