#pragma once

#include <cstdint>

namespace tokenyard::cost {

/// What one attention rank computes in one step, summed over its sequences: all that a price depends on.
struct StepShape {
  std::uint32_t decodes = 0;          ///< sequences that compute one token, and verify their drafts where there are any
  std::uint64_t decode_context = 0;   ///< sum of their contexts, the new token included
  std::uint32_t chunks = 0;           ///< prompt chunks
  std::uint32_t prefill_tokens = 0;   ///< sum of the chunks' lengths q
  std::uint64_t prefill_area_x2 = 0;  ///< sum of q*(2*prefix + q): twice the area of the causal trapezium

  [[nodiscard]] std::uint32_t tokens() const { return decodes + prefill_tokens; }
};

}  // namespace tokenyard::cost
