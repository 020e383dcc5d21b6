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

/// One rank's part of the MoE layers of half its batch, ns.
struct RankHalf {
  double prepare = 0;  ///< from a layer's input to queries, keys and latents: with half of the absorbed products
  double attend = 0;   ///< attention and its output product; where cores are dealt out, prepare too
  double ffn = 0;      ///< router and shared experts

  [[nodiscard]] double total() const { return prepare + attend + ffn; }
};

/// The MoE layers of a step as two half batches, A and B, that compute in turn while the other's tokens are on their
/// way to experts or back. Halves are not half price: each reads the weights, pays every floor and exchanges on its
/// own. Dense layers and head are not split.
///
/// What hides what follows from the order in which engines take the stages of a layer. With P, K and S of a half's
/// prepare, attend and ffn, E its experts, d and c its tokens' way out and back:
///
/// Decodes: P | K | send, S | receive, E, send back | receive back, B two stages behind A. Nothing but S and the other
/// half's P stands between sending and receiving, nothing but the other half's K on the way back, so a layer takes
///   2*( P + S + K + E + max(0, d - S - P) + max(0, c - K) )
/// and in the last one B's way out has S to hide behind, its way back nothing.
///
/// Prompts: P, K | receive, E | S, receive back, and the next layer's P, K; B after A in each. The exchange has a
/// stream of its own, which takes A's and B's way out and A's and B's way back one after the other; the layers are
/// played, six of them, and the others take what the sixth took. While they run, its kernels keep a share f of the
/// chip from computation.
///
/// f: DeepEP's normal kernels take 24 of an H100's 132 SMs (its README). Its low-latency kernels take none between
/// sending and receiving, so f is 0 in steps that only decode; what sending and receiving take of the SMs is left out
/// (LMSYS, "DeepSeek on 96 H100": 0.06 ms of a dispatch). Source of the orders: sglang (commit 0e02cef9),
/// python/sglang/srt/batch_overlap/operations_strategy.py and operations.py, which names them after DeepSeek's of
/// open-infra-index, day 6 (attention in two steps, five stages).
///
/// Where the cores of a chip are dealt out (TwoBatchOverlap::attention_cores), attention of one half runs beside
/// router, dispatch, experts and combine of the other, each on its cores: with A of one half's attention and B of the
/// rest, two streams hand the halves to each other, so the layers take
///   2*max( A , B ) , and one layer's shorter stream, in which the other has nothing to do yet.
/// Each stream's products and attention have its share of the chip's FLOP/s; bandwidth, floors and exchange stay whole:
/// the streams seldom need it at the same time, and how few cores can draw it all is not told. Source:
/// CloudMatrix-Infer (arXiv 2506.12708, section 4.2.3) deals 16 of a die's 24 cube and 32 of its 48 vector cores to
/// attention, the rest to the experts, and reports about 600 us a layer for either stream.
struct TwoBatchTime {
  enum class Order : std::uint8_t { Decodes, Prompts, Dealt };

  RankHalf rank;  ///< all ns, of one half in all MoE layers
  double experts = 0;
  double dispatch = 0;  ///< the way out
  double combine = 0;   ///< the way back
  double layers = 1;    ///< MoE layers
  double share = 0;     ///< f, of prompts
  Order order = Order::Decodes;

  [[nodiscard]] double exchange() const { return dispatch + combine; }
  [[nodiscard]] double hidden() const { return 2.0 * (rank.total() + experts + exchange()) - total(); }
  [[nodiscard]] double total() const;
};

/// Whether a step with or without prompt tokens is split.
[[nodiscard]] inline bool splits(const TwoBatchOverlap& overlap, bool prompts) {
  return prompts ? overlap.prefill : overlap.decode;
}
/// Whether its halves have cores of their own.
[[nodiscard]] inline bool deals(const TwoBatchOverlap& overlap, bool prompts) {
  return !prompts && overlap.attention_cores > 0.0;
}
[[nodiscard]] inline TwoBatchTime::Order order(const TwoBatchOverlap& overlap, bool prompts) {
  if (prompts) return TwoBatchTime::Order::Prompts;
  return deals(overlap, prompts) ? TwoBatchTime::Order::Dealt : TwoBatchTime::Order::Decodes;
}
/// Of the parts of an exchange, what goes out and what comes back.
struct BothWays {
  Seconds out;
  Seconds back;
};
[[nodiscard]] BothWays both_ways(const std::vector<Part>& exchange);

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
    const WaysTable& ways = prompts ? prompts_ : decodes_;
    return ways.out((tokens + 1) / 2) + ways.back((tokens + 1) / 2);
  }

 private:
  /// both_ways(), of all ranks' tokens.
  struct WaysTable {
    WaysTable(const StepParts& parts, std::uint32_t largest, bool prompts);

    TokenTable out;
    TokenTable back;
  };
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
  double moe_share_;    // MoE layers among all that have attention
  TokenTable prepare_;  // a rank's part of the MoE layers without attention and its latents
  TokenTable attend_;
  TokenTable ffn_;
  TokenTable dense_;
  TokenTable experts_;
  WaysTable decodes_;
  WaysTable prompts_;
  LatentProducts latents_;
  Attention attention_;
  std::optional<Dealt> dealt_;
};

}  // namespace tokenyard::cost
