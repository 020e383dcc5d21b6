#include "sim/kv/tiers.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
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
}

TierStack::TierStack(const TiersSpec& spec, Bytes block, TierStore* pool) : when_faster_(spec.when_faster) {
  validate(spec);
  for (const TierSpec& one : spec.tiers) {
    expect(one.capacity > Bytes{} && one.read > BytesPerSecond{} && one.write > BytesPerSecond{}, "a tier has figures");
    Tier& tier = tiers_.emplace_back();
    tier.spec = one;
    tier.block_read = SimTime::from(block / one.read);
    tier.latency = SimTime::from(one.latency);
    if (one.kind == TierKind::Pool) {
      expect(pool != nullptr, "a shared store is given where a tier is shared");
      tier.store = pool;
    } else {
      const double blocks = std::min(one.capacity / block, 4e9);
      expect(blocks >= 1.0, "a tier holds at least one block");
      tier.own = std::make_unique<TierStore>(static_cast<std::uint32_t>(blocks));
      tier.store = tier.own.get();
    }
  }
}

TierStack::Counts TierStack::match(const BlockIds& ids, std::uint32_t from, std::uint32_t most) const {
  Counts counts{};
  for (std::uint32_t i = from; i < most; ++i) {
    const std::uint64_t id = ids[i];
    const auto holder =
        std::find_if(tiers_.begin(), tiers_.end(), [&](const Tier& tier) { return tier.store->names.holds(id); });
    if (holder == tiers_.end()) break;
    ++counts[place_of(holder->spec.kind)];
  }
  return counts;
}

SimTime TierStack::end_at(const Tier& tier, SimTime now, std::uint32_t blocks) {
  return std::max(now, tier.read_free_at) + tier.latency + tier.block_read * std::int64_t{blocks};
}

SimTime TierStack::end_of_read(SimTime now, const Counts& blocks) const {
  SimTime end = now;
  for (const Tier& tier : tiers_) {
    if (const std::uint32_t count = blocks[place_of(tier.spec.kind)]; count > 0 && !tier.spec.on_links) {
      end = std::max(end, end_at(tier, now, count));
    }
  }
  return end;
}

SimTime TierStack::read(SimTime now, const BlockIds& ids, std::uint32_t from, const Counts& blocks) {
  const SimTime end = end_of_read(now, blocks);
  std::uint32_t all = 0;
  for (Tier& tier : tiers_) {
    const std::uint32_t count = blocks[place_of(tier.spec.kind)];
    if (count == 0) continue;
    all += count;
    if (!tier.spec.on_links) tier.read_free_at = end_at(tier, now, count) - tier.latency;
    traffic_.read_blocks[place_of(tier.spec.kind)] += count;
  }
  for (std::uint32_t i = from + all; i > from; --i) {  // from the end, so that beginnings stay longest
    const std::uint64_t id = ids[i - 1];
    for (Tier& tier : tiers_) {
      if (tier.store->names.holds(id)) (void)tier.store->names.insert(id);
    }
  }
  return end;
}

void TierStack::named(std::uint64_t name) {
  for (std::size_t i = 0; i < tiers_.size(); ++i) {
    if (tiers_[i].spec.policy == WritePolicy::Through) write(i, name);
  }
}

void TierStack::evicted(std::uint64_t name, std::uint32_t uses) {
  if (tiers_.empty()) return;
  const WritePolicy policy = tiers_[0].spec.policy;
  if (policy == WritePolicy::Back || (policy == WritePolicy::Selective && uses >= 2)) write(0, name);
}

/// What a tier gives up for it goes on to the next, unless that has had it since it was named.
void TierStack::write(std::size_t tier, std::uint64_t name) {
  PrefixIndex& names = tiers_[tier].store->names;
  if (names.holds(name)) return;
  ++traffic_.written_blocks[place_of(tiers_[tier].spec.kind)];
  const std::optional<std::uint64_t> gone = names.insert(name);
  if (gone && tier + 1 < tiers_.size() && tiers_[tier + 1].spec.policy != WritePolicy::Through) write(tier + 1, *gone);
}

}  // namespace tokenyard::kv
