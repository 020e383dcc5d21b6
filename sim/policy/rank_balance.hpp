#pragma once

#include "sim/policy/spec.hpp"

#include <cstdint>
#include <optional>

namespace tokenyard::policy {

/// Attention ranks in lockstep that wait for each other with their prompts, so that a step which computes prompts does
/// so on all of them. While some rank has none that can start, the others' are held back, attention_dp_timeout_iters
/// steps at most; the count runs on when nobody has any. When all have one and all generate, they are held for another
/// attention_dp_batching_wait_iters steps, for more to come. Where a rank has nothing to generate, nobody is held.
/// Source: TensorRT-LLM, tensorrt_llm/_torch/pyexecutor/py_executor.py, _balance_adp_requests, as restated in
/// docs/engines.md. Leaves out: full batches, in which the engine holds prompts as well.
class RankBalance {
 public:
  /// Of all ranks, as the next step is composed.
  struct Ranks {
    bool all_start = true;     ///< each has a prompt that can start or go on
    bool all_generate = true;  ///< each has a request that decodes
  };

  explicit RankBalance(const TrtllmSpec& spec)
      : timeout_(spec.attention_dp_timeout_iters), batching_(spec.attention_dp_batching_wait_iters) {}

  /// Whether this step's prompts are held back. To be asked once a step, also of those without any prompt.
  bool holds(const Ranks& ranks) {
    if (ranks.all_start) {
      waited_ = 0;
      if (!ranks.all_generate) return false;
      if (batched_ < batching_) {
        ++batched_;
        return true;
      }
      batched_ = 0;
      return false;
    }
    if (++waited_ < timeout_ && ranks.all_generate) return true;
    waited_ = 0;
    return false;
  }

 private:
  std::uint32_t timeout_;
  std::uint32_t batching_;
  std::uint32_t waited_ = 0;
  std::uint32_t batched_ = 0;
};

/// Nothing where the ranks do not wait for each other, or there is one.
[[nodiscard]] inline std::optional<RankBalance> rank_balance(const RulesSpec& rules, std::uint32_t ranks) {
  const auto* spec = std::get_if<TrtllmSpec>(&rules);
  if (spec == nullptr || !spec->attention_dp_balance || ranks < 2) return std::nullopt;
  return RankBalance(*spec);
}

}  // namespace tokenyard::policy
