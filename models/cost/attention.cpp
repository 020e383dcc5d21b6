#include "models/cost/attention.hpp"

#include "models/base/errors.hpp"
#include "models/cost/kernels.hpp"
#include "models/cost/layer_work.hpp"
#include "models/device/attention_kernels.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace tokenyard::cost {
namespace {

constexpr double kEverything = std::numeric_limits<double>::max();  // not infinity: 0 sequences see nothing

double ns(Seconds time) { return time.value() * 1e9; }

double heads_per_chip(const StepCostSpec& spec) { return 1.0 * spec.llm.heads() / spec.plan.tensor; }

/// Queries of a decode on one chip: a head's for its own token and for each draft that it verifies, all over one cache.
/// With a shared cache those of all chips that share it.
double decode_queries(const StepCostSpec& spec) {
  return heads_per_chip(spec) * spec.speculation.width() * spec.plan.kv;
}

DecodeAttentionShape gqa_shape(const StepCostSpec& spec, const AttentionLayers& layers, double sequences,
                               double context) {
  const double seen = layers.seen_context(sequences, context);
  return {.sequences = sequences,
          .context = seen / spec.plan.kv,
          .heads = decode_queries(spec),
          .kv_heads = kv_heads_per_chip(spec.llm, spec.plan),
          .head_dim = 1.0 * spec.llm.gqa->head_dim,
          .windowed = layers.window <= models::kShortWindow,
          .unseen = (context - seen) / spec.plan.kv};
}

constexpr const char* kHasKernels = "the chip has attention kernels for this cache";

template <class Families>
const auto& of(const Families& families, models::Dtype kv) {
  const auto& coefficients = families.at(static_cast<std::size_t>(kv));
  expect(coefficients.has_value(), kHasKernels);
  return *coefficients;
}

MlaDecodeShape latent_shape(const StepCostSpec& spec, double sequences, double context) {
  return {.sequences = sequences,
          .context = context / spec.plan.kv,
          .heads = decode_queries(spec),
          .kv_rank = 1.0 * spec.llm.mla->kv_rank,
          .rope_dim = 1.0 * spec.llm.mla->rope_dim};
}

/// With context parallelism chips take turns from both ends of a prompt, so that their areas are alike.
ContextAttentionShape prompt_shape(const StepCostSpec& spec, const AttentionLayers& layers, const AttentionWork& work) {
  return {.tokens = work.tokens / spec.plan.context,
          .area_x2 = layers.seen_area_x2(work.tokens, work.area_x2) / spec.plan.context,
          .longest = layers.seen_longest(longest_prompt(work)),
          .heads = heads_per_chip(spec),
          .kv_heads = kv_heads_per_chip(spec.llm, spec.plan),
          .head_dim = 1.0 * spec.llm.gqa->head_dim,
          .windowed = layers.window <= models::kShortWindow};
}

MlaContextShape latent_prompt_shape(const StepCostSpec& spec, const AttentionWork& work) {
  return {.tokens = work.tokens / spec.plan.context,
          .area_x2 = work.area_x2 / spec.plan.context,
          .longest = longest_prompt(work),
          .heads = heads_per_chip(spec),
          .nope_dim = 1.0 * spec.llm.mla->nope_dim,
          .rope_dim = 1.0 * spec.llm.mla->rope_dim,
          .v_dim = 1.0 * spec.llm.mla->v_dim};
}

/// A query for each token, and what all of them see.
MlaDecodeShape absorbed_shape(const StepCostSpec& spec, double tokens, double area_x2) {
  MlaDecodeShape shape = latent_shape(spec, tokens / spec.plan.context, 0.0);
  shape.context = 0.5 * area_x2 / spec.plan.context;
  shape.heads = heads_per_chip(spec);
  return shape;
}

template <class Coefficients>
NormTable norm(const Coefficients& c) {
  return NormTable(ns(c.t0), 1.0, c.p);
}

/// Coefficients of skew that count on this plan.
const models::SkewCoefficients* skew_of(const StepCostSpec& spec) {
  const auto& skew = spec.chip.kernels.attention_skew.at(static_cast<std::size_t>(spec.precision.kv));
  return skew && spec.llm.gqa && spec.plan.kv == 1 ? &*skew : nullptr;
}

/// Decodes from which the kernel no longer splits a context.
double unsplit_sequences(const StepCostSpec& spec) {
  const models::SkewCoefficients* const skew = skew_of(spec);
  return skew == nullptr ? kEverything : skew->unsplit / kv_heads_per_chip(spec.llm, spec.plan);
}

}  // namespace

std::vector<AttentionLayers> attention_layers(const models::LlmSpec& llm) {
  const std::uint32_t windowed = llm.gqa ? llm.gqa->windowed_layers : 0;
  std::vector<AttentionLayers> groups;
  if (llm.layers > windowed) groups.push_back({.layers = 1.0 * (llm.layers - windowed), .window = kEverything});
  if (windowed > 0) groups.push_back({.layers = 1.0 * windowed, .window = 1.0 * llm.gqa->window});
  return groups;
}

const models::DecodeAttentionCoefficients& decode_kernel(const StepCostSpec& spec, const AttentionLayers& layers) {
  const auto* const c =
      models::decode_kernel(spec.chip.kernels, spec.precision.kv, heads_of(gqa_shape(spec, layers, 0.0, 0.0)));
  expect(c != nullptr, kHasKernels);
  return *c;
}

const models::ContextAttentionCoefficients& context_kernel(const StepCostSpec& spec, const AttentionLayers& layers) {
  const auto* const c =
      models::context_kernel(spec.chip.kernels, spec.precision.kv, heads_of(prompt_shape(spec, layers, {})));
  expect(c != nullptr, kHasKernels);
  return *c;
}

Seconds decode_layer_time(const StepCostSpec& spec, const AttentionLayers& layers, double sequences, double context) {
  const models::Dtype kv = spec.precision.kv;
  if (spec.llm.mla) return mla_decode_time(latent_shape(spec, sequences, context), kv, spec.chip);
  return decode_attention_time(gqa_shape(spec, layers, sequences, context), kv, spec.chip);
}

Seconds skew_layer_time(const StepCostSpec& spec, double sequences, double context, double longest) {
  const models::SkewCoefficients* const skew = skew_of(spec);
  if (skew == nullptr || sequences < unsplit_sequences(spec)) return Seconds{};
  return std::max(0.0, longest - context / sequences) * skew->per_key;
}

Seconds context_layer_time(const StepCostSpec& spec, const AttentionLayers& layers, const AttentionWork& work) {
  const models::Dtype kv = spec.precision.kv;
  if (spec.llm.mla) return mla_context_time(latent_prompt_shape(spec, work), kv, spec.chip);
  return context_attention_time(prompt_shape(spec, layers, work), kv, spec.chip);
}

Seconds absorbed_layer_time(const StepCostSpec& spec, const AttentionWork& work) {
  return mla_absorbed_time(absorbed_shape(spec, work.tokens, work.area_x2), spec.precision.kv, spec.chip);
}

Roofline decode_layer_roofline(const StepCostSpec& spec, const AttentionLayers& layers, double sequences,
                               double context) {
  const models::Dtype kv = spec.precision.kv;
  if (spec.llm.mla) return attention_roofline(latent_shape(spec, sequences, context), kv, spec.chip);
  return attention_roofline(gqa_shape(spec, layers, sequences, context), kv, spec.chip);
}

Roofline context_layer_roofline(const StepCostSpec& spec, const AttentionLayers& layers, const AttentionWork& work) {
  if (work.tokens <= 0.0) return {};
  const models::Dtype kv = spec.precision.kv;
  if (absorbs_prompts(spec, work)) {
    return absorbed_roofline(absorbed_shape(spec, work.tokens, work.area_x2), work.keys, kv, spec.chip);
  }
  // Of a chunk of q tokens behind p cached ones the area is q*(p + q/2).
  const double chunks = std::max(work.chunks, 1.0);
  const double behind = std::max(0.0, 0.5 * (work.area_x2 - work.tokens * work.tokens / chunks) / work.tokens);
  const double others = (1.0 - 1.0 / spec.plan.context) * work.tokens / chunks;  // whose keys it has gathered
  const double prefix = chunks * std::min(behind + others, layers.window);
  if (spec.llm.mla) return attention_roofline(latent_prompt_shape(spec, work), prefix, kv, spec.chip);
  return attention_roofline(prompt_shape(spec, layers, work), prefix, kv, spec.chip);
}

std::optional<MixedAttention> mixed_attention(const StepCostSpec& spec) {
  const auto& kernel = spec.chip.kernels.mixed_attention.at(static_cast<std::size_t>(spec.precision.kv));
  if (!spec.one_attention_kernel || !kernel || !spec.llm.gqa || spec.plan.context > 1 || spec.plan.kv > 1) {
    return std::nullopt;
  }
  return MixedAttention({.heads = heads_per_chip(spec),
                         .kv_heads = kv_heads_per_chip(spec.llm, spec.plan),
                         .head_dim = 1.0 * spec.llm.gqa->head_dim},
                        spec.precision.kv, *kernel, spec.chip);
}

double mixed_tile_rows(const StepCostSpec& spec) {
  return of(spec.chip.kernels.mixed_attention, spec.precision.kv).tile_rows;
}

Attention::Decodes Attention::decodes_of_layers(const StepCostSpec& spec, const AttentionLayers& layers) {
  const models::Dtype kv = spec.precision.kv;
  if (spec.llm.mla) {
    const models::MlaDecodeCoefficients& c = of(spec.chip.kernels.mla_decode, kv);
    const auto work = [&](double sequences, double context) {
      return ns(kernel_work(latent_shape(spec, sequences, context), kv, c, spec.chip));
    };
    return {.norm = norm(c),
            .per_context = work(0.0, 1.0),
            .per_sequence = work(1.0, 0.0),
            .walk = LatentWalk(c, decode_queries(spec), spec.chip.kernels.multiprocessors),
            .of_length = 1.0 / spec.plan.kv};
  }
  const models::DecodeAttentionCoefficients& c = decode_kernel(spec, layers);
  const auto read = [&](double sequences, double context) {
    DecodeAttentionShape shape = gqa_shape(spec, layers, sequences, 0.0);
    shape.context = context / spec.plan.kv;
    return ns(decode_attention_bytes(shape, kv) / (spec.chip.memory_bandwidth * c.eff_bw));
  };
  return {.norm = norm(c),
          .per_context = read(0.0, 1.0),
          .per_sequence = read(1.0, 0.0),
          .added = ns(c.added),
          .grid = DecodeGrid(spec.chip.kernels, c, heads_of(gqa_shape(spec, layers, 1.0, 1.0))),
          .kv_heads = kv_heads_per_chip(spec.llm, spec.plan),
          .of_length = 1.0 / spec.plan.kv,
          .split_unseen = spec.chip.kernels.attention_split.whole_context && layers.windowed()};
}

Attention::Prompts Attention::prompts_of_layers(const StepCostSpec& spec, const AttentionLayers& layers) {
  const models::ContextAttentionCoefficients& c =
      spec.llm.mla ? of(spec.chip.kernels.mla_context, spec.precision.kv) : context_kernel(spec, layers);
  return {.norm = norm(c),
          .tiles = spec.llm.mla ? context_tiles(latent_prompt_shape(spec, {}), c, spec.chip)
                                : context_tiles(prompt_shape(spec, layers, {}), c, spec.chip),
          .of_prompts = 1.0 / spec.plan.context};
}

std::vector<Attention::Group> Attention::groups(const StepCostSpec& spec) {
  std::vector<Group> groups;
  for (const AttentionLayers& layers : attention_layers(spec.llm)) {
    groups.push_back(
        {.layers = layers, .decodes = decodes_of_layers(spec, layers), .prompts = prompts_of_layers(spec, layers)});
  }
  return groups;
}

std::optional<Attention::AbsorbedPrompts> Attention::absorbed_prompts(const StepCostSpec& spec) {
  if (!spec.llm.mla || spec.absorbed_prefix_below == 0) return std::nullopt;
  const models::MlaDecodeCoefficients& c = of(spec.chip.kernels.mla_decode, spec.precision.kv);
  const auto work = [&](double tokens, double area_x2) {
    return ns(absorbed_work(absorbed_shape(spec, tokens, area_x2), c, spec.chip));
  };
  return AbsorbedPrompts{.below = 1.0 * spec.absorbed_prefix_below,
                         .norm = norm(c),
                         .per_area_x2 = work(0.0, 1.0),
                         .per_token = work(1.0, 0.0)};
}

Attention::Attention(const StepCostSpec& spec)
    : groups_(groups(spec)),
      absorbed_(absorbed_prompts(spec)),
      sees_everything_(groups_.size() == 1 && !groups_[0].layers.windowed()),
      skew_ns_(skew_of(spec) == nullptr ? 0.0 : ns(skew_of(spec)->per_key)),
      unsplit_(unsplit_sequences(spec)),
      mixed_(mixed_attention(spec)),
      mixed_rows_(mixed_ ? mixed_tile_rows(spec) : 0.0) {}

}  // namespace tokenyard::cost
