#include "sim/config/keys.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr std::string_view kTime = "s, ms, us, ns, min, h";
constexpr std::string_view kSize = "B, kB, MB, GB, TB, KiB, MiB, GiB";
constexpr std::string_view kRate = "GB/s, TB/s, MB/s, B/s, Gbps, Tbps, Mbps, GiB/s";

constexpr auto kKeys = std::to_array<Key>({
    {"cache", "eviction", "one of: lru | lfu | priority", "lru",
     "Which idle block is used again first: freed longest ago, used least often, or of the least urgent requests."},
    {"cache", "ttl", kTime, kOptional, "An idle block is forgotten after this; without it when it is used again."},

    {"cache", "tiers", "list: tier", kOptional, "Where blocks are kept beyond the chips' memory, from near to far."},
    {"cache", "fetch", "one of: when_faster | always", kOptional,
     "Whether blocks of a tier are fetched only where computing them anew would take longer. Default: vllm "
     "when_faster; "
     "the other engines fetch always."},
    {"cache", "load_back_threshold", "count", kOptional,
     "Tokens; fewer that tiers have of a prompt are computed anew. Default: sglang 10, others 0."},
    {"cache", "prefetch", "one of: none | best_effort | wait_complete | timeout", kOptional,
     "Blocks of drives and pools are read into host memory when a request comes: until its turn, or it waits for all, "
     "or for "
     "all at most so long. Default: none; sglang with such tiers timeout."},
    {"cache", "prefetch_threshold", "count", "256", "Tokens; less is not read ahead. Default: SGLang's."},
    {"cache", "prefetch_timeout_base", kTime, "1 s", "prefetch: timeout; default: SGLang's."},
    {"cache", "prefetch_timeout_per_1024", kTime, "250 ms",
     "prefetch: timeout; the same for every 1,024 tokens that are read. Default: SGLang's."},

    {"tier", "kind", "one of: host | nvme | pool", kRequired,
     "Memory of the instance's hosts, its local drives, or a store that all instances of the pool share."},
    {"tier", "store", "text", kOptional,
     "Store of the machine that it stands on (topology.stores); by default the first of its kind that the chips "
     "reach."},
    {"tier", "capacity", kSize, kOptional,
     "Of one instance, whose attention ranks have equal parts of host memory; of a pool: of all together. Default: the "
     "instance's share of the machine's store, by its chips."},
    {"tier", "read", kRate, kOptional,
     "Where the machine has no such store: rate of one instance's links towards its chips, equal parts of "
     "which are those of its attention ranks."},
    {"tier", "write", kRate, kOptional, "Likewise from its chips."},
    {"tier", "latency", kTime, "0 s", "Before the first byte of a read; with a store: of software, besides the way's."},
    {"tier", "policy", "one of: write_through | write_back | selective", "write_back",
     "A block is copied there when it gets a name, when its place before is used again, or when a second request uses "
     "it. "
     "sglang: of the first tier; the others get what that has got."},

    {"router", "kind",
     "one of: round_robin | random | least_outstanding_tokens | session_affinity | vllm_score | prefix_aware | "
     "kv_aware | mooncake",
     kRequired, "How it chooses."},
    {"router", "refresh", kTime, "0 s",
     "How often it looks at the instances' loads; in between it adds what it sends."},
    {"router", "view", "one of: guess | events", "guess",
     "What it knows of caches: what it sent there, or names as the caches tell them (prefix_aware, kv_aware)."},
    {"router", "delay", kTime, "0 s", "With view: events, from a change of a cache until it knows."},
    {"router", "block_tokens", "count", "16", "With view: guess, tokens of a block of its picture."},
    {"router", "capacity", "count", "31250",
     "With view: guess, blocks it takes an instance to hold; 0 = no limit. Default: that of the Gateway API "
     "extension."},
    {"router", "most_blocks", "count", "0", "Longest beginning it compares, in blocks; 0 = no limit."},
    {"router", "prefix_weight", "number", "2", "prefix_aware: weight of the share of the prompt that is there."},
    {"router", "queue_weight", "number", "1", "prefix_aware: weight of short queues."},
    {"router", "memory_weight", "number", "1", "prefix_aware: weight of free KV memory."},
    {"router", "overlap_weight", "number", "1", "kv_aware: weight of blocks to prefill against blocks to decode."},
    {"router", "copy_threshold", "number", "2",
     "mooncake, of prefill instances: a beginning is copied to an instance where another has more than so many times "
     "as "
     "much of it."},
    {"router", "reject", "true or false", "false",
     "mooncake: turns a request away when it comes if TTFT or TPOT is expected to miss the target of its class."},
});

}  // namespace

std::span<const Key> kv_keys() { return kKeys; }

}  // namespace tokenyard::config
