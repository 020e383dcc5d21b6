#include "sim/config/read_kv.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace tokenyard::config {
namespace {

using policy::RouterKind;

const std::vector<std::string> kRouters{"round_robin",      "random",     "least_outstanding_tokens",
                                        "session_affinity", "vllm_score", "prefix_aware",
                                        "kv_aware",         "mooncake"};

RouterKind router_kind(const std::string& written) {
  constexpr RouterKind kKinds[] = {
      RouterKind::RoundRobin,      RouterKind::Random,    RouterKind::LeastOutstandingTokens,
      RouterKind::SessionAffinity, RouterKind::VllmScore, RouterKind::PrefixAware,
      RouterKind::KvAware,         RouterKind::Mooncake};
  const auto at = std::find(kRouters.begin(), kRouters.end(), written);
  expect(at != kRouters.end(), "a choice is one of those offered");
  return kKinds[at - kRouters.begin()];
}

kv::TierSpec read_tier(YamlMap& map) {
  kv::TierSpec tier;
  const std::string kind = map.choice("kind", {"host", "nvme", "pool"});
  tier.kind = kind == "host" ? kv::TierKind::Host : kind == "nvme" ? kv::TierKind::Nvme : kv::TierKind::Pool;
  if (map.given("store")) tier.store = map.text("store");
  if (map.given("capacity")) tier.capacity = map.bytes("capacity");
  if (map.given("read")) tier.read = map.bandwidth("read");
  if (map.given("write")) tier.write = map.bandwidth("write");
  const auto refuse_zero = [&](std::string_view key, double value) {
    if (map.given(key) && value <= 0.0) map.fail(key, "must be more than 0");
  };
  refuse_zero("capacity", tier.capacity.value());
  refuse_zero("read", tier.read.value());
  refuse_zero("write", tier.write.value());
  tier.latency = map.seconds("latency");
  const std::string policy = map.choice("policy", {"write_through", "write_back", "selective"});
  tier.policy = policy == "write_through" ? kv::WritePolicy::Through
                : policy == "write_back"  ? kv::WritePolicy::Back
                                          : kv::WritePolicy::Selective;
  map.finish();
  return tier;
}

CacheSpec read_cache(YamlMap map) {
  kv::PrefixCacheSpec spec;
  const std::string order = map.choice("eviction", {"lru", "lfu", "priority"});
  spec.order = order == "lru"   ? kv::EvictionOrder::Lru
               : order == "lfu" ? kv::EvictionOrder::Lfu
                                : kv::EvictionOrder::Priority;
  if (map.given("ttl")) spec.ttl = SimTime::from(map.seconds("ttl"));
  kv::TiersSpec tiers{.when_faster = map.choice("fetch", {"when_faster", "always"}) == "when_faster"};
  if (map.has("tiers")) {
    for (YamlMap& tier : map.maps("tiers", "tier")) tiers.tiers.push_back(read_tier(tier));
  }
  map.finish();
  map.located([&] {
    kv::validate(spec);
    kv::validate(tiers);
  });
  CacheSpec cache{.caching = spec};
  if (!tiers.tiers.empty()) cache.tiers = tiers;
  return cache;
}

}  // namespace

CacheSpec read_prefix_cache(YamlMap& engine) {
  const bool on = engine.flag("prefix_caching");
  if (!on && engine.has("cache")) engine.fail("cache", "is of a prefix cache; add prefix_caching: true");
  if (!on) return {};
  return read_cache(engine.map_or_empty("cache", "cache"));
}

policy::RouterSpec read_router(YamlMap& pool) {
  if (!pool.is_map("router")) return {.kind = router_kind(pool.choice("router", kRouters))};
  YamlMap map = pool.map("router", "router");
  policy::RouterSpec spec{.kind = router_kind(map.choice("kind", kRouters))};
  spec.refresh = SimTime::from(map.seconds("refresh"));
  spec.view =
      map.choice("view", {"guess", "events"}) == "guess" ? policy::PrefixView::Guess : policy::PrefixView::Events;
  spec.delay = SimTime::from(map.seconds("delay"));
  spec.block_tokens = map.count("block_tokens", 1, 65536);
  spec.capacity = map.count("capacity", 0);
  spec.most_blocks = map.count("most_blocks", 0);
  constexpr double kMost = 1e6;
  spec.prefix_weight = map.number("prefix_weight", 0.0, kMost);
  spec.queue_weight = map.number("queue_weight", 0.0, kMost);
  spec.memory_weight = map.number("memory_weight", 0.0, kMost);
  spec.overlap_weight = map.number("overlap_weight", 0.0, kMost);
  spec.copy_threshold = map.number("copy_threshold", 1.0, kMost);
  spec.reject = map.flag("reject");
  map.finish();
  map.located([&] { policy::validate(spec); });
  return spec;
}

}  // namespace tokenyard::config
