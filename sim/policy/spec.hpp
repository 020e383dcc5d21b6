#pragma once

#include <cstdint>
#include <variant>

namespace tokenyard::policy {

enum class QueueOrder : std::uint8_t { FirstCome, Priority };

/// The rules of vLLM v1 (docs/engines.md); names follow its own flags.
struct VllmSpec {
  std::uint32_t max_num_seqs = 256;
  std::uint32_t max_num_batched_tokens = 8192;
  std::uint32_t long_prefill_token_threshold = 0;  ///< longest chunk of one prompt in a step; 0 = no limit
  bool reserve_full_prompt = true;                 ///< admit only when blocks for the whole prompt are free
  double watermark = 0.0;                          ///< share of all blocks that admission leaves free
  QueueOrder order = QueueOrder::FirstCome;
};

/// The rules by which an engine forms steps, one alternative an engine.
using RulesSpec = std::variant<VllmSpec>;

/// Most requests in the batch of one attention rank.
[[nodiscard]] std::uint32_t max_sequences(const RulesSpec& spec);
/// Most tokens that a step of one attention rank may hold.
[[nodiscard]] std::uint32_t max_step_tokens(const RulesSpec& spec);

enum class RouterKind : std::uint8_t {
  RoundRobin,
  Random,
  LeastOutstandingTokens,
  SessionAffinity,
  VllmScore,
  PrefixAware,
  KvAware,
};

/// Throws SpecError: fewer tokens than sequences a step, watermark outside [0, 1) ...
void validate(const VllmSpec& spec);
void validate(const RulesSpec& spec);

}  // namespace tokenyard::policy
