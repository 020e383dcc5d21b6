#include "models/cost/two_batch.hpp"

#include "models/base/errors.hpp"

namespace tokenyard::cost {
namespace {

constexpr int kPlayedLayers = 6;

double ns(Seconds time) { return time.value() * 1e9; }
std::uint32_t half_of_tokens(std::uint32_t tokens) { return (tokens + 1) / 2; }

double decodes_total(const TwoBatchTime& half) {
  const auto& [prepare, attend, ffn] = half.rank;
  const double out = std::max(0.0, half.dispatch - ffn - prepare);
  const double back = std::max(0.0, half.combine - attend);
  // Per layer, behind B's last stages.
  const double last_out = std::max(0.0, half.dispatch - ffn) - out;
  const double last_back = half.combine - back;
  return 2.0 * (half.rank.total() + half.experts + out + back) + (last_out + last_back) / half.layers;
}

double prompts_total(const TwoBatchTime& half) {
  const double computed = half.rank.total() + half.experts;
  const double beside = computed > 0.0 ? std::min(half.exchange() / computed, 1.0) : 0.0;
  const double stretch = (1.0 + half.share * beside) / half.layers;
  const double attend = (half.rank.prepare + half.rank.attend) * stretch;
  const double ffn = half.rank.ffn * stretch;
  const double experts = half.experts * stretch;
  const double out = half.dispatch / half.layers;
  const double back = half.combine / half.layers;
  double chip = 0.0;  // when it is done with what it was given
  double back_a = 0.0;
  double back_b = 0.0;  // and the exchange's stream with everything
  double before = 0.0;
  const int played = std::max(1, static_cast<int>(std::min(half.layers, 1.0 * kPlayedLayers)));
  for (int layer = 0; layer < played; ++layer) {
    before = back_b;
    const double shared = layer > 0 ? ffn : 0.0;  // of the layer before
    const double attended_a = std::max(chip + shared, back_a) + attend;
    const double attended_b = std::max(attended_a + shared, back_b) + attend;
    const double out_a = std::max(attended_a, back_b) + out;
    const double out_b = std::max(attended_b, out_a) + out;
    const double done_a = std::max(attended_b, out_a) + experts;
    chip = std::max(done_a, out_b) + experts;
    back_a = std::max(done_a, out_b) + back;
    back_b = std::max(chip, back_a) + back;
  }
  const double end = std::max(std::max(chip + ffn, back_a) + ffn, back_b);
  return end + (half.layers - played) * (back_b - before);
}

double dealt_total(const TwoBatchTime& half) {
  const double attention = half.rank.prepare + half.rank.attend;
  const double rest = half.rank.ffn + half.experts + half.exchange();
  return 2.0 * std::max(attention, rest) + std::min(attention, rest) / half.layers;
}

}  // namespace

double TwoBatchTime::total() const {
  switch (order) {
    case Order::Decodes:
      return decodes_total(*this);
    case Order::Prompts:
      return prompts_total(*this);
    case Order::Dealt:
      break;
  }
  return dealt_total(*this);
}

BothWays both_ways(const std::vector<Part>& exchange) {
  BothWays sum;
  for (const Part& part : exchange) (part.name == kDispatch ? sum.out : sum.back) += part.time;
  return sum;
}

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

TwoBatch::WaysTable::WaysTable(const StepParts& parts, std::uint32_t largest, bool prompts)
    : out(largest, [&](double tokens) { return ns(both_ways(parts.exchange(tokens, prompts)).out); }),
      back(largest, [&](double tokens) { return ns(both_ways(parts.exchange(tokens, prompts)).back); }) {}

TwoBatch::TwoBatch(const StepCostSpec& spec, const StepParts& parts, std::uint32_t largest,
                   std::uint32_t largest_shared)
    : overlap_(spec.two_batch),
      moe_layers_(spec.llm.moe_layers()),
      moe_share_(1.0 * spec.llm.moe_layers() / spec.llm.layers),
      prepare_(largest, [&](double tokens) { return ns(total(parts.local_prepare(tokens))); }),
      attend_(
          largest,
          [&](double tokens) { return ns(total(parts.local_attention(tokens)) - total(parts.local_prepare(tokens))); }),
      ffn_(largest, [&](double tokens) { return ns(total(parts.local_ffn(tokens))); }),
      dense_(largest,
             [&](double tokens) { return ns(total(parts.local(tokens, {.dense = spec.llm.dense_layers()}))); }),
      experts_(largest_shared, [&](double tokens) { return ns(total(parts.experts(tokens))); }),
      decodes_(parts, largest_shared, false),
      prompts_(parts, largest_shared, true),
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
    const double absorbed = moe_share_ * latents_(latents);
    return {.prepare = prepare_(tokens) + 0.5 * absorbed,
            .attend = attend_(tokens) + 0.5 * absorbed + moe_share_ * attention_(work),
            .ffn = ffn_(tokens)};
  }
  return {.attend = dealt_->local(tokens) + moe_share_ * (dealt_->latents(latents) + dealt_->attention(work)),
          .ffn = dealt_->ffn(tokens)};
}

double TwoBatch::dense(const StepShape& shape, std::uint32_t own) const {
  return dense_(own) + (1.0 - moe_share_) * (latents_(latent_work(shape, own)) + attention_(attention_work(shape)));
}

TwoBatchTime TwoBatch::time(const RankHalf& half, std::uint32_t tokens, bool prompts) const {
  const std::uint32_t each = half_of_tokens(tokens);
  const WaysTable& ways = prompts ? prompts_ : decodes_;
  const bool dealt = deals(overlap_, prompts);
  return {.rank = half,
          .experts = dealt ? dealt_->experts(each) : experts_(each),
          .dispatch = ways.out(each),
          .combine = ways.back(each),
          .layers = moe_layers_,
          .share = prompts ? overlap_.sm_share : 0.0,
          .order = order(overlap_, prompts)};
}

}  // namespace tokenyard::cost
