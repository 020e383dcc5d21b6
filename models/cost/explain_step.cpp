#include "models/base/errors.hpp"
#include "models/cost/attention_ffn.hpp"
#include "models/cost/drafting.hpp"
#include "models/cost/graph_padding.hpp"
#include "models/cost/kv_exchange.hpp"
#include "models/cost/latent_work.hpp"
#include "models/cost/profiled_attention.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/two_batch.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace tokenyard::cost {
namespace {

std::vector<Part> scaled(std::vector<Part> parts, double factor) {
  for (Part& part : parts) part = factor * part;
  return parts;
}

double ns(const std::vector<Part>& parts) { return 1e9 * total(parts).value(); }

/// A step taken apart, straight from the formulas: what KernelSum compiles.
class Explained {
 public:
  Explained(const StepCostSpec& spec, std::span<const StepShape> ranks)
      : spec_(spec), parts_(spec), graphs_(spec), kv_exchange_(spec), ranks_(ranks) {
    padded_ = graphs_.pads(ranks);
    common_ = graphs_.common(ranks, padded_);
    prompts_ = std::any_of(ranks.begin(), ranks.end(), [](const StepShape& s) { return s.prefill_tokens > 0; });
    split_ = splits(spec.two_batch, prompts_);
    if (split_ && deals(spec.two_batch, prompts_)) {
      const double cores = spec.two_batch.attention_cores;
      dealt_.emplace(
          Dealt{.attention = StepParts(with_cores(spec, cores)), .ffn = StepParts(with_cores(spec, 1.0 - cores))});
    }
    for (const StepShape& shape : ranks) {
      tokens_ += own(shape);
      largest_ = std::max(largest_, own(shape));
      rows_ += shape.decodes + shape.chunks;
      sequences_ = std::max(sequences_, shape.decodes + shape.chunks);
    }
    expect(tokens_ > 0, "a step has a token");
  }

  [[nodiscard]] std::vector<Part> lines() const {
    std::vector<Part> step = slowest_rank();
    if (split_) {
      append(step, scaled(experts_of_half(), 2.0));
      append(step, scaled(parts_.exchange(half(tokens_), prompts_), 2.0));
      step.push_back({"hidden by two batches", -1.0 * hidden()});
    } else {
      append(step, parts_.shared(tokens_, prompts_));
    }
    if (spec_.speculation.tokens > 0) {
      const DraftParts draft(spec_);
      append(step, {draft.first_shared(tokens_) + draft.later_shared(rows_)});
    }
    const Seconds launches = launch_time();
    if (launches > total(step)) step.push_back({"launches", launches - total(step)});
    const Seconds host = spec_.host.per_step + spec_.host.per_sequence * sequences_;
    const Seconds seen = spec_.host.overlapped ? std::max(host - total(step), Seconds{0.0}) : host;
    if (seen > Seconds{0.0}) step.push_back({"host", seen});
    return step;
  }

 private:
  static std::uint32_t half(std::uint32_t tokens) { return (tokens + 1) / 2; }

  [[nodiscard]] std::uint32_t own(const StepShape& shape) const {
    return common_ > 0 ? common_ : graphs_.tokens(shape, padded_);
  }

  /// Attention of a rank's whole batch, by the user's table where it has it.
  [[nodiscard]] std::vector<Part> attention(const StepShape& shape) const {
    std::vector<Part> parts = parts_.attention(attention_work(shape));
    if (spec_.profile == nullptr) return parts;
    const ProfiledAttention::Time time = ProfiledAttention(spec_, *spec_.profile)(shape, Attention(spec_));
    for (Part& part : parts) {
      if (part.name == "decode attention" && time.decode_in_table) part.time = Seconds{1e-9 * time.decode};
      if (part.name == "context attention" && time.context_in_table) part.time = Seconds{1e-9 * time.context};
    }
    return parts;
  }

  /// A rank's part of the MoE layers, of half its batch.
  struct Half {
    std::vector<Part> parts;
    RankHalf times;
  };
  [[nodiscard]] Half moe_half(const StepShape& shape) const {
    const double share = 1.0 * spec_.llm.moe_layers() / spec_.llm.layers;
    const double tokens = half(own(shape));
    const StepParts& side = dealt_ ? dealt_->attention : parts_;
    const std::vector<Part> latents = scaled(side.latents(half_of(latent_work(shape, own(shape)))), share);
    const std::vector<Part> ffn = (dealt_ ? dealt_->ffn : parts_).local_ffn(tokens);
    std::vector<Part> attention = scaled(side.attention(half_of(attention_work(shape))), share);
    append(attention, latents);
    append(attention, side.local_attention(tokens));
    const double prepare = dealt_ ? 0.0 : ns(side.local_prepare(tokens)) + 0.5 * ns(latents);
    const RankHalf times{.prepare = prepare, .attend = ns(attention) - prepare, .ffn = ns(ffn)};
    append(attention, ffn);
    return {.parts = attention, .times = times};
  }
  [[nodiscard]] std::vector<Part> experts_of_half() const {
    return (dealt_ ? dealt_->ffn : parts_).experts(half(tokens_));
  }

  /// All that one rank waits for on its own.
  [[nodiscard]] std::vector<Part> rank(const StepShape& shape) const {
    std::vector<Part> parts;
    const AttentionWork work = attention_work(shape);
    if (split_) {
      parts = scaled(moe_half(shape).parts, 2.0);
      const double share = 1.0 * spec_.llm.dense_layers() / spec_.llm.layers;
      append(parts, scaled(parts_.attention(work), share));
      append(parts, scaled(parts_.latents(latent_work(shape, own(shape))), share));
      append(parts, parts_.local(own(shape), {.dense = spec_.llm.dense_layers()}));
    } else {
      parts = attention(shape);
      append(parts, parts_.latents(latent_work(shape, own(shape))));
      append(parts, parts_.local(own(shape)));
    }
    if (kv_exchange_.active()) append(parts, {{"shared cache", Seconds{1e-9 * kv_exchange_(shape)}}});
    append(parts, parts_.head(graphs_.rows(shape)));
    if (spec_.speculation.tokens > 0) append(parts, {DraftParts(spec_).rank(own(shape), shape)});
    return parts;
  }

  [[nodiscard]] std::vector<Part> slowest_rank() const {
    std::vector<Part> slowest;
    for (const StepShape& shape : ranks_) {
      if (shape.tokens() == 0) continue;
      std::vector<Part> one = rank(shape);
      if (total(one) > total(slowest)) slowest = std::move(one);
    }
    return slowest;
  }

  [[nodiscard]] Seconds hidden() const {
    RankHalf half_rank;
    Seconds slowest;
    for (const StepShape& shape : ranks_) {
      if (shape.tokens() == 0 || total(rank(shape)) <= slowest) continue;
      slowest = total(rank(shape));
      half_rank = moe_half(shape).times;
    }
    const BothWays exchange = both_ways(parts_.exchange(half(tokens_), prompts_));
    const TwoBatchTime time{.rank = half_rank,
                            .experts = ns(experts_of_half()),
                            .dispatch = 1e9 * exchange.out.value(),
                            .combine = 1e9 * exchange.back.value(),
                            .layers = 1.0 * spec_.llm.moe_layers(),
                            .share = prompts_ ? spec_.two_batch.sm_share : 0.0,
                            .order = order(spec_.two_batch, prompts_)};
    return Seconds{1e-9 * time.hidden()};
  }

  [[nodiscard]] Seconds launch_time() const {
    const double count = !graphs_.captured(largest_, prompts_) ? parts_.kernels()
                         : prompts_                            ? 2.0 * spec_.llm.layers
                                                               : 0.0;
    return count * spec_.host.per_launch;
  }

  /// Both streams of half batches, each at its share of the cores.
  struct Dealt {
    StepParts attention;
    StepParts ffn;
  };

  const StepCostSpec& spec_;
  StepParts parts_;
  std::optional<Dealt> dealt_;
  GraphPadding graphs_;
  KvExchange kv_exchange_;
  std::span<const StepShape> ranks_;
  bool padded_ = false;
  bool prompts_ = false;
  bool split_ = false;
  std::uint32_t common_ = 0;
  std::uint32_t tokens_ = 0;
  std::uint32_t largest_ = 0;
  std::uint32_t rows_ = 0;
  std::uint32_t sequences_ = 0;
};

}  // namespace

std::vector<CostLine> explain_step(const StepCostSpec& spec, std::span<const StepShape> ranks) {
  if (spec.ffn) return AttentionFfn(spec).explain(ranks);
  std::vector<CostLine> lines;
  for (const Part& part : Explained(spec, ranks).lines()) {
    lines.push_back({.name = std::string(part.name), .time = part.time, .roofline = part.roofline});
  }
  return lines;
}

}  // namespace tokenyard::cost
