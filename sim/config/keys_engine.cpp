#include "sim/config/keys.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr std::string_view kTime = "s, ms, us, ns, min, h";
constexpr std::string_view kSize = "B, kB, MB, GB, TB, KiB, MiB, GiB";

constexpr auto kKeys = std::to_array<Key>({
    {"engine", "profile", "text", kOptional,
     "Settings of an engine's release, a name in models/catalog/engines (or a .yaml file); keys beside it go before."},
    {"engine", "name", "text", kOptional, "Name of a profile, as the file is called."},
    {"engine", "description", "text", kOptional, "What it is, for a reader."},
    {"engine", "sources", "mapping: engine.sources", kOptional, "Where the settings of a profile come from."},
    {"engine.sources", "rules", "text", kOptional, "Of how steps are formed."},
    {"engine.sources", "memory", "text", kOptional, "Of block size and memory."},
    {"engine.sources", "graphs", "text", kOptional, "Of the captured sizes."},
    {"engine.sources", "host", "text", kOptional, "Of the host's work and its overlap."},
    {"engine.sources", "kernels", "text", kOptional, "Of what is fused, or computed beside something else."},
    {"engine.sources", "front_end", "text", kOptional, "Of the work before and behind the scheduler."},

    {"engine", "kind", "one of: vllm | sglang | tensorrt_llm", "vllm",
     "Whose rules form the steps: vLLM v1, SGLang or TensorRT-LLM's PyTorch executor."},
    {"engine", "async_scheduling", "true or false", "true",
     "Compose the next step while one runs: two in flight (SGLang, TensorRT-LLM: the overlap scheduler). A pipeline "
     "has "
     "one in flight for each stage either way."},
    {"engine", "graphs", "true or false", "true",
     "Captured graphs: decode-only steps are padded to captured sizes (1, 2, 4, 8, 16 ...)."},
    {"engine", "prompt_graph_tokens", "count", kOptional,
     "Steps with prompt tokens replay graphs piece by piece up to so many tokens of a rank; without it up to the "
     "largest "
     "captured batch (vLLM's piecewise graphs). 0 = they launch every kernel."},
    {"engine", "host_per_step", kTime, "500 us",
     "Host work of a step: schedule, inputs, launch, outputs. Assumed: 200 to 2,000 us are seen."},
    {"engine", "host_per_sequence", kTime, "0 s", "Host work that grows with the batch, for each request."},
    {"engine", "scheduling_policy", "one of: fcfs | priority | deadline", "fcfs",
     "Who is served first and preempted last: who came first, the lower priority, the earlier arrival + TTFT target."},
    {"engine", "prefix_caching", "true or false", "false",
     "Idle KV blocks keep what they hold; prompts that begin alike find it (vLLM: enable_prefix_caching, SGLang: radix "
     "cache, TensorRT-LLM: enable_block_reuse)."},
    {"engine", "cache", "mapping: cache", kOptional, "How idle blocks are kept, with prefix_caching."},
    {"engine", "launch", kTime, "5 us",
     "To launch one of the kernels of explain that no graph replays; launches run ahead of the chip. Default: 4 to 6 "
     "us a "
     "stream launch; PyTorch engines take 46 to 81 us (models/catalog/engines)."},
    {"engine", "attention", "one of: one_kernel | two_kernels", kOptional,
     "Of a step that mixes prompts and decodes. Default: vllm one_kernel, where the chip has attention_mixed (its "
     "FlashInfer back end: two_kernels); sglang and tensorrt_llm two_kernels."},
    {"engine", "absorbed_prefix_below", "count", "0",
     "Latent attention: prompts of a step that see cached tokens, fewer than so many together, are computed as decodes "
     "are, absorbed, in place of expanding all latents (SGLang: SGLANG_CHUNKED_PREFIX_CACHE_THRESHOLD); 0 = never."},
    {"engine", "two_batch_overlap", "one of: off | prefill | decode | both", "off",
     "Steps with prompts, or without, as two half batches: the exchange of one's experts hides behind the other."},
    {"engine", "exchange_sm_share", "ratio", "0.18",
     "Of a chip, what the exchange of steps with prompts keeps from the other half. Default: DeepEP's 24 of 132 SMs."},
    {"engine", "attention_cores", "ratio", "0",
     "Of a chip's cores, what attention has in two half batches that only decode, beside the other half's experts and "
     "exchange on the rest; 0: the halves compute in turn, on all cores. For chips whose thread blocks are not "
     "counted."},
    {"engine", "all_reduce", "list of text", "[]",
     "Its all-reduce kernels: the first of these that the chip's collectives have; default: those of the chip."},
    {"engine", "experts", "list of text", "[]",
     "Kernels of the routed experts where every chip has every token: for each format the first of these that the "
     "chip's moe_of has, or default, the chip's moe; where tokens are dispatched it is always the chip's moe."},
    {"engine", "one_shot_tokens", "count", "0",
     "Among more than two ranks, all-reduces of so many tokens take one shot, larger ones the library; 0: the "
     "quicker."},
    {"engine", "expert_exchange", "one of: all_to_all | gather", "all_to_all",
     "How attention ranks reach experts on other chips: dispatch and combine (DeepEP and its like), or gather all "
     "tokens and scatter the summed results by the library."},
    {"engine", "sampling", "one of: greedy | top_p", "greedy",
     "How every next token is chosen. top_p sorts all logits, as PyTorch does it in vLLM; needs kernels.small.top_p of "
     "the chip."},
    {"engine", "norm_in_all_reduce", "true or false", "false",
     "Norms behind an all-reduce of the engine's own kernels are part of it, where those have one, or of the chip's "
     "collectives.fused_norm up to its sizes."},
    {"engine", "quantise_in_attention", "true or false", "false",
     "Attention writes its output quantised, as the next product reads it."},
    {"engine", "flash_attention", "true or false", "false",
     "Decodes run FlashAttention instead of the kernel that the chip's attention_decode was measured with."},
    {"engine", "fp8_prompt_attention", "number", "0",
     "Prompts over an FP8 cache take so many times as long as by the chip's kernel over a BF16 cache; 0: as by its "
     "kernel over an FP8 cache (grouped-query attention)."},
    {"engine", "rotary_apart", "true or false", "false",
     "Rotary embedding, append to the KV cache and, with an FP8 cache and grouped queries, quantising the queries are "
     "kernels of their own, not one within attention."},
    {"engine", "shared_experts_beside", "count", "0",
     "Up to so many tokens of a rank, shared experts are computed beside the routed ones, on a stream of their own."},
    {"engine", "blocks", "count", kOptional, "KV blocks of an attention rank, instead of what the memory gives."},

    {"engine", "front_end", "mapping: engine.front_end", kOptional,
     "Work between users and scheduler, before the first and behind every token; none by default."},
    {"engine.front_end", "per_request", kTime, "0 s", "Parse and check a call."},
    {"engine.front_end", "per_prompt_token", kTime, "0 s", "Tokenise, for every token of the prompt."},
    {"engine.front_end", "per_output_token", kTime, "0 s", "Turn a token into text and send it."},
    {"engine.front_end", "latency", kTime, "0 s",
     "Of a call besides, in which no worker is busy: connections, queues between processes."},
    {"engine.front_end", "workers", "count", "1", "Processes of an instance that share this work."},

    // kind vllm
    {"engine", "max_num_seqs", "count", "256", "vllm: requests in a batch of one attention rank."},
    {"engine", "max_num_batched_tokens", "count", "8192", "vllm: tokens in a step of one attention rank."},
    {"engine", "long_prefill_token_threshold", "count", "0",
     "vllm: longest chunk of one prompt in a step; 0 = no limit."},
    {"engine", "reserve_full_prompt", "true or false", "true",
     "vllm: admit a request only when blocks for all of its prompt are free."},
    {"engine", "watermark", "ratio", "0", "vllm: share of all KV blocks that admission leaves free while others run."},
    {"engine", "block_tokens", "count", "16", "vllm: tokens in a KV block."},
    {"engine", "hybrid_kv_cache", "true or false", kOptional,
     "vllm: layers with a sliding window give blocks back that lie before it. Without it: where the engine can, which "
     "is "
     "without KV transfer and tiers (disable_hybrid_kv_cache_manager)."},
    {"engine", "memory_utilisation", "ratio", "0.9",
     "vllm: share of a chip's memory that the engine may take (gpu_memory_utilization)."},
    {"engine", "memory_reserve", kSize, "3 GB",
     "vllm, tensorrt_llm: of the memory, for activations, graphs and libraries. Assumed."},

    // kind sglang
    {"engine", "max_running_requests", "count", "2048",
     "sglang: requests of one attention rank that run. The engine itself takes 2,048, up to 4,096 in pools of more "
     "than four contexts."},
    {"engine", "chunked_prefill_size", "count", "8192",
     "sglang: prompt tokens in a step of one attention rank; longer prompts are cut, one at a time."},
    {"engine", "max_prefill_tokens", "count", "16384", "sglang: prompts of a batch stay below this, unless it is one."},
    {"engine", "schedule_conservativeness", "ratio", "1",
     "sglang: factor on the share (0.7, falling to 0.098) of future tokens that admission reserves."},
    {"engine", "enable_mixed_chunk", "true or false", "false",
     "sglang: decodes join a batch of prompts instead of waiting for it."},
    {"engine", "page_size", "count", "1", "sglang: tokens in a page of the KV pool."},
    {"engine", "mem_fraction_static", "ratio", kOptional,
     "sglang: share of a chip's memory for weights and KV pool; without it by the engine's own formula."},
    {"engine", "cuda_graph_max_bs", "count", kOptional,
     "sglang: largest captured batch; default: 256 with fewer than four tensor and attention ranks, else 512."},
    {"engine", "scheduler_recv_interval", "count", "1",
     "sglang: decode steps from one look at the requests that came to the next; after a batch of prompts, and when "
     "nothing runs, it looks at once."},
    {"engine", "schedule_policy", "one of: fcfs | lpm", "fcfs",
     "sglang: prompts as they came, or those with the longest prefix in the radix cache first."},
    {"engine", "num_reserved_decode_tokens", "count", "512",
     "sglang: tokens that a decode pool keeps for each request that is there or on its way, when it lets another one "
     "in."},

    {"engine", "swa_full_tokens_ratio", "ratio", "0.8",
     "sglang: tokens for which layers with a sliding window have room, by those for which the others have."},

    // kind tensorrt_llm
    {"engine", "max_batch_size", "count", "2048", "tensorrt_llm: requests in a step of one attention rank."},
    {"engine", "max_num_tokens", "count", "8192", "tensorrt_llm: tokens in a step of one attention rank."},
    {"engine", "capacity_scheduler_policy", "one of: guaranteed_no_evict | max_utilization", "guaranteed_no_evict",
     "tensorrt_llm: reserve blocks for all that a call may produce, or look one step ahead and pause."},
    {"engine", "enable_chunked_prefill", "true or false", "false", "tensorrt_llm: prompts may be cut."},
    {"engine", "context_chunking_policy", "one of: first_come_first_served | equal_progress", "first_come_first_served",
     "tensorrt_llm: which prompts get the tokens of a step, with chunked prefill."},
    {"engine", "batch_wait_timeout_iters", "count", "0",
     "tensorrt_llm: steps that prompts wait at most for a fuller step, while others generate."},
    {"engine", "batch_wait_max_tokens_ratio", "ratio", "0",
     "tensorrt_llm: share of max_num_tokens from which a step is full enough."},
    {"engine", "attention_dp_balance", "true or false", "false",
     "tensorrt_llm: attention ranks hold their prompts until each has one (attention_dp_config: enable_balance)."},
    {"engine", "attention_dp_timeout_iters", "count", "50",
     "tensorrt_llm: steps that they hold them at most (attention_dp_config: timeout_iters)."},
    {"engine", "attention_dp_batching_wait_iters", "count", "10",
     "tensorrt_llm: steps that they go on holding them when each has one (attention_dp_config: batching_wait_iters)."},
    {"engine", "tokens_per_block", "count", "32", "tensorrt_llm: tokens in a KV block."},
    {"engine", "free_gpu_memory_fraction", "ratio", "0.9",
     "tensorrt_llm: share that the KV cache takes of the memory beside weights and reserve."},
    {"engine", "cuda_graph_max_batch_size", "count", "128", "tensorrt_llm: largest captured batch."},
    {"engine", "cuda_graph_padding", "true or false", "false",
     "tensorrt_llm: pad batches to captured sizes; without it only batches of such a size replay a graph."},
});

}  // namespace

std::span<const Key> engine_keys() { return kKeys; }

}  // namespace tokenyard::config
