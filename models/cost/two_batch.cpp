#include "models/cost/two_batch.hpp"

#include "models/base/errors.hpp"

namespace tokenyard::cost {
namespace {

double ns(Seconds time) { return time.value() * 1e9; }
std::uint32_t half_of_tokens(std::uint32_t tokens) { return (tokens + 1) / 2; }

}  // namespace

StepCostSpec with_cores(const StepCostSpec& spec, double share) {
  if (spec.chip.kernels.multiprocessors > 0.0) {
    throw SpecError("engine.attention_cores",
                    "deals out cores of chips whose thread blocks are not counted; those of " + spec.chip.name +
                        " are: leave it out");
  }
  StepCostSpec part = spec;
  for (std::optional<FlopPerSecond>& peak : part.chip.peak) {
    if (peak) peak = *peak * share;
  }
  part.profile = nullptr;  // the user's kernels ran on whole chips
  return part;
}

TwoBatch::Dealt::Dealt(const StepCostSpec& spec, const StepParts& attention_parts, const StepParts& ffn_parts,
                       std::uint32_t largest, std::uint32_t largest_shared)
    : local(largest, [&](double tokens) { return ns(total(attention_parts.local_attention(tokens))); }),
      latents(spec, attention_parts, largest),
      attention(spec),
      ffn(largest, [&](double tokens) { return ns(total(ffn_parts.local_ffn(tokens))); }),
      experts(largest_shared, [&](double tokens) { return ns(total(ffn_parts.experts(tokens))); }) {}

TwoBatch::TwoBatch(const StepCostSpec& spec, const StepParts& parts, std::uint32_t largest,
                   std::uint32_t largest_shared)
    : overlap_(spec.two_batch),
      moe_layers_(spec.llm.moe_layers()),
      moe_share_(1.0 * spec.llm.moe_layers() / spec.llm.layers),
      moe_(largest, [&](double tokens) { return ns(total(parts.local(tokens, {.moe = spec.llm.moe_layers()}))); }),
      dense_(largest,
             [&](double tokens) { return ns(total(parts.local(tokens, {.dense = spec.llm.dense_layers()}))); }),
      experts_(largest_shared, [&](double tokens) { return ns(total(parts.experts(tokens))); }),
      exchange_(largest_shared, [&](double tokens) { return ns(total(parts.exchange(tokens))); }),
      exchange_prompts_(largest_shared, [&](double tokens) { return ns(total(parts.exchange(tokens, true))); }),
      latents_(spec, parts, largest),
      attention_(spec) {
  expect(spec.plan.pipeline == 1 && spec.llm.moe, "two half batches hide the exchange of experts, in one stage");
  if (!deals(overlap_, false)) return;
  const StepCostSpec side = with_cores(spec, overlap_.attention_cores);
  const StepCostSpec rest = with_cores(spec, 1.0 - overlap_.attention_cores);
  dealt_.emplace(side, StepParts(side), StepParts(rest), largest, largest_shared);
}

RankHalf TwoBatch::half(const StepShape& shape, std::uint32_t own, bool prompts) const {
  const LatentWork latents = half_of(latent_work(shape, own));
  const AttentionWork work = half_of(attention_work(shape));
  const std::uint32_t tokens = half_of_tokens(own);
  if (!deals(overlap_, prompts)) {
    return {.comp = moe_(tokens) + moe_share_ * (latents_(latents) + attention_(work))};
  }
  return {.attention = dealt_->local(tokens) + moe_share_ * (dealt_->latents(latents) + dealt_->attention(work)),
          .comp = dealt_->ffn(tokens)};
}

double TwoBatch::dense(const StepShape& shape, std::uint32_t own) const {
  return dense_(own) + (1.0 - moe_share_) * (latents_(latent_work(shape, own)) + attention_(attention_work(shape)));
}

TwoBatchTime TwoBatch::time(const RankHalf& half, std::uint32_t tokens, bool prompts) const {
  const bool dealt = deals(overlap_, prompts);
  const std::uint32_t each = half_of_tokens(tokens);
  return {.comp = half.comp + (dealt ? dealt_->experts(each) : experts_(each)),
          .comm = exchange(tokens, prompts),
          .layers = moe_layers_,
          .share = prompts ? overlap_.sm_share : 0.0,
          .attention = half.attention,
          .dealt = dealt};
}

}  // namespace tokenyard::cost
