#pragma once

#include "models/cost/attention.hpp"
#include "models/cost/communication_table.hpp"
#include "models/cost/exchange.hpp"
#include "models/cost/graph_padding.hpp"
#include "models/cost/latent_products.hpp"
#include "models/cost/micro_batches.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/token_table.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tokenyard::cost {

/// The price of a step of an instance whose attention and FFN stand on chips of their own (StepCostSpec::ffn): a step's
/// batch is cut in micro-batches that go round between both sides layer by layer (round_trips()). Per layer and
/// micro-batch of b tokens on a rank, B on all:
///   attention side   projections, attention, router, small kernels, all-reduces of the tensor group, of the slowest
///   rank way out          B tokens to the chips of their experts, each once a chip that holds one; by the kernel that
///                    decode steps of the attention chips dispatch with: launch, and the bytes at the fuller port of
///                    both sides, sending or receiving
///   FFN side         routed experts dealt to all its chips, for B tokens; shared experts and dense FFN split over
///                    the chips of a tensor group, whole where it is one chip, for the B / groups tokens of each
///   between them     chips that share matrices gather tokens and add up results (ffn_groups.hpp), beside the products
///                    of other micro-batches
///   way back         as the way out, in BF16, by the kernel the FFN chips combine with
/// and once a step head and sampling on the attention side, and the host. Every micro-batch reads the weights anew.
/// Leaves out: launches without graphs, SMs that sending keeps from computing, and both sides' small kernels apart:
/// those of the FFN count on the attention side. Sources: MegaScale-Infer, arXiv 2504.02263 (ping-pong of
/// micro-batches, M-to-N sending); Step-3, arXiv 2507.19427.
class AttentionFfn final : public StepCost {
 public:
  /// Throws SpecError("ffn" | "weights" | ...). REQUIRES: spec.ffn.
  explicit AttentionFfn(const StepCostSpec& spec);

  [[nodiscard]] SimTime step(std::span<const StepShape> ranks) const override;
  [[nodiscard]] SimTime step(const StepShape& shape) const override { return step({&shape, 1}); }
  [[nodiscard]] Bytes traffic(std::span<const StepShape> ranks) const override;

  /// What the ways out and back, and FFN chips that share matrices, add to the step: its price less that with all of
  /// them taking no time. All-reduces of the attention side's tensor groups are left out.
  [[nodiscard]] SimTime exposed(std::span<const StepShape> ranks) const override;

  /// What all-reduces of the attention side's tensor groups, and both ways, send. Ways go to all chips of the other
  /// side at once.
  [[nodiscard]] Communication communication(std::span<const StepShape> ranks) const override;
  /// The same of all chips, and what FFN chips that share matrices send each other.
  [[nodiscard]] CollectiveBytes bytes(std::span<const StepShape> ranks) const override;
  /// Exact: all ways of the step are that much longer by equal parts, and micro-batches hide what they can.
  [[nodiscard]] SimTime longer(std::span<const StepShape> ranks, Seconds out, Seconds back) const override;

  [[nodiscard]] std::optional<StepTrips> trips(std::span<const StepShape> ranks) const override;

  /// The step taken apart: what one micro-batch takes in all layers, by place, with what one chip there computes and
  /// moves for it; what it waits for others; head; host.
  [[nodiscard]] std::vector<CostLine> explain(std::span<const StepShape> ranks) const;

  /// Weights on one attention chip, and on one chip of an FFN side that is split as FfnSide::plan says.
  [[nodiscard]] static Bytes attention_weights(const models::LlmSpec& llm, const models::ParallelPlan& plan,
                                               const models::Precision& precision);
  [[nodiscard]] static Bytes ffn_weights(const models::LlmSpec& llm, const models::ParallelPlan& side,
                                         const models::Precision& precision);

 private:
  /// A step, ready to be played.
  struct Load {
    std::uint32_t micro_batches = 1;
    std::array<LayerTrips, 2> layers;  ///< dense, MoE
    double head = 0;                   ///< ns
    double host = 0;
    std::uint32_t tokens = 0;    ///< of all ranks
    std::uint32_t largest = 0;   ///< of the rank with the most
    std::uint32_t together = 0;  ///< the same of a micro-batch
  };
  [[nodiscard]] Load load(std::span<const StepShape> ranks) const;
  [[nodiscard]] SimTime price(const Load& load) const;
  /// Of one chip of each side in one micro-batch, all layers; of the head.
  [[nodiscard]] std::array<Roofline, 3> rooflines(std::span<const StepShape> ranks) const;
  [[nodiscard]] Bytes way_bytes_of(const Load& load, Direction way, bool moe) const;

  StepCostSpec spec_;
  GraphPadding graphs_;
  LatentProducts latents_;
  Attention attention_;
  std::array<TokenTable, 2> local_;  // ns a layer, of a micro-batch's tokens of a rank; dense, MoE
  std::array<TokenTable, 2> send_;   // ns a layer, of all ranks' tokens of a micro-batch, and so the two below
  std::array<TokenTable, 2> ffn_;
  std::array<TokenTable, 2> share_;
  std::array<TokenTable, 2> back_;
  std::array<PortBytes, 2> ffn_sent_;  // between FFN chips, of a token in a dense and in a MoE layer
  PortLoadTable tensor_;               // of an attention chip, of its rank's tokens
  TokenTable head_;
  TokenTable expert_weights_;  // bytes on all chips in all layers, likewise
  double rank_weights_;        // bytes, on all chips of a rank, in all layers
  double shared_weights_;      // bytes on all FFN chips in all layers
};

}  // namespace tokenyard::cost
