#pragma once

#include "models/base/units.hpp"
#include "models/cost/context_tiles.hpp"
#include "models/cost/decode_grid.hpp"
#include "models/cost/latent_walk.hpp"
#include "models/cost/mixed_attention.hpp"
#include "models/cost/norm_table.hpp"
#include "models/cost/roofline.hpp"
#include "models/cost/step_cost.hpp"
#include "models/llm/architecture.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace tokenyard::cost {

/// Of a step's shape.
[[nodiscard]] inline AttentionWork attention_work(const StepShape& shape) {
  return {.sequences = 1.0 * shape.decodes,
          .context = static_cast<double>(static_cast<std::int64_t>(shape.decode_context)),
          .longest_context = 1.0 * shape.longest_context,
          .chunks = 1.0 * shape.chunks,
          .tokens = 1.0 * shape.prefill_tokens,
          .area_x2 = static_cast<double>(static_cast<std::int64_t>(shape.prefill_area_x2)),
          .keys = shape.keys_of_prompts(),
          .longest_chunk = 1.0 * shape.longest_chunk,
          .longest_prompt = 1.0 * shape.longest_prompt};
}

/// The decodes of a step without its prompts.
[[nodiscard]] inline AttentionWork decodes_of(const AttentionWork& work) {
  return {.sequences = work.sequences, .context = work.context, .longest_context = work.longest_context};
}

/// Most keys that a token of its prompts sees; that of chunks which are all alike where it is not told.
[[nodiscard]] inline double longest_prompt(const AttentionWork& work) {
  if (work.longest_prompt > 0.0 || work.tokens <= 0.0) return work.longest_prompt;
  return 0.5 * (work.area_x2 + work.tokens * work.tokens / std::max(1.0, work.chunks)) / work.tokens;
}

/// Layers that see the same part of a context.
struct AttentionLayers {
  double layers = 0;
  double window = 0;  ///< tokens; the largest double when they see everything

  [[nodiscard]] bool windowed() const { return window < 1e18; }

  /// The sum of contexts that `sequences` decodes read: at most `window` each.
  [[nodiscard]] double seen_context(double sequences, double context) const;
  /// Twice the area that `tokens` of prompt compute: at most `window` keys a token.
  [[nodiscard]] double seen_area_x2(double tokens, double area_x2) const;
  /// All of a step, as these layers see it: no sequence is longer than the window and a tile of `rows` queries.
  [[nodiscard]] AttentionWork seen(const AttentionWork& work, double rows) const;
  [[nodiscard]] double seen_longest(double longest) const { return std::min(longest, window); }
};
/// Without the empty groups: one, or two for a model with sliding windows.
[[nodiscard]] std::vector<AttentionLayers> attention_layers(const models::LlmSpec& llm);

/// The chip's kernels for these layers of the model on this plan. REQUIRES: grouped-query attention; the chip has some.
[[nodiscard]] const models::DecodeAttentionCoefficients& decode_kernel(const StepCostSpec& spec,
                                                                       const AttentionLayers& layers);
[[nodiscard]] const models::ContextAttentionCoefficients& context_kernel(const StepCostSpec& spec,
                                                                         const AttentionLayers& layers);

/// All decodes of a step in one kernel of one of `layers` on one chip, straight from the formula of
/// models/cost/kernels.hpp. `context` is the sum of theirs, whatever of it these layers see.
[[nodiscard]] Seconds decode_layer_time(const StepCostSpec& spec, const AttentionLayers& layers, double sequences,
                                        double context);
/// What the longest of these decodes adds to it (models::SkewCoefficients); nothing when it is not told, where the chip
/// has no figure of it, for latent attention, and where chips share a cache.
[[nodiscard]] Seconds skew_layer_time(const StepCostSpec& spec, double sequences, double context, double longest);
/// Likewise all chunks of a step, whatever of `work` are prompts.
[[nodiscard]] Seconds context_layer_time(const StepCostSpec& spec, const AttentionLayers& layers,
                                         const AttentionWork& work);
/// Likewise where they are computed as decodes are: a query for each token of a prompt, and the latents of all keys in
/// the products, by the rate and the passes over queries and outputs of the latent decode kernel. Left out: that tiles
/// of queries read the cache again, which is little beside the products.
/// REQUIRES: latent attention.
[[nodiscard]] Seconds absorbed_layer_time(const StepCostSpec& spec, const AttentionWork& work);
/// Whether the prompts of a step are.
[[nodiscard]] inline bool absorbs_prompts(const StepCostSpec& spec, const AttentionWork& work) {
  return spec.llm.mla && absorbs_prompts(work.tokens, work.keys, spec.absorbed_prefix_below);
}
/// What they compute and move. Chunks of several prompts are taken as alike, with the mean of their prefixes.
[[nodiscard]] Roofline decode_layer_roofline(const StepCostSpec& spec, const AttentionLayers& layers, double sequences,
                                             double context);
[[nodiscard]] Roofline context_layer_roofline(const StepCostSpec& spec, const AttentionLayers& layers,
                                              const AttentionWork& work);
/// The kernel that takes prompts and decodes of a step in one launch; absent where two kernels share them: the engine
/// launches two, the chip has no such kernel for this cache, the model's attention is latent (its back ends split the
/// batch), or chips share prompts or a cache.
[[nodiscard]] std::optional<MixedAttention> mixed_attention(const StepCostSpec& spec);
/// Rows of that kernel's tiles. REQUIRES: there is one.
[[nodiscard]] double mixed_tile_rows(const StepCostSpec& spec);

/// Decodes that take steps together, whatever their contexts: what is the same in all those steps.
struct DecodeBatch {
  double sequences = 0.0;
  double each = 0.0;              ///< this chip's share of one's context, of the sum of all
  DecodeGrid::Lanes lanes{0, 0};  ///< of its thread blocks; nothing for latent attention
};

/// All over all layers, compiled: no power is computed in a step.
/// REQUIRES: the chip has the attention kernels that spec needs.
class Attention {
 public:
  explicit Attention(const StepCostSpec& spec);

  /// Nanoseconds of all kernels that `work` needs. Never falls when its context grows.
  [[nodiscard]] double operator()(const AttentionWork& work) const {
    if (sees_everything_ && work.tokens <= 0.0 && work.sequences > 0.0) {
      return decode(work.sequences, work.context, work.longest_context);  // the same sums, for most of all steps
    }
    if (mixed_ && work.tokens > 0.0) return together(work);
    double ns = 0.0;
    for (const Group& group : groups_) {
      double layer = 0.0;
      if (work.sequences > 0.0) layer += decode_layer(group, work.sequences, work.context, work.longest_context);
      if (work.tokens > 0.0) {
        layer += prompts_absorbed(work)
                     ? absorbed_->norm(absorbed_->per_area_x2 * work.area_x2 + absorbed_->per_token * work.tokens)
                     : group.prompts(work.tokens, group.layers.seen_area_x2(work.tokens, work.area_x2),
                                     group.layers.seen_longest(longest_prompt(work)));
      }
      ns += group.layers.layers * layer;
    }
    return ns;
  }

  /// The decode part alone, as operator() gives it for the same sequences, where all layers see everything.
  [[nodiscard]] double decode(double sequences, double context, double longest) const {
    return decode(groups_[0].decodes.batch(sequences), context, longest);
  }
  /// What the steps of a run have in common.
  [[nodiscard]] DecodeBatch batch(double sequences) const { return groups_[0].decodes.batch(sequences); }
  [[nodiscard]] double decode(const DecodeBatch& batch, double context, double longest) const {
    const Group& group = groups_[0];
    const double alike = group.decodes(batch, context, context);
    return group.layers.layers * (alike + skew(batch.sequences, context, longest));
  }
  /// Whether a step with prompts has one kernel for them and its decodes.
  [[nodiscard]] bool one_kernel() const { return mixed_.has_value(); }
  [[nodiscard]] bool sees_everything() const { return sees_everything_; }
  /// Whether the prompts of `work` are computed as decodes are.
  [[nodiscard]] bool prompts_absorbed(const AttentionWork& work) const {
    return absorbed_ && absorbs_prompts(work.tokens, work.keys, absorbed_->below);
  }
  /// Whether decodes take longer where one context is longer than the mean.
  [[nodiscard]] bool waits_for_longest() const { return skew_ns_ > 0.0; }

 private:
  /// A norm of a floor and of work that is a sum of products; all in ns.
  struct Decodes {
    NormTable norm;
    double per_context = 0.0;
    double per_sequence = 0.0;
    double added = 0.0;
    std::optional<LatentWalk> walk{};  // of latent attention
    std::optional<DecodeGrid> grid{};  // of the others
    double kv_heads = 0.0;
    double of_length = 1.0;     // this chip's share of a context
    bool split_unseen = false;  // tokens outside the window count for the thread blocks

    [[nodiscard]] DecodeBatch batch(double sequences) const {
      if (!grid) return {.sequences = sequences};
      return {.sequences = sequences, .each = of_length / sequences, .lanes = grid->lanes(sequences * kv_heads)};
    }
    [[nodiscard]] double operator()(const DecodeBatch& batch, double seen, double context) const {
      const double sequences = batch.sequences;
      if (walk) {
        const double pass = walk->plain() ? per_context * seen
                                          : 1e9 * walk->pass(1e-9 * per_context * seen, sequences, seen * of_length);
        return norm(pass + per_sequence * sequences);
      }
      const double read = per_context * seen + per_sequence * sequences;
      const DecodeGrid::Cost cost =
          grid->cost(batch.lanes, seen * batch.each, (split_unseen ? context : seen) * batch.each);
      return norm(read * cost.reads + cost.starts.value() * 1e9) + added;
    }
  };
  struct Prompts {
    NormTable norm;
    ContextTiles tiles;
    double of_prompts;  // this chip's share of them

    [[nodiscard]] double operator()(double tokens, double area_x2, double longest) const {
      return norm(1e9 * tiles.work(of_prompts * tokens, of_prompts * area_x2, longest).value());
    }
  };
  /// Prompts that are computed as decodes are; ns.
  struct AbsorbedPrompts {
    double below;
    NormTable norm;
    double per_area_x2;
    double per_token;
  };
  struct Group {
    AttentionLayers layers;
    Decodes decodes;
    Prompts prompts;
  };
  [[nodiscard]] static Decodes decodes_of_layers(const StepCostSpec& spec, const AttentionLayers& layers);
  [[nodiscard]] static Prompts prompts_of_layers(const StepCostSpec& spec, const AttentionLayers& layers);
  [[nodiscard]] static std::vector<Group> groups(const StepCostSpec& spec);
  [[nodiscard]] static std::optional<AbsorbedPrompts> absorbed_prompts(const StepCostSpec& spec);

  [[nodiscard]] double together(const AttentionWork& work) const {
    double ns = 0.0;
    for (const Group& group : groups_) {
      ns += group.layers.layers * (*mixed_)(group.layers.seen(work, mixed_rows_));
    }
    return ns;
  }
  [[nodiscard]] double decode_layer(const Group& group, double sequences, double context, double longest) const {
    const double seen = group.layers.seen_context(sequences, context);
    const double alike = group.decodes(group.decodes.batch(sequences), seen, context);
    return alike + skew(sequences, seen, group.layers.seen_longest(longest));
  }
  /// What the longest of decodes adds to a layer.
  [[nodiscard]] double skew(double sequences, double seen, double longest) const {
    return sequences < unsplit_ ? 0.0 : skew_ns_ * std::max(0.0, longest - seen / sequences);
  }

  std::vector<Group> groups_;
  std::optional<AbsorbedPrompts> absorbed_;  // where some prompts are
  bool sees_everything_;
  double skew_ns_;  // a token of the longest context above the mean
  double unsplit_;  // decodes from which it counts
  std::optional<MixedAttention> mixed_;
  double mixed_rows_;
};

inline double AttentionLayers::seen_context(double sequences, double context) const {
  const double limit = sequences * window;
  return context < limit ? context : limit;
}

inline double AttentionLayers::seen_area_x2(double tokens, double area_x2) const {
  const double limit = 2.0 * tokens * window;
  return area_x2 < limit ? area_x2 : limit;
}

inline AttentionWork AttentionLayers::seen(const AttentionWork& work, double rows) const {
  AttentionWork seen = work;
  seen.context = seen_context(work.sequences, work.context);
  seen.longest_context = std::min(work.longest_context, window);
  seen.area_x2 = seen_area_x2(work.tokens, work.area_x2);
  seen.longest_prompt = std::min(work.longest_prompt, window + rows);
  return seen;
}

}  // namespace tokenyard::cost
