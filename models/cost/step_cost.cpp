#include "models/cost/step_cost.hpp"

#include "models/base/errors.hpp"
#include "models/cost/attention.hpp"
#include "models/cost/attention_coverage.hpp"
#include "models/cost/attention_ffn.hpp"
#include "models/cost/communication_table.hpp"
#include "models/cost/drafting.hpp"
#include "models/cost/graph_padding.hpp"
#include "models/cost/kv_exchange.hpp"
#include "models/cost/layer_work.hpp"
#include "models/cost/part_table.hpp"
#include "models/cost/profiled_attention.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/token_table.hpp"
#include "models/cost/two_batch.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace tokenyard::cost {
namespace {

double ns(Seconds time) { return time.value() * 1e9; }

/// What decodes read of the KV cache in layers that see the same part of it; whole bytes, so that sums are exact.
struct KvReads {
  std::uint64_t per_context = 0;  // bytes a cached token, all these layers, all chips of a rank
  std::uint64_t window = 0;       // tokens that a decode sees

  [[nodiscard]] std::uint64_t bytes(std::uint64_t decodes, std::uint64_t context) const {
    if (decodes == 0) return 0;
    return per_context * (window > context / decodes ? context : std::min(context, decodes * window));
  }
  /// Sum of bytes() over `steps` steps, in each of which the context has grown by `decodes`.
  [[nodiscard]] std::uint64_t run_bytes(std::uint64_t decodes, std::uint64_t context, std::uint64_t steps) const {
    // The mean context grows by 1 a step: so many steps until it has reached the window.
    const std::uint64_t reach = decodes * std::min(window, UINT64_MAX / decodes);
    const std::uint64_t growing = context >= reach ? 0 : std::min(steps, (reach - context + decodes - 1) / decodes);
    const std::uint64_t grown = growing * context + decodes * (growing * (growing - (growing > 0 ? 1 : 0)) / 2);
    return per_context * (grown + (growing < steps ? (steps - growing) * reach : 0));
  }
};

std::vector<KvReads> kv_reads(const StepCostSpec& spec) {
  const double token = kv_bytes_per_layer(spec.llm, spec.plan, spec.precision.kv).value() * spec.plan.tensor;
  std::vector<KvReads> reads;
  for (const AttentionLayers& group : attention_layers(spec.llm)) {
    reads.push_back({.per_context = static_cast<std::uint64_t>(std::llround(token * group.layers)),
                     .window = group.window < 1e18 ? static_cast<std::uint64_t>(group.window) : UINT64_MAX});
  }
  return reads;
}

/// A pipeline stage; those alike are one.
struct StageTable {
  double attention_share;  // of all layers
  double moe_share;        // of the MoE layers
  bool head;
  TokenTable local;  // nanoseconds, of a rank's tokens
};

std::vector<StageTable> stage_tables(const StepCostSpec& spec, const StepParts& parts, std::uint32_t largest) {
  std::vector<StageTable> tables;
  if (spec.plan.pipeline == 1) return tables;
  std::vector<models::StageLayers> done;
  for (models::StageLayers stage : models::stage_layers(spec.llm, spec.plan)) {
    stage.embedding = false;  // a look-up of rows: no time of its own
    if (std::find(done.begin(), done.end(), stage) != done.end()) continue;
    done.push_back(stage);
    tables.push_back(
        {.attention_share = 1.0 * stage.layers() / spec.llm.layers,
         .moe_share = spec.llm.moe ? 1.0 * stage.moe / spec.llm.moe_layers() : 0.0,
         .head = stage.head,
         .local = TokenTable(largest, [&](double tokens) { return ns(total(parts.local(tokens, stage))); })});
  }
  return tables;
}

/// What the host takes to launch a pass, by how much of it graphs replay: all of a step that only decodes; of one with
/// prompt tokens all but attention (piecewise graphs); nothing. Launches run ahead of the chip, so the longer counts.
struct LaunchTimes {
  double pieces = 0.0;  // ns; a replay and an attention kernel a layer
  double eager = 0.0;

  [[nodiscard]] double of(bool captured, bool prompts) const { return !captured ? eager : prompts ? pieces : 0.0; }
};

LaunchTimes launch_times(const StepCostSpec& spec, const StepParts& parts) {
  const double launch = ns(spec.host.per_launch);
  return {.pieces = 2.0 * spec.llm.layers * launch, .eager = parts.kernels() * launch};
}

/// The kernel sum, compiled: tables in nanoseconds for what depends on token counts, closed forms for attention.
class KernelSum final : public StepCost {
 public:
  KernelSum(const StepCostSpec& spec, const StepParts& parts)
      : max_tokens_(spec.max_tokens),
        graphs_(spec),
        has_experts_(spec.llm.moe.has_value()),
        local_(graphs_.largest(), [&](double tokens) { return parts.local(tokens); }),
        head_(graphs_.largest(), [&](double rows) { return parts.head(rows); }),
        shared_(largest_total(spec), [&](double tokens) { return parts.shared(tokens); }),
        shared_prompts_(prompts_differ(spec) ? largest_total(spec) : 0,
                        [&](double tokens) { return parts.shared(tokens, true); }),
        prompts_differ_(prompts_differ(spec)),
        attention_(spec),
        coverage_(spec),
        host_per_step_(ns(spec.host.per_step)),
        host_per_sequence_(ns(spec.host.per_sequence)),
        host_overlapped_(spec.host.overlapped),
        launches_(launch_times(spec, parts)),
        rank_weights_(parts.rank_weights()),
        expert_weights_(largest_total(spec), [&](double tokens) { return parts.expert_weights(tokens).value(); }),
        kv_reads_(kv_reads(spec)),
        stages_(stage_tables(spec, parts, graphs_.largest())),
        overlap_(spec.two_batch),
        kv_exchange_(spec),
        communication_(spec, parts) {
    if (spec.profile != nullptr) profiled_.emplace(spec, *spec.profile);
    if (profiled_ && !profiled_->any()) profiled_.reset();
    if (spec.speculation.tokens > 0) drafting_.emplace(spec, graphs_.largest(), largest_total(spec));
    if (overlap_.decode || overlap_.prefill) two_batch_.emplace(spec, parts, graphs_.largest(), largest_total(spec));
    plain_ = !drafting_ && !two_batch_ && !kv_exchange_.active() && !profiled_;
  }

  [[nodiscard]] SimTime step(std::span<const StepShape> ranks) const override { return price(ranks); }
  [[nodiscard]] SimTime step(const StepShape& shape) const override { return price({&shape, 1}); }
  [[nodiscard]] SimTime stage(std::span<const StepShape> ranks) const override;
  [[nodiscard]] Bytes traffic(std::span<const StepShape> ranks) const override;
  void decode_run(const StepShape& first, std::span<SimTime> prices) const override;
  [[nodiscard]] std::uint64_t decode_run_traffic(std::uint32_t decodes, std::uint64_t first_context,
                                                 std::uint64_t steps) const override;
  [[nodiscard]] Communication communication(std::span<const StepShape> ranks) const override {
    return communication_.sent(ranks);
  }
  [[nodiscard]] SimTime exposed(std::span<const StepShape> ranks) const override {
    return communication_.exposed(ranks);
  }
  [[nodiscard]] SimTime decode_run_exposed(const StepShape& first, std::uint64_t steps) const override {
    if (!communication_.same_in_a_run()) return StepCost::decode_run_exposed(first, steps);
    return communication_.exposed({&first, 1}) * static_cast<std::int64_t>(steps);
  }
  [[nodiscard]] PriceBasis basis(std::span<const StepShape> ranks) const override;
  [[nodiscard]] PriceBasis decode_run_basis(const StepShape& first, std::uint64_t steps) const override;

 private:
  /// Most tokens that the experts see in one pass.
  static std::uint32_t largest_total(const StepCostSpec& spec) {
    return spec.llm.moe ? GraphPadding(spec).largest() * spec.plan.attention_data : 0;
  }

  /// What a step's ranks compute, before it is priced.
  struct Load {
    double slowest = 0.0;         // ns
    std::uint32_t largest = 0;    // tokens of a rank
    std::uint32_t tokens = 0;     // of all ranks
    std::uint32_t sequences = 0;  // of the rank with the most
    std::uint32_t rows = 0;       // sequences of all ranks
    bool prompts = false;
  };
  /// `rank(shape, own tokens)` gives the nanoseconds that a rank waits for on its own.
  template <class RankTime>
  [[nodiscard]] Load load(std::span<const StepShape> ranks, bool padded, RankTime rank) const {
    Load load;
    const std::uint32_t common = graphs_.common(ranks, padded);
    for (const StepShape& shape : ranks) {
      const std::uint32_t tokens = graphs_.tokens(shape);
      if (tokens == 0) {
        load.tokens += common;
        continue;
      }
      expect(tokens <= max_tokens_, "a step has at most max_tokens a rank");
      const std::uint32_t own = common > 0 ? common : graphs_.tokens(shape, padded);
      load.slowest = std::max(load.slowest, rank(shape, own));
      load.largest = std::max(load.largest, own);
      load.tokens += own;
      load.sequences = std::max(load.sequences, shape.decodes + shape.chunks);
      load.rows += shape.decodes + shape.chunks;
      load.prompts = load.prompts || shape.prefill_tokens > 0;
    }
    expect(load.largest > 0, "a step has a token");
    return load;
  }

  [[nodiscard]] SimTime price(std::span<const StepShape> ranks) const {
    const bool padded = graphs_.pads(ranks);
    if (!plain_) [[unlikely]]
      return special(ranks, padded);
    std::uint32_t last = 0;  // ranks that replay one graph compute the same number of tokens
    double local = 0.0;
    const Load step = load(ranks, padded, [&](const StepShape& shape, std::uint32_t own) {
      if (own != last) local = local_(own);
      last = own;
      return local + head_(graphs_.rows(shape)) + attention_(attention_work(shape));
    });
    return whole(step.slowest + shared(step.tokens, step.prompts), launches(step), host(step.sequences));
  }
  /// Attention of a rank's whole batch, in ns, by the user's table where it has it.
  [[nodiscard]] double attention(const StepShape& shape) const {
    return profiled_ ? (*profiled_)(shape, attention_).ns() : attention_(attention_work(shape));
  }
  [[nodiscard]] SimTime special(std::span<const StepShape> ranks, bool padded) const;

  /// Experts are exchanged by another kernel when a step holds prompts.
  static bool prompts_differ(const StepCostSpec& spec) {
    const models::CollectiveKernels& c = spec.chip.kernels.collectives;
    return spec.llm.moe && spec.plan.stage_chips() > 1 && spec.plan.expert > 1 &&
           c.decode_exchange != c.prompt_exchange;
  }
  [[nodiscard]] double shared(std::uint32_t tokens, bool prompts) const {
    if (!has_experts_) return 0.0;
    return prompts && prompts_differ_ ? shared_prompts_(tokens) : shared_(tokens);
  }

  [[nodiscard]] double host(std::uint32_t sequences) const { return host_per_step_ + host_per_sequence_ * sequences; }
  [[nodiscard]] double launches(const Load& step) const {
    return launches_.of(graphs_.captured(step.largest, step.prompts), step.prompts);
  }

  /// A step's time from that of the chips, of the launches that run ahead of them, and of the host.
  [[nodiscard]] SimTime whole(double chips, double launches, double host) const {
    const double device = std::max(chips, launches);
    const double both = host_overlapped_ ? std::max(device, host) : device + host;
    return SimTime{std::max<std::int64_t>(1, static_cast<std::int64_t>(both + 0.5))};
  }

  std::uint32_t max_tokens_;
  GraphPadding graphs_;
  bool has_experts_;
  PartTable local_;           // of a rank's tokens
  PartTable head_;            // of a rank's sampled rows
  PartTable shared_;          // of all ranks' tokens
  PartTable shared_prompts_;  // the same with prompts among them, where that differs
  bool prompts_differ_;
  Attention attention_;
  AttentionCoverage coverage_;
  double host_per_step_;
  double host_per_sequence_;
  bool host_overlapped_;
  LaunchTimes launches_;

  Bytes rank_weights_;         // without routed experts, all chips of a rank
  TokenTable expert_weights_;  // bytes, all chips, of all ranks' tokens
  std::vector<KvReads> kv_reads_;
  std::vector<StageTable> stages_;  // empty without a pipeline
  TwoBatchOverlap overlap_;
  KvExchange kv_exchange_;
  CommunicationTable communication_;
  std::optional<Drafting> drafting_;
  std::optional<TwoBatch> two_batch_;
  std::optional<ProfiledAttention> profiled_;
  bool plain_;
};

/// With drafts, in two half batches, or with a cache or prompts shared out.
SimTime KernelSum::special(std::span<const StepShape> ranks, bool padded) const {
  const auto more = [&](const StepShape& shape, std::uint32_t own) {
    return kv_exchange_(shape) + (drafting_ ? drafting_->rank(own, shape) : 0.0);
  };
  const auto whole_batch = [&](const StepShape& shape, std::uint32_t own) {
    return local_(own) + head_(graphs_.rows(shape)) + attention(shape) + more(shape, own);
  };
  const bool prompts = std::any_of(ranks.begin(), ranks.end(), [](const StepShape& s) { return s.prefill_tokens > 0; });
  const bool split = two_batch_ && splits(overlap_, prompts);
  double half = 0.0;  // of the slowest rank's MoE layers
  double slowest = 0.0;
  const auto in_halves = [&](const StepShape& shape, std::uint32_t own) {
    const AttentionWork work = attention_work(shape);
    const double share = two_batch_->moe_share();
    const double moe = two_batch_->half(own) + share * attention_(half_of(work));
    const double time = 2.0 * moe + two_batch_->dense(own) + (1.0 - share) * attention_(work) +
                        head_(graphs_.rows(shape)) + more(shape, own);
    if (time > slowest) {
      slowest = time;
      half = moe;
    }
    return time;
  };
  const Load step = split ? load(ranks, padded, in_halves) : load(ranks, padded, whole_batch);
  double chips = step.slowest + (drafting_ && has_experts_ ? drafting_->shared(step.tokens, step.rows) : 0.0);
  if (split) {
    const TwoBatchTime time{.comp = half + two_batch_->experts(step.tokens),
                            .comm = two_batch_->exchange(step.tokens, prompts),
                            .layers = two_batch_->moe_layers(),
                            .share = prompts ? overlap_.sm_share : 0.0};
    chips += time.total() - 2.0 * half;
  } else {
    chips += shared(step.tokens, prompts);
  }
  return whole(chips, launches(step), host(step.sequences));
}

SimTime KernelSum::stage(std::span<const StepShape> ranks) const {
  if (stages_.empty()) return price(ranks);
  const bool padded = graphs_.pads(ranks);
  double longest = 0.0;
  for (const StageTable& stage : stages_) {
    const Load step = load(ranks, padded, [&](const StepShape& shape, std::uint32_t own) {
      return stage.local(own) + stage.attention_share * (attention(shape) + kv_exchange_(shape)) +
             (stage.head ? head_(graphs_.rows(shape)) + (drafting_ ? drafting_->rank(own, shape) : 0.0) : 0.0);
    });
    double chips = step.slowest;
    chips += stage.moe_share * shared(step.tokens, step.prompts);
    if (has_experts_ && drafting_ && stage.head) chips += drafting_->shared(step.tokens, step.rows);
    longest = std::max(longest, std::max(chips, launches(step) * stage.attention_share));
  }
  return SimTime{std::max<std::int64_t>(1, static_cast<std::int64_t>(longest + 0.5))};
}

void KernelSum::decode_run(const StepShape& first, std::span<SimTime> prices) const {
  if (!plain_) return StepCost::decode_run(first, prices);
  StepShape shape = first;
  const std::uint32_t decodes = first.decodes;
  expect(decodes > 0 && decodes <= max_tokens_, "a run of decodes fits into a step");
  const std::uint32_t own = graphs_.tokens(shape, graphs_.pads({&shape, 1}));
  const double rank = local_(own) + head_(decodes);
  const double together = shared(own, false);
  const double on_host = host(decodes);
  const double launched = launches_.of(graphs_.captured(own, false), false);
  if (attention_.sees_everything()) {
    // The same sums in the same order, without asking each time what does not change.
    for (SimTime& price : prices) {
      const auto context = static_cast<double>(static_cast<std::int64_t>(shape.decode_context));
      price = whole(rank + attention_.decode(decodes, context, shape.longest_context) + together, launched, on_host);
      shape.grow();
    }
    return;
  }
  for (SimTime& price : prices) {
    price = whole(rank + attention_(attention_work(shape)) + together, launched, on_host);
    shape.grow();
  }
}

Bytes KernelSum::traffic(std::span<const StepShape> ranks) const {
  Bytes weights;
  std::uint64_t cache = 0;
  for (const StepShape& shape : ranks) {
    if (shape.tokens() == 0) continue;
    weights += rank_weights_;
    for (const KvReads& group : kv_reads_) cache += group.bytes(shape.decodes, shape.decode_context);
  }
  if (has_experts_) {
    const Load step = load(ranks, graphs_.pads(ranks), [](const StepShape&, std::uint32_t) { return 0.0; });
    weights += Bytes{expert_weights_(step.tokens)};
  }
  return Bytes{std::floor(weights.value() + 0.5) + static_cast<double>(cache)};
}

std::uint64_t KernelSum::decode_run_traffic(std::uint32_t decodes, std::uint64_t first_context,
                                            std::uint64_t steps) const {
  if (steps == 0) return 0;
  const StepShape first{.decodes = decodes, .decode_context = first_context};
  std::uint64_t sum = 0;
  std::uint64_t cache = 0;
  for (const KvReads& group : kv_reads_) {
    cache += group.bytes(decodes, first_context);
    sum += group.run_bytes(decodes, first_context, steps);
  }
  const auto weights = static_cast<std::uint64_t>(traffic({&first, 1}).value()) - cache;
  return sum + weights * steps;
}

PriceBasis KernelSum::basis(std::span<const StepShape> ranks) const {
  double longest = -1.0;
  const StepShape* slowest = nullptr;
  std::uint32_t slowest_own = 0;
  const Load step = load(ranks, graphs_.pads(ranks), [&](const StepShape& shape, std::uint32_t own) {
    // A rank alone is the slowest, whatever it takes.
    const double time = ranks.size() == 1 ? 0.0 : local_(own) + head_(graphs_.rows(shape)) + attention(shape);
    if (time > longest) {
      longest = time;
      slowest = &shape;
      slowest_own = own;
    }
    return time;
  });
  PriceBasis basis;
  local_.add_basis(slowest_own, basis);
  head_.add_basis(graphs_.rows(*slowest), basis);
  if (profiled_) {
    profiled_->add_basis(*slowest, attention_, coverage_, basis);
  } else {
    coverage_.add_basis(*slowest, attention_, basis);
  }
  if (has_experts_) (step.prompts && prompts_differ_ ? shared_prompts_ : shared_).add_basis(step.tokens, basis);
  return basis;
}

PriceBasis KernelSum::decode_run_basis(const StepShape& first, std::uint64_t steps) const {
  if (steps == 0) return {};
  if (profiled_ || !coverage_.covers_run(first.decodes, first.decode_context, steps)) {
    return StepCost::decode_run_basis(first, steps);
  }
  PriceBasis sum = basis({&first, 1});  // alike in all steps: attention adds nothing
  for (std::uint64_t& ns : sum.outside) ns *= steps;
  sum.table *= steps;
  return sum;
}

/// What `of` says of each step of a run, added up.
template <class Sum, class Of>
Sum sum_over(StepShape shape, std::uint64_t steps, Of of) {
  Sum sum{};
  for (std::uint64_t i = 0; i < steps; ++i) {
    sum += of(shape);
    shape.grow();
  }
  return sum;
}

}  // namespace

PriceBasis StepCost::basis(std::span<const StepShape>) const { return {}; }

PriceBasis StepCost::decode_run_basis(const StepShape& first, std::uint64_t steps) const {
  return sum_over<PriceBasis>(first, steps, [this](const StepShape& shape) { return basis({&shape, 1}); });
}

void StepCost::decode_run(const StepShape& first, std::span<SimTime> prices) const {
  StepShape shape = first;
  for (SimTime& price : prices) {
    price = step(shape);
    shape.grow();
  }
}

std::uint64_t StepCost::decode_run_traffic(std::uint32_t decodes, std::uint64_t first_context,
                                           std::uint64_t steps) const {
  return sum_over<std::uint64_t>(
      {.decodes = decodes, .decode_context = first_context}, steps,
      [this](const StepShape& shape) { return static_cast<std::uint64_t>(traffic({&shape, 1}).value()); });
}

SimTime StepCost::decode_run_exposed(const StepShape& first, std::uint64_t steps) const {
  return sum_over<SimTime>(first, steps, [this](const StepShape& shape) { return exposed({&shape, 1}); });
}

std::unique_ptr<StepCost> make_kernel_sum(const StepCostSpec& spec) {
  if (spec.ffn) return std::make_unique<AttentionFfn>(spec);
  return std::make_unique<KernelSum>(spec, StepParts(spec));
}

}  // namespace tokenyard::cost
