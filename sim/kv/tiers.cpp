#include "sim/kv/tiers.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>

namespace tokenyard::kv {
namespace {

std::size_t place_of(TierKind kind) { return static_cast<std::size_t>(kind); }

}  // namespace

const char* name(TierKind kind) {
  switch (kind) {
    case TierKind::Host:
      return "host";
    case TierKind::Nvme:
      return "nvme";
    case TierKind::Pool:
      return "pool";
  }
  return "";
}

void validate(const TiersSpec& spec) {
  for (std::size_t i = 0; i < spec.tiers.size(); ++i) {
    if (i == 0 || spec.tiers[i].kind > spec.tiers[i - 1].kind) continue;
    throw SpecError("tiers", std::string(name(spec.tiers[i].kind)) + " stands behind " + name(spec.tiers[i - 1].kind) +
                                 "; they go from near to far: host, nvme, pool, each once");
  }
  if (spec.prefetch && (spec.tiers.size() < 2 || spec.tiers[0].kind != TierKind::Host)) {
    throw SpecError("prefetch", "reads drives and pools into host memory; it needs a tier host and one behind it");
  }
}

TiersSpec part_of_rank(TiersSpec spec, std::uint32_t ranks) {
  for (TierSpec& tier : spec.tiers) {
    if (tier.kind == TierKind::Host) tier.capacity = tier.capacity / ranks;
    if (tier.on_links) continue;
    tier.read = tier.read / ranks;
    tier.write = tier.write / ranks;
  }
  return spec;
}

std::uint32_t blocks_in(const TierSpec& tier, Bytes block) {
  const double blocks = std::min(std::floor(tier.capacity / block), 4e9);
  expect(blocks >= 1.0, "a tier holds at least one block");
  return static_cast<std::uint32_t>(blocks);
}

TierStack::TierStack(const TiersSpec& spec, Bytes block, std::uint32_t block_tokens, TierStore* pool, TierStore* drives)
    : spec_(spec), block_tokens_(block_tokens) {
  validate(spec);
  for (const TierSpec& one : spec.tiers) {
    expect(one.capacity > Bytes{} && one.read > BytesPerSecond{} && one.write > BytesPerSecond{}, "a tier has figures");
    Tier& tier = tiers_.emplace_back();
    tier.spec = one;
    tier.block_read = SimTime::from(block / one.read);
    tier.block_write = SimTime::from(block / one.write);
    tier.latency = SimTime::from(one.latency);
    if (one.kind == TierKind::Pool) {
      expect(pool != nullptr, "a shared store is given where a tier is shared");
      tier.store = pool;
    } else if (one.kind == TierKind::Nvme && drives != nullptr) {
      tier.store = drives;
    } else {
      tier.own = std::make_unique<TierStore>(blocks_in(one, block));
      tier.store = tier.own.get();
    }
  }
}

void TierStack::set_time(SimTime now) {
  for (Tier& tier : tiers_) tier.store->set_time(now);
}

TierStack::Counts TierStack::match(const BlockIds& ids, std::uint32_t from, std::uint32_t most) const {
  Counts counts{};
  const auto end = spec_.prefetch ? tiers_.begin() + 1 : tiers_.end();
  std::uint32_t all = 0;
  for (std::uint32_t i = from; i < most; ++i, ++all) {
    const std::uint64_t id = ids[i];
    const auto holder = std::find_if(tiers_.begin(), end, [&](const Tier& tier) { return tier.store->has(id); });
    if (holder == end) break;
    ++counts[place_of(holder->spec.kind)];
  }
  return std::uint64_t{all} * block_tokens_ < spec_.load_back_threshold ? Counts{} : counts;
}

TierStack::Read TierStack::time_of(SimTime now, const Counts& blocks) const {
  Read read{.begin = SimTime::never(), .end = now};
  for (const Tier& tier : tiers_) {
    const std::uint32_t count = blocks[place_of(tier.spec.kind)];
    if (count == 0 || tier.spec.on_links) continue;
    const SimTime begin = std::max(now, tier.read_free_at) + tier.latency;
    read.begin = std::min(read.begin, begin);
    read.end = std::max(read.end, begin + tier.block_read * std::int64_t{count});
  }
  return read;
}

TierStack::Read TierStack::read(SimTime now, const BlockIds& ids, std::uint32_t from, const Counts& blocks) {
  const Read read = time_of(now, blocks);
  for (Tier& tier : tiers_) {
    const std::uint32_t count = blocks[place_of(tier.spec.kind)];
    if (count == 0) continue;
    if (!tier.spec.on_links) {
      tier.read_free_at = std::max(now, tier.read_free_at) + tier.block_read * std::int64_t{count};
    }
    traffic_.read_blocks[place_of(tier.spec.kind)] += count;
  }
  const std::uint32_t all = std::accumulate(blocks.begin(), blocks.end(), 0U);
  for (std::uint32_t i = from + all; i > from; --i) {  // from the end, so that beginnings stay longest
    const std::uint64_t id = ids[i - 1];
    for (Tier& tier : tiers_) {
      if (!tier.store->has(id)) continue;
      if (spec_.rules.moves) {
        tier.store->erase(id);
      } else if (!(spec_.rules.keeps_copies && &tier == tiers_.data())) {
        tier.store->touch(id);
      }
    }
  }
  return read;
}

void TierStack::named(std::uint64_t name, SimTime when) {
  for (std::size_t i = 0; i < tiers_.size(); ++i) {
    if (spec_.rules.chains && i > 0) break;
    if (tiers_[i].spec.policy == WritePolicy::Through) (void)write(i, name, when);
  }
  if (spec_.rules.keeps_copies && tiers_[0].store->holds(name)) tiers_[0].store->keep(name);
}

void TierStack::used_again(std::uint64_t name, SimTime when) {
  for (std::size_t i = 0; i < tiers_.size(); ++i) {
    if (spec_.rules.chains && i > 0) break;
    if (tiers_[i].spec.policy == WritePolicy::Selective) (void)write(i, name, when);
  }
  if (spec_.rules.keeps_copies && tiers_[0].store->holds(name)) tiers_[0].store->keep(name);
}

void TierStack::evicted(std::uint64_t name, SimTime when) {
  if (tiers_.empty()) return;
  if (tiers_[0].store->holds(name)) {
    if (spec_.rules.keeps_copies) tiers_[0].store->touch(name);
  } else if (tiers_[0].spec.policy == WritePolicy::Back) {
    const SimTime done = write(0, name, when);
    if (!tiers_[0].spec.on_links) written_back_ = std::max(written_back_, done);
  }
}

bool TierStack::links_write_back() const {
  return spec_.rules.waits_for_writes && !tiers_.empty() && tiers_[0].spec.on_links &&
         tiers_[0].spec.policy == WritePolicy::Back;
}

void TierStack::forgotten(std::uint64_t name) {
  if (spec_.rules.keeps_copies && tiers_[0].store->holds(name)) tiers_[0].store->touch(name);
}

/// What a tier gives up for it goes on to the next where that is written back. Gives when it has been written.
SimTime TierStack::write(std::size_t at, std::uint64_t name, SimTime when) {
  Tier& tier = tiers_[at];
  tier.store->set_time(when);
  if (tier.store->holds(name)) return when;
  const SimTime done = std::max(when, tier.write_free_at) + tier.block_write;
  const TierStore::Written written = tier.store->write(name, done);
  if (!written.room) return when;
  tier.write_free_at = done;
  ++traffic_.written_blocks[place_of(tier.spec.kind)];
  ++traffic_.sent_blocks[place_of(tier.spec.kind)];
  if (at + 1 == tiers_.size()) return done;
  if (spec_.rules.chains) {
    (void)write(at + 1, name, done);
  } else if (written.gone && tiers_[at + 1].spec.policy == WritePolicy::Back) {
    (void)write(at + 1, *written.gone, when);
  }
  return done;
}

}  // namespace tokenyard::kv
