#include "sim/config/keys.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr std::string_view kTime = "s, ms, us, ns, min, h";
constexpr std::string_view kSize = "B, kB, MB, GB, TB, KiB, MiB, GiB";

constexpr auto kKeys = std::to_array<Key>({
    {"engine", "kind", "one of: vllm", "vllm", "Whose rules form the steps: vllm = vLLM v1."},
    {"engine", "max_num_seqs", "count", "256", "Requests in a batch of one attention rank."},
    {"engine", "max_num_batched_tokens", "count", "8192", "Tokens in a step of one attention rank."},
    {"engine", "long_prefill_token_threshold", "count", "0", "Longest chunk of one prompt in a step; 0 = no limit."},
    {"engine", "reserve_full_prompt", "true or false", "true",
     "Admit a request only when blocks for all of its prompt are free."},
    {"engine", "watermark", "ratio", "0", "Share of all KV blocks that admission leaves free while others run."},
    {"engine", "async_scheduling", "true or false", "true", "Compose the next step while one runs: two in flight. A pipeline has one in flight for each stage either way."},
    {"engine", "graphs", "true or false", "true",
     "Captured graphs: decode-only steps are padded to captured sizes (1, 2, 4, 8, 16 ...)."},
    {"engine", "host_per_step", kTime, "500 us",
     "Host work of a step: schedule, inputs, launch, outputs. Assumed: 200 to 2,000 us are seen."},
    {"engine", "host_per_sequence", kTime, "0 s", "Host work that grows with the batch, for each request."},
    {"engine", "block_tokens", "count", "16", "Tokens in a KV block."},
    {"engine", "prefix_caching", "true or false", "false",
     "Idle KV blocks keep what they hold; prompts that begin alike find it (vLLM: enable_prefix_caching)."},
    {"engine", "cache", "mapping: cache", kOptional, "How idle blocks are kept, with prefix_caching."},
    {"engine", "memory_utilisation", "ratio", "0.9",
     "Share of a chip's memory that the engine may take (gpu_memory_utilization)."},
    {"engine", "memory_reserve", kSize, "3 GB",
     "Of that, for activations, graphs and libraries; the rest beside the weights is KV cache."},
    {"engine", "launch", kTime, "5 us",
     "To launch one kernel that no graph replays; launches run ahead of the chip. Default: 4 to 6 us a stream launch."},
    {"engine", "two_batch_overlap", "one of: off | prefill | decode | both", "off",
     "Steps with prompts, or without, as two half batches: the exchange of one's experts hides behind the other."},
    {"engine", "exchange_sm_share", "ratio", "0.18",
     "Of a chip, what the exchange of steps with prompts keeps from the other half. Default: DeepEP's 24 of 132 SMs."},
    {"engine", "blocks", "count", kOptional, "KV blocks of an attention rank, instead of what the memory gives."},
});

}  // namespace

std::span<const Key> engine_keys() { return kKeys; }

}  // namespace tokenyard::config
