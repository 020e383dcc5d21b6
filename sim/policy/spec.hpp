#pragma once

#include "sim/kv/block_layout.hpp"

#include <cstdint>
#include <optional>
#include <variant>

namespace tokenyard::policy {

/// Who is served first, and preempted last.
enum class QueueOrder : std::uint8_t {
  FirstCome,
  Priority,  ///< the lower number, then first come
  Deadline,  ///< the earlier arrival + TTFT target of its class, in whole milliseconds, then first come
};

/// The rules of vLLM v1 (docs/engines.md); names follow its own flags.
struct VllmSpec {
  std::uint32_t max_num_seqs = 256;
  std::uint32_t max_num_batched_tokens = 8192;
  std::uint32_t long_prefill_token_threshold = 0;  ///< longest chunk of one prompt in a step; 0 = no limit
  bool reserve_full_prompt = true;                 ///< admit only when blocks for the whole prompt are free
  double watermark = 0.0;                          ///< share of all blocks that admission leaves free
  QueueOrder order = QueueOrder::FirstCome;
};

/// Which prompt SGLang tries first.
enum class PromptOrder : std::uint8_t {
  FirstCome,
  LongestPrefix,  ///< that with the most tokens in the radix cache
};

/// The rules of SGLang's scheduler (docs/engines.md); names follow its own flags.
struct SglangSpec {
  std::uint32_t max_running_requests = 2048;
  std::uint32_t chunked_prefill_size = 8192;  ///< prompt tokens of a prefill batch; longer prompts are cut
  std::uint32_t max_prefill_tokens = 16384;   ///< a prefill batch of several prompts stays below it
  double schedule_conservativeness = 1.0;     ///< factor on the share of future tokens that admission reserves
  bool enable_mixed_chunk = false;            ///< decodes join a prefill batch instead of waiting for it
  std::uint32_t scheduler_recv_interval = 1;  ///< decode steps from one look at new requests to the next
  PromptOrder schedule_policy = PromptOrder::FirstCome;
  std::uint32_t num_reserved_decode_tokens = 512;  ///< of a decode pool: kept for each request that is or will be there
};

enum class CapacityPolicy : std::uint8_t { GuaranteedNoEvict, MaxUtilization };
enum class ChunkingPolicy : std::uint8_t { FirstComeFirstServed, EqualProgress };

/// The rules of TensorRT-LLM's scheduler (docs/engines.md); names follow its own settings.
struct TrtllmSpec {
  std::uint32_t max_batch_size = 2048;
  std::uint32_t max_num_tokens = 8192;
  CapacityPolicy capacity_scheduler_policy = CapacityPolicy::GuaranteedNoEvict;
  bool enable_chunked_prefill = false;
  ChunkingPolicy context_chunking_policy = ChunkingPolicy::FirstComeFirstServed;
  std::uint32_t batch_wait_timeout_iters = 0;  ///< steps that prompts wait at most while others generate
  double batch_wait_max_tokens_ratio = 0.0;    ///< of max_num_tokens: a step this full does not wait
  bool attention_dp_balance = false;           ///< prompts wait for each other across attention ranks (RankBalance)
  std::uint32_t attention_dp_timeout_iters = 50;
  std::uint32_t attention_dp_batching_wait_iters = 10;
};

/// The rules by which an engine forms steps, one alternative an engine.
using RulesSpec = std::variant<VllmSpec, SglangSpec, TrtllmSpec>;

/// Most requests in the batch of one attention rank.
[[nodiscard]] std::uint32_t max_sequences(const RulesSpec& spec);
/// Most tokens that a step of one attention rank may hold.
[[nodiscard]] std::uint32_t max_step_tokens(const RulesSpec& spec);

/// Most tokens of one request that these rules let into a store of `blocks` blocks, its last output token not counted.
[[nodiscard]] std::uint64_t longest_request(const RulesSpec& spec, std::uint64_t blocks, const kv::BlockLayout& layout);

/// Tokens that a decode pool keeps free beside the prompt of a request that it lets in.
[[nodiscard]] std::uint32_t reserved_beside_prompt(const RulesSpec& spec);

/// Longest prompt that these rules take; absent = any that fits.
[[nodiscard]] std::optional<std::uint32_t> longest_prompt(const RulesSpec& spec);

enum class RouterKind : std::uint8_t {
  RoundRobin,
  Random,
  LeastOutstandingTokens,
  SessionAffinity,
  VllmScore,
  PrefixAware,
  KvAware,
  Mooncake,
};

/// Throws SpecError: fewer tokens than sequences a step, watermark outside [0, 1) ...
void validate(const VllmSpec& spec);
/// Throws SpecError: a conservativeness that is not positive.
void validate(const SglangSpec& spec);
/// Throws SpecError: fewer tokens than requests a step, a ratio outside [0, 1].
void validate(const TrtllmSpec& spec);
void validate(const RulesSpec& spec);

}  // namespace tokenyard::policy
