#pragma once

#include "models/cost/attention.hpp"
#include "models/cost/latent_products.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/step_shape.hpp"
#include "models/cost/token_table.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
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
///
/// Where the cores of a chip are dealt out (TwoBatchOverlap::attention_cores), attention of one half runs beside
/// router, dispatch, experts and combine of the other, each on its cores: with A of one half's attention and B = comp +
/// comm of the rest, two streams hand the halves to each other, so the layers take
///   2*max( A , B ) , and one layer's shorter stream, in which the other has nothing to do yet.
/// Each stream's products and attention have its share of the chip's FLOP/s; bandwidth, floors and exchange stay whole:
/// the streams seldom need it at the same time, and how few cores can draw it all is not told. Source:
/// CloudMatrix-Infer (arXiv 2506.12708, section 4.2.3) deals 16 of a die's 24 cube and 32 of its 48 vector cores to
/// attention, the rest to the experts, and reports about 600 us a layer for either stream.
struct TwoBatchTime {
  double comp = 0;       ///< ns of one half in all MoE layers, without `attention`
  double comm = 0;       ///< likewise
  double layers = 1;     ///< MoE layers
  double share = 0;      ///< f
  double attention = 0;  ///< ns of one half's attention; 0 where it is part of comp
  bool dealt = false;    ///< cores are dealt out

  [[nodiscard]] double hidden() const { return 2.0 * (attention + comp + comm) - total(); }
  [[nodiscard]] double total() const {
    if (dealt) return 2.0 * std::max(attention, comp + comm) + std::min(attention, comp + comm) / layers;
    const double computed = attention + comp;
    return std::max(2.0 * comm, 2.0 * computed + share * 2.0 * comm) + comm / layers;
  }
};

/// Whether a step with or without prompt tokens is split.
[[nodiscard]] inline bool splits(const TwoBatchOverlap& overlap, bool prompts) {
  return prompts ? overlap.prefill : overlap.decode;
}
/// Whether its halves have cores of their own.
[[nodiscard]] inline bool deals(const TwoBatchOverlap& overlap, bool prompts) {
  return !prompts && overlap.attention_cores > 0.0;
}
[[nodiscard]] inline AttentionWork half_of(const AttentionWork& work) {
  AttentionWork half = work;  // whose longest sequences stay
  for (double* const sum : {&half.sequences, &half.context, &half.chunks, &half.tokens, &half.area_x2, &half.keys}) {
    *sum *= 0.5;
  }
  return half;
}

/// `spec` with so much of its chip's cores. Throws SpecError("engine.attention_cores", ...) for a chip whose thread
/// blocks are counted, which do not run at a share of a multiprocessor.
[[nodiscard]] StepCostSpec with_cores(const StepCostSpec& spec, double share);

/// One rank's part of the MoE layers of half its batch, ns.
struct RankHalf {
  double attention = 0;  ///< where cores are dealt out
  double comp = 0;       ///< the rest: all of it, or router and shared experts

  [[nodiscard]] double total() const { return attention + comp; }
};

/// Compiled tables of the halves.
class TwoBatch {
 public:
  TwoBatch(const StepCostSpec& spec, const StepParts& parts, std::uint32_t largest, std::uint32_t largest_shared);

  // Nanoseconds, of the tokens of the whole batch.

  /// A rank that computes `own` tokens of a step with or without prompts.
  [[nodiscard]] RankHalf half(const StepShape& shape, std::uint32_t own, bool prompts) const;
  /// What that rank computes unsplit in its dense layers.
  [[nodiscard]] double dense(const StepShape& shape, std::uint32_t own) const;
  /// The layers of a step whose slowest rank takes `half`, all ranks together holding `tokens`.
  [[nodiscard]] TwoBatchTime time(const RankHalf& half, std::uint32_t tokens, bool prompts) const;
  [[nodiscard]] double exchange(std::uint32_t tokens, bool prompts) const {
    return prompts ? exchange_prompts_((tokens + 1) / 2) : exchange_((tokens + 1) / 2);
  }

 private:
  /// Both streams of decodes, each at its share of the cores.
  struct Dealt {
    Dealt(const StepCostSpec& attention, const StepParts& attention_parts, const StepParts& ffn_parts,
          std::uint32_t largest, std::uint32_t largest_shared);

    TokenTable local;
    LatentProducts latents;
    Attention attention;
    TokenTable ffn;
    TokenTable experts;
  };

  TwoBatchOverlap overlap_;
  double moe_layers_;
  double moe_share_;  // MoE layers among all that have attention
  TokenTable moe_;    // a rank's part of the MoE layers without attention
  TokenTable dense_;
  TokenTable experts_;
  TokenTable exchange_;
  TokenTable exchange_prompts_;
  LatentProducts latents_;
  Attention attention_;
  std::optional<Dealt> dealt_;
};

}  // namespace tokenyard::cost
