#include "sim/config/read_engine.hpp"

#include "sim/config/read_kv.hpp"
#include "sim/config/read_steps.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace tokenyard::config {
namespace {

using namespace std::string_view_literals;

constexpr std::uint32_t kMostRequests = 1'000'000;
constexpr std::uint32_t kMostTokens = 10'000'000;
constexpr std::uint32_t kLargestBlock = 65536;

constexpr std::array kOfVllm = {"max_num_seqs"sv,
                                "max_num_batched_tokens"sv,
                                "long_prefill_token_threshold"sv,
                                "reserve_full_prompt"sv,
                                "watermark"sv,
                                "block_tokens"sv,
                                "hybrid_kv_cache"sv,
                                "memory_utilisation"sv};
constexpr std::array kOfSglang = {"max_running_requests"sv,       "chunked_prefill_size"sv, "max_prefill_tokens"sv,
                                  "schedule_conservativeness"sv,  "enable_mixed_chunk"sv,   "page_size"sv,
                                  "mem_fraction_static"sv,        "cuda_graph_max_bs"sv,    "scheduler_recv_interval"sv,
                                  "num_reserved_decode_tokens"sv, "schedule_policy"sv,      "swa_full_tokens_ratio"sv};
constexpr std::array kOfTrtllm = {"max_batch_size"sv,
                                  "max_num_tokens"sv,
                                  "capacity_scheduler_policy"sv,
                                  "enable_chunked_prefill"sv,
                                  "context_chunking_policy"sv,
                                  "batch_wait_timeout_iters"sv,
                                  "batch_wait_max_tokens_ratio"sv,
                                  "attention_dp_balance"sv,
                                  "attention_dp_timeout_iters"sv,
                                  "attention_dp_batching_wait_iters"sv,
                                  "tokens_per_block"sv,
                                  "free_gpu_memory_fraction"sv,
                                  "cuda_graph_max_batch_size"sv,
                                  "cuda_graph_padding"sv};

/// The same thing has another name in every engine: a key of another one is told as that.
void refuse_keys_of_others(const YamlMap& map, const std::string& kind) {
  const auto refuse = [&](std::string_view other, std::span<const std::string_view> keys) {
    if (kind == other) return;
    for (const std::string_view key : keys) {
      if (map.has(key)) {
        map.fail(key, "is a setting of engines of kind " + std::string(other) + "; this one is of kind " + kind);
      }
    }
  };
  refuse("vllm", kOfVllm);
  refuse("sglang", kOfSglang);
  refuse("tensorrt_llm", kOfTrtllm);
}

/// Host work of a step: an hour of it is a slip of the unit, and sums of more leave simulated time.
Seconds read_host_time(YamlMap& map, std::string_view key) {
  const Seconds time = map.seconds(key);
  if (time > Seconds{3600.0}) map.fail(key, "is out of range; at most 1 h");
  return time;
}

void read_vllm(YamlMap& map, EngineSpec& engine) {
  engine.rules = policy::VllmSpec{.max_num_seqs = map.count("max_num_seqs", 1, kMostRequests),
                                  .max_num_batched_tokens = map.count("max_num_batched_tokens", 1, kMostTokens),
                                  .long_prefill_token_threshold = map.count("long_prefill_token_threshold", 0),
                                  .reserve_full_prompt = map.flag("reserve_full_prompt"),
                                  .watermark = map.number("watermark", 0.0, 1.0)};
  engine.block_tokens = map.count("block_tokens", 1, kLargestBlock);
  if (map.given("hybrid_kv_cache")) engine.hybrid_kv_cache = map.flag("hybrid_kv_cache");
  engine.memory.utilisation = map.number("memory_utilisation", 0.0, 1.0);
  engine.memory.reserve = map.bytes("memory_reserve");
}

void read_sglang(YamlMap& map, std::uint32_t ranks, EngineSpec& engine) {
  engine.rules = policy::SglangSpec{
      .max_running_requests = map.count("max_running_requests", 1, kMostRequests),
      .chunked_prefill_size = map.count("chunked_prefill_size", 1, kMostTokens),
      .max_prefill_tokens = map.count("max_prefill_tokens", 1, kMostTokens),
      .schedule_conservativeness = map.number("schedule_conservativeness", 0.0, 1e3),
      .enable_mixed_chunk = map.flag("enable_mixed_chunk"),
      .scheduler_recv_interval = map.count("scheduler_recv_interval", 1, 1000),
      .schedule_policy = map.choice("schedule_policy", {"fcfs", "lpm"}) == "lpm" ? policy::PromptOrder::LongestPrefix
                                                                                 : policy::PromptOrder::FirstCome,
      .num_reserved_decode_tokens = map.count("num_reserved_decode_tokens", 0, kMostTokens)};
  engine.block_tokens = map.count("page_size", 1, kLargestBlock);
  engine.swa_full_tokens_ratio = map.number("swa_full_tokens_ratio", 0.01, 1.0);
  engine.memory.utilisation.reset();
  if (map.given("mem_fraction_static")) engine.memory.utilisation = map.number("mem_fraction_static", 0.0, 1.0);
  // server_args.py of 0.5, in 2026 arg_groups cuda_graph_hook.py at 031ed82d8b5e.
  engine.graph_max = ranks < 4 ? 256 : 512;
  if (map.given("cuda_graph_max_bs")) engine.graph_max = map.count("cuda_graph_max_bs", 1, kMostRequests);
}

void read_trtllm(YamlMap& map, EngineSpec& engine) {
  const bool evicts =
      map.choice("capacity_scheduler_policy", {"guaranteed_no_evict", "max_utilization"}) == "max_utilization";
  const bool alike =
      map.choice("context_chunking_policy", {"first_come_first_served", "equal_progress"}) == "equal_progress";
  engine.rules =
      policy::TrtllmSpec{.max_batch_size = map.count("max_batch_size", 1, kMostRequests),
                         .max_num_tokens = map.count("max_num_tokens", 1, kMostTokens),
                         .capacity_scheduler_policy = evicts ? policy::CapacityPolicy::MaxUtilization
                                                             : policy::CapacityPolicy::GuaranteedNoEvict,
                         .enable_chunked_prefill = map.flag("enable_chunked_prefill"),
                         .context_chunking_policy = alike ? policy::ChunkingPolicy::EqualProgress
                                                          : policy::ChunkingPolicy::FirstComeFirstServed,
                         .batch_wait_timeout_iters = map.count("batch_wait_timeout_iters", 0),
                         .batch_wait_max_tokens_ratio = map.number("batch_wait_max_tokens_ratio", 0.0, 1.0),
                         .attention_dp_balance = map.flag("attention_dp_balance"),
                         .attention_dp_timeout_iters = map.count("attention_dp_timeout_iters", 0),
                         .attention_dp_batching_wait_iters = map.count("attention_dp_batching_wait_iters", 0)};
  engine.block_tokens = map.count("tokens_per_block", 1, kLargestBlock);
  engine.memory.utilisation = 1.0;
  engine.memory.reserve = map.bytes("memory_reserve");
  engine.memory.of_free = map.number("free_gpu_memory_fraction", 0.0, 1.0);
  engine.graph_max = map.count("cuda_graph_max_batch_size", 1, kMostRequests);
  engine.graph_padding = map.flag("cuda_graph_padding");
}

serving::FrontEndSpec read_front_end(YamlMap map) {
  const auto time = [&map](std::string_view key) { return SimTime::from(read_host_time(map, key)); };
  const serving::FrontEndSpec spec{.per_request = time("per_request"),
                                   .per_prompt_token = time("per_prompt_token"),
                                   .per_output_token = time("per_output_token"),
                                   .workers = map.count("workers", 1, 10'000),
                                   .latency = time("latency")};
  map.finish();
  return spec;
}

/// What a profile says about itself; read so that it is known, and shown in resolved().
void read_about(YamlMap& map) {
  for (const std::string_view key : {"name", "description"}) {
    if (map.given(key)) static_cast<void>(map.text(key));
  }
  if (!map.has("sources")) return;
  YamlMap sources = map.map("sources", "engine.sources");
  for (const std::string_view key : {"rules", "memory", "graphs", "host", "kernels", "front_end"}) {
    if (sources.given(key)) static_cast<void>(sources.text(key));
  }
  sources.finish();
}

}  // namespace

EngineSpec read_engine(YamlMap map, std::uint32_t ranks) {
  map.lay_over("profile", "models/catalog/engines");
  read_about(map);
  EngineSpec engine;
  const std::string kind = map.choice("kind", {"vllm", "sglang", "tensorrt_llm"});
  refuse_keys_of_others(map, kind);
  if (kind == "sglang") {
    read_sglang(map, ranks, engine);
  } else if (kind == "tensorrt_llm") {
    read_trtllm(map, engine);
  } else {
    read_vllm(map, engine);
  }
  engine.asynchronous = map.flag("async_scheduling");
  engine.graphs = map.flag("graphs");
  engine.host.per_step = read_host_time(map, "host_per_step");
  engine.host.per_sequence = read_host_time(map, "host_per_sequence");
  engine.host.overlapped = engine.asynchronous;
  read_step_keys(map, engine);
  const std::string order = map.choice("scheduling_policy", {"fcfs", "priority", "deadline"});
  engine.order = order == "fcfs"       ? policy::QueueOrder::FirstCome
                 : order == "priority" ? policy::QueueOrder::Priority
                                       : policy::QueueOrder::Deadline;
  if (auto* vllm = std::get_if<policy::VllmSpec>(&engine.rules)) vllm->order = engine.order;
  const CacheSpec cache = read_prefix_cache(map, kind);
  engine.caching = cache.caching;
  const auto* sglang = std::get_if<policy::SglangSpec>(&engine.rules);
  if (sglang != nullptr && sglang->schedule_policy == policy::PromptOrder::LongestPrefix && !engine.caching) {
    map.fail("schedule_policy", "lpm orders by what is in the radix cache; add prefix_caching: true");
  }
  engine.tiers = cache.tiers;
  engine.front_end = read_front_end(map.map_or_empty("front_end", "engine.front_end"));
  if (map.given("blocks")) engine.blocks = map.count("blocks");
  map.finish();
  map.located([&] { policy::validate(engine.rules); });
  return engine;
}

}  // namespace tokenyard::config
