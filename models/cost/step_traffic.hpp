#pragma once

#include "models/base/units.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/token_table.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tokenyard::cost {

class StepParts;

/// What the chips read from memory in a step of make_kernel_sum(), compiled (StepCost::traffic()).
class StepTraffic {
 public:
  StepTraffic(const StepCostSpec& spec, const StepParts& parts);

  [[nodiscard]] bool has_experts() const { return has_experts_; }

  /// Whole bytes of a step of these ranks whose experts see `tokens`, padded ones included; `tokens` does not count
  /// without experts.
  [[nodiscard]] Bytes operator()(std::span<const StepShape> ranks, std::uint32_t tokens) const;

  /// Exactly the sum over a run of steps as StepCost::decode_run_traffic() has them, the first of which reads `first`.
  /// REQUIRES: steps > 0.
  [[nodiscard]] std::uint64_t of_run(std::uint32_t decodes, std::uint64_t first_context, std::uint64_t steps,
                                     Bytes first) const;

 private:
  /// What decodes read of the KV cache in layers that see the same part of it; whole bytes, so that sums are exact.
  struct KvReads {
    std::uint64_t per_context = 0;  // bytes a cached token, all these layers, all chips of a rank
    std::uint64_t window = 0;       // tokens that a decode sees

    [[nodiscard]] std::uint64_t bytes(std::uint64_t decodes, std::uint64_t context) const;
    /// Sum of bytes() over `steps` steps, in each of which the context has grown by `decodes`.
    [[nodiscard]] std::uint64_t run_bytes(std::uint64_t decodes, std::uint64_t context, std::uint64_t steps) const;
  };
  static std::vector<KvReads> kv_reads(const StepCostSpec& spec);

  bool has_experts_;
  Bytes rank_weights_;         // without routed experts, all chips of a rank
  TokenTable expert_weights_;  // bytes, all chips, of all ranks' tokens
  std::vector<KvReads> kv_reads_;
};

}  // namespace tokenyard::cost
