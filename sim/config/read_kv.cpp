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

/// docs/engines.md, "Cache tiers".
kv::TierRules tier_rules(const std::string& kind) {
  if (kind == "sglang") {
    return {.with_step = true, .by_layer = true, .keeps_copies = true, .chains = true, .waits_for_writes = true};
  }
  if (kind == "tensorrt_llm") return {.with_step = true, .moves = true, .waits_for_writes = true};
  return {};
}

/// What the engine has no such tiers for.
void check_tiers(YamlMap& map, const std::string& kind, const kv::TiersSpec& spec) {
  if (kind == "tensorrt_llm") {
    for (const kv::TierSpec& tier : spec.tiers) {
      if (tier.kind != kv::TierKind::Host) map.fail("tiers", "TensorRT-LLM offloads to host memory only");
      if (tier.policy != kv::WritePolicy::Back) {
        map.fail("tiers", "TensorRT-LLM moves a block to host memory when its place is used again: policy: write_back");
      }
    }
  }
  if (kind == "sglang" && spec.tiers.front().kind != kv::TierKind::Host) {
    map.fail("tiers", "SGLang's HiCache reads drives and pools into host memory; put a tier host before them");
  }
}

std::optional<kv::PrefetchSpec> read_prefetch(YamlMap& map, const std::string& kind, std::size_t tiers) {
  std::string policy = kind == "sglang" && tiers > 1 ? "timeout" : "none";
  if (map.given("prefetch")) policy = map.choice("prefetch", {"none", "best_effort", "wait_complete", "timeout"});
  if (policy == "none") {
    if (kind == "sglang" && tiers > 1) {
      map.fail("prefetch", "none: SGLang's HiCache reads what is behind host memory no other way; take another policy");
    }
    for (const char* key : {"prefetch_threshold", "prefetch_timeout_base", "prefetch_timeout_per_1024"}) {
      if (map.has(key)) map.fail(key, "has no meaning without prefetch");
    }
    return std::nullopt;
  }
  if (kind == "tensorrt_llm") map.fail("prefetch", "TensorRT-LLM reads nothing ahead; leave it out");
  // Read only now, so that a resolved experiment without prefetch has no keys about it.
  kv::PrefetchSpec spec{.threshold = map.count("prefetch_threshold", 0),
                        .timeout_base = SimTime::from(map.seconds("prefetch_timeout_base")),
                        .timeout_per_1024 = SimTime::from(map.seconds("prefetch_timeout_per_1024"))};
  spec.policy = policy == "best_effort"     ? kv::PrefetchPolicy::BestEffort
                : policy == "wait_complete" ? kv::PrefetchPolicy::WaitComplete
                                            : kv::PrefetchPolicy::Timeout;
  return spec;
}

CacheSpec read_cache(YamlMap map, const std::string& kind) {
  kv::PrefixCacheSpec spec;
  const std::string order = map.choice("eviction", {"lru", "lfu", "priority"});
  spec.order = order == "lru"   ? kv::EvictionOrder::Lru
               : order == "lfu" ? kv::EvictionOrder::Lfu
                                : kv::EvictionOrder::Priority;
  if (map.given("ttl")) spec.ttl = SimTime::from(map.seconds("ttl"));
  kv::TiersSpec tiers{.when_faster = kind == "vllm", .rules = tier_rules(kind)};
  if (map.given("fetch")) tiers.when_faster = map.choice("fetch", {"when_faster", "always"}) == "when_faster";
  constexpr std::uint32_t kLoadBack = 10;  // HiRadixCache.load_back_threshold
  tiers.load_back_threshold = kind == "sglang" ? kLoadBack : 0;
  if (map.given("load_back_threshold")) tiers.load_back_threshold = map.count("load_back_threshold", 0);
  if (map.has("tiers")) {
    for (YamlMap& tier : map.maps("tiers", "tier")) tiers.tiers.push_back(read_tier(tier));
  }
  tiers.prefetch = read_prefetch(map, kind, tiers.tiers.size());
  if (!tiers.tiers.empty()) check_tiers(map, kind, tiers);
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

CacheSpec read_prefix_cache(YamlMap& engine, const std::string& kind) {
  const bool on = engine.flag("prefix_caching");
  if (!on && engine.has("cache")) engine.fail("cache", "is of a prefix cache; add prefix_caching: true");
  if (!on) return {};
  return read_cache(engine.map_or_empty("cache", "cache"), kind);
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
