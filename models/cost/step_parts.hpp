#pragma once

#include "models/base/price_basis.hpp"
#include "models/base/units.hpp"
#include "models/cost/attention.hpp"
#include "models/cost/latent_work.hpp"
#include "models/cost/layer_work.hpp"
#include "models/cost/network_figures.hpp"
#include "models/cost/priced.hpp"
#include "models/cost/step_cost.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace tokenyard::cost {

/// A named part of a step's price, over all layers.
struct Part {
  std::string_view name;
  Seconds time;
  PriceFamily family = PriceFamily::Products;
  Seconds outside{};    ///< of the time: priced outside of what was measured
  Seconds table{};      ///< of the time: from the user's own table
  Roofline roofline{};  ///< what the part computes and moves on one chip; of what sends, and of waits, nothing

  /// Both under the name and family of the first.
  Part& operator+=(const Part& other);
  friend Part operator+(Part a, const Part& b) { return a += b; }
  friend Part operator*(double factor, Part part);
};
[[nodiscard]] Seconds total(const std::vector<Part>& parts);
/// Adds `more` to `parts`, to those of the same name where there are some.
void append(std::vector<Part>& parts, const std::vector<Part>& more);
/// Keys that engines expand at once: the workspace of vllm (mla_attention.py,
/// determine_chunked_prefill_workspace_size).
inline constexpr std::uint32_t kExpandedAtOnce = 64 * 1024;

/// The part of an exchange that takes tokens to their experts.
inline constexpr std::string_view kDispatch = "dispatch";

/// All of `parts` as one of this name.
[[nodiscard]] Part as_one(std::string_view name, const std::vector<Part>& parts);

/// A step's parts straight from the formulas: what the compiled price is made of, and what explain_step() shows.
class StepParts {
 public:
  /// Throws SpecError("weights" | "experts" | "kv", ...) when the chip lacks a kernel that spec needs.
  /// REQUIRES: the network's groups have the plan's numbers of ranks.
  explicit StepParts(const StepCostSpec& spec);

  /// What one rank computes and exchanges for `tokens` of its own: projections, dense FFN, router, shared experts,
  /// small kernels, all-reduces of its tensor group, of each chip's share of the tokens; a hop for each stage (the last
  /// one takes the tokens back).
  [[nodiscard]] std::vector<Part> local(double tokens) const;
  /// The same for the layers of one stage, with one hop.
  [[nodiscard]] std::vector<Part> local(double tokens, const models::StageLayers& stage) const;
  /// Of the MoE layers in local(tokens): attention's kernels with what is sent, and those of the FFN (router, shared
  /// experts).
  [[nodiscard]] std::vector<Part> local_attention(double tokens) const;
  /// Of local_attention(tokens) what stands before attention: products, and all small kernels but what quantises its
  /// output, the norm before the FFN too.
  [[nodiscard]] std::vector<Part> local_prepare(double tokens) const;
  [[nodiscard]] std::vector<Part> local_ffn(double tokens) const;
  /// Of local(tokens) what is sent: all-reduces and hops.
  [[nodiscard]] std::vector<Part> local_sent(double tokens) const;
  /// Of latent attention, what stands between latents and heads: for `rows` of tokens, absorbed; for `keys`, expanded,
  /// kExpandedAtOnce at most at once; for both as `work` has them. Empty where attention is not latent.
  [[nodiscard]] std::vector<Part> absorbed(double rows) const;
  [[nodiscard]] std::vector<Part> expanded(double keys) const;
  [[nodiscard]] std::vector<Part> latents(const LatentWork& work) const;
  /// What all ranks do together for `tokens` of the whole instance: routed experts, their exchange by the kernel of
  /// steps with or without `prompts`. Empty when dense.
  [[nodiscard]] std::vector<Part> shared(double tokens, bool prompts = false) const;
  /// Of these the experts alone, and what is sent.
  [[nodiscard]] std::vector<Part> experts(double tokens) const;
  [[nodiscard]] std::vector<Part> exchange(double tokens, bool prompts = false) const;
  /// LM head of `rows` tokens of one rank: product, its logits gathered from the tensor ranks by the library (as vLLM,
  /// SGLang and TensorRT-LLM do), greedy sampling.
  [[nodiscard]] std::vector<Part> head(double rows) const;
  /// Decode and context attention of one rank, or what takes both in one launch; only what there is.
  [[nodiscard]] std::vector<Part> attention(const AttentionWork& work) const;

  /// Kernels that one pass launches when no graph replays them.
  [[nodiscard]] double kernels() const;

  /// Weights that all chips of one attention rank read in a pass: all but the routed experts.
  [[nodiscard]] Bytes rank_weights() const;
  /// Weights of routed experts that all chips read in a pass of `tokens`.
  [[nodiscard]] Bytes expert_weights(double tokens) const;

 private:
  void check_kernels() const;
  /// Whether chips of a stage hold different tokens.
  [[nodiscard]] bool spreads_tokens() const { return spec_.plan.attention_data * spec_.plan.context > 1; }
  [[nodiscard]] std::vector<Part> local(double tokens, double dense, double moe, double hops) const;
  /// Layers whose kernels count, by LayersOf.
  struct Layers {
    double all = 0.0;
    double dense = 0.0;
    double moe = 0.0;
  };
  /// `all`: also what stands behind attention.
  [[nodiscard]] std::vector<Part> computed(double tokens, const Layers& of, bool all = true) const;
  /// Of the ranks that hold routed experts, or, where they do more, of those that hold the shared ones.
  [[nodiscard]] ExpertLoad busiest_load(double tokens) const;
  void add_expanded(double times, double keys, std::vector<Part>& parts) const;
  void add_sent(double tokens, double dense, double moe, double hops, std::vector<Part>& parts) const;
  /// `tokens` of this product in one layer.
  [[nodiscard]] Priced multiplied(const Product& product, double tokens) const;
  [[nodiscard]] Priced reduce(double tokens, const GroupLinks& links) const;
  [[nodiscard]] PricedKernels priced() const { return PricedKernels(spec_.chip, spec_.profile); }
  /// Whether the norms behind the all-reduce of `tokens` are part of it.
  /// The kernel that adds up the activations of these tokens and normalises them besides; nullptr: norms are apart.
  [[nodiscard]] const models::AllReduceCoefficients* norms_in_reduce_of(double tokens) const;
  [[nodiscard]] bool left_out(const Pointwise& kernel, bool norms_in_reduce) const;
  /// What shared experts spare when they run beside the routed ones, a layer: as much of their products as fits into
  /// the launches of the experts, which leave the chip idle. The rest shares the chip with them, and spares nothing.
  [[nodiscard]] Priced beside_experts(double tokens) const;

  StepCostSpec spec_;
  MoeShape experts_;
  std::optional<ExpertLoads> expert_loads_;  // of a model with experts
  LayerWork work_;
  Product head_;
};

}  // namespace tokenyard::cost
