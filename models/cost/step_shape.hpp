#pragma once

#include <algorithm>
#include <cstdint>

namespace tokenyard::cost {

/// Which steps' prices ask for StepShape::longest_context; of others it may be left 0, which changes none.
enum class AsksLongest : std::uint8_t { Never, WithPrompts, Always };

/// Whether prompts of `tokens` that see `keys` are computed absorbed (StepCostSpec::absorbed_prefix_below).
[[nodiscard]] inline bool absorbs_prompts(double tokens, double keys, double below) {
  return keys > tokens && keys - tokens < below;
}

/// What one attention rank computes in one step, summed over its sequences: all that a price depends on. The longest of
/// each kind and the keys of prompts may be left 0: all are then taken as alike.
struct StepShape {
  std::uint32_t decodes = 0;          ///< sequences that compute one token, and verify their drafts where there are any
  std::uint64_t decode_context = 0;   ///< sum of their contexts, the new token included
  std::uint32_t longest_context = 0;  ///< of the decodes, the new token included
  std::uint32_t chunks = 0;           ///< prompt chunks
  std::uint32_t prefill_tokens = 0;   ///< sum of the chunks' lengths q
  std::uint64_t prefill_area_x2 = 0;  ///< sum of q*(2*prefix + q): twice the area of the causal trapezium
  std::uint64_t prompt_keys = 0;      ///< sum of prefix + q
  std::uint32_t longest_chunk = 0;    ///< largest q
  std::uint32_t longest_prompt = 0;   ///< largest prefix + q

  /// Adds a decode of `context` tokens, the new one included.
  void add_decode(std::uint32_t context) {
    ++decodes;
    decode_context += context;
    longest_context = std::max(longest_context, context);
  }
  /// Every decode has one token more.
  void grow() {
    decode_context += decodes;
    if (longest_context > 0) ++longest_context;
  }
  /// Adds a chunk of `tokens` behind `prefix` cached ones.
  void add_chunk(std::uint32_t prefix, std::uint32_t tokens) {
    ++chunks;
    prefill_tokens += tokens;
    prefill_area_x2 += std::uint64_t{tokens} * (2 * std::uint64_t{prefix} + tokens);
    prompt_keys += prefix + tokens;
    longest_chunk = std::max(longest_chunk, tokens);
    longest_prompt = std::max(longest_prompt, prefix + tokens);
  }
  [[nodiscard]] std::uint32_t tokens() const { return decodes + prefill_tokens; }
  /// Keys that its prompts see, or what those of chunks are which are all alike: area = q (2 prefix + q) makes chunk
  /// and prefix of one (area / q + q) / 2, and of several so many times that.
  [[nodiscard]] double keys_of_prompts() const {
    if (prefill_tokens == 0) return 0.0;
    if (prompt_keys > 0) return static_cast<double>(static_cast<std::int64_t>(prompt_keys));
    const double q = prefill_tokens;
    return 0.5 * (static_cast<double>(static_cast<std::int64_t>(prefill_area_x2)) / q * chunks + q);
  }
};

}  // namespace tokenyard::cost
