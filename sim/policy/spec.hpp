#pragma once

#include <cstdint>
#include <string>

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

enum class RouterKind : std::uint8_t { RoundRobin, Random, LeastOutstandingTokens };

/// Throws SpecError: fewer tokens than sequences a step, watermark outside [0, 1) ...
void validate(const VllmSpec& spec);

}  // namespace tokenyard::policy
