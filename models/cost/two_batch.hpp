#pragma once

#include "models/cost/attention.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/step_shape.hpp"
#include "models/cost/token_table.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tokenyard::cost {

/// The MoE layers of a step as two half batches, each computed while the other's tokens are on their way to experts or
/// back. Per layer both halves compute for C = 2*comp and exchange for X = 2*comm; the exchange's kernels keep `f` of
/// the chip from computation while they run. Neither stream can end before its own work is done, so the layers take
///   max( X , C + f*X ) , and in the end the last half's exchange of one layer, behind which nothing is left to hide
///   it.
/// Halves are not half price: each reads the weights, pays every floor and exchanges on its own. Dense layers and head
/// are not split. f: DeepEP's normal kernels take 24 of an H100's 132 SMs (its README); its low-latency kernels none
/// between sending and receiving, so f is 0 in steps that only decode.
struct TwoBatchTime {
  double comp = 0;    ///< ns of one half in all MoE layers
  double comm = 0;    ///< likewise
  double layers = 1;  ///< MoE layers
  double share = 0;   ///< f

  [[nodiscard]] double hidden() const { return 2.0 * (comp + comm) - total(); }
  [[nodiscard]] double total() const { return std::max(2.0 * comm, 2.0 * comp + share * 2.0 * comm) + comm / layers; }
};

/// Whether a step with or without prompt tokens is split.
[[nodiscard]] inline bool splits(const TwoBatchOverlap& overlap, bool prompts) {
  return prompts ? overlap.prefill : overlap.decode;
}
[[nodiscard]] inline AttentionWork half_of(const AttentionWork& work) {
  AttentionWork half = work;  // whose longest sequences stay
  for (double* const sum : {&half.sequences, &half.context, &half.chunks, &half.tokens, &half.area_x2, &half.keys}) {
    *sum *= 0.5;
  }
  return half;
}

/// Compiled tables of the halves.
class TwoBatch {
 public:
  TwoBatch(const StepCostSpec& spec, const StepParts& parts, std::uint32_t largest, std::uint32_t largest_shared);

  // Nanoseconds, of the tokens of the whole batch.

  /// Half a rank's part of the MoE layers without attention; its dense layers, unsplit.
  [[nodiscard]] double half(std::uint32_t tokens) const { return moe_((tokens + 1) / 2); }
  [[nodiscard]] double dense(std::uint32_t tokens) const { return dense_(tokens); }
  /// Half of what all ranks do together.
  [[nodiscard]] double experts(std::uint32_t tokens) const { return experts_((tokens + 1) / 2); }
  [[nodiscard]] double exchange(std::uint32_t tokens, bool prompts) const {
    return prompts ? exchange_prompts_((tokens + 1) / 2) : exchange_((tokens + 1) / 2);
  }
  /// MoE layers among all that have attention.
  [[nodiscard]] double moe_share() const { return moe_share_; }
  [[nodiscard]] double moe_layers() const { return moe_layers_; }

 private:
  double moe_layers_;
  double moe_share_;
  TokenTable moe_;
  TokenTable dense_;
  TokenTable experts_;
  TokenTable exchange_;
  TokenTable exchange_prompts_;
};

}  // namespace tokenyard::cost
