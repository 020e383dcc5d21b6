#include "models/cost/step_cost.hpp"

#include "models/base/errors.hpp"
#include "models/cost/attention.hpp"
#include "models/cost/attention_coverage.hpp"
#include "models/cost/attention_ffn.hpp"
#include "models/cost/communication_table.hpp"
#include "models/cost/drafting.hpp"
#include "models/cost/graph_padding.hpp"
#include "models/cost/kv_exchange.hpp"
#include "models/cost/latent_products.hpp"
#include "models/cost/layer_work.hpp"
#include "models/cost/part_table.hpp"
#include "models/cost/peak_time.hpp"
#include "models/cost/profiled_attention.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/step_traffic.hpp"
#include "models/cost/token_table.hpp"
#include "models/cost/two_batch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace tokenyard::cost {
namespace {

double ns(Seconds time) { return time.value() * 1e9; }

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
        latents_(spec, parts, graphs_.largest()),
        decodes_(latents_.with_absorbed(local_.total())),
        attention_(spec),
        coverage_(spec),
        host_per_step_(ns(spec.host.per_step)),
        host_per_sequence_(ns(spec.host.per_sequence)),
        host_overlapped_(spec.host.overlapped),
        launches_(launch_times(spec, parts)),
        traffic_(spec, parts),
        stages_(stage_tables(spec, parts, graphs_.largest())),
        overlap_(spec.two_batch),
        kv_exchange_(spec),
        communication_(spec, parts),
        peak_time_(spec) {
    if (spec.profile != nullptr) profiled_.emplace(spec, *spec.profile);
    if (profiled_ && !profiled_->any()) profiled_.reset();
    if (spec.speculation.tokens > 0) drafting_.emplace(spec, graphs_.largest(), largest_total(spec));
    if (overlap_.decode || overlap_.prefill) two_batch_.emplace(spec, parts, graphs_.largest(), largest_total(spec));
    plain_ = !drafting_ && !two_batch_ && !kv_exchange_.active() && !profiled_;
  }

  [[nodiscard]] SimTime step(std::span<const StepShape> ranks) const override { return price(ranks); }
  [[nodiscard]] SimTime step(const StepShape& shape) const override { return price({&shape, 1}); }
  [[nodiscard]] AsksLongest asks_longest() const override {
    if (attention_.waits_for_longest()) return AsksLongest::Always;
    return attention_.one_kernel() ? AsksLongest::WithPrompts : AsksLongest::Never;
  }
  [[nodiscard]] SimTime stage(std::span<const StepShape> ranks) const override;
  [[nodiscard]] Bytes traffic(std::span<const StepShape> ranks) const override {
    return traffic_(ranks, traffic_.has_experts() ? tokens(ranks) : 0);
  }
  [[nodiscard]] HeavyWork heavy_work(std::span<const StepShape> ranks) const override {
    const StepShape& most = *std::max_element(ranks.begin(), ranks.end(), [](const StepShape& a, const StepShape& b) {
      return a.decode_context < b.decode_context;
    });
    const double attention =
        most.decodes == 0
            ? 0.0
            : attention_.decode(most.decodes, static_cast<double>(most.decode_context), most.longest_context);
    return {.at_peak = peak_time_(ranks), .decode_attention = Seconds{1e-9 * attention}};
  }
  void decode_run(const StepShape& first, std::span<SimTime> prices) const override;
  [[nodiscard]] std::uint64_t decode_run_traffic(std::uint32_t decodes, std::uint64_t first_context,
                                                 std::uint64_t steps) const override {
    if (steps == 0) return 0;
    const StepShape first{.decodes = decodes, .decode_context = first_context};
    return traffic_.of_run(decodes, first_context, steps, traffic({&first, 1}));
  }
  [[nodiscard]] Communication communication(std::span<const StepShape> ranks) const override {
    return communication_.sent(ranks);
  }
  [[nodiscard]] CollectiveBytes bytes(std::span<const StepShape> ranks) const override {
    return communication_.bytes(ranks);
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

  /// Tokens that all ranks compute.
  [[nodiscard]] std::uint32_t tokens(std::span<const StepShape> ranks) const {
    return load(ranks, graphs_.pads(ranks), [](const StepShape&, std::uint32_t) { return 0.0; }).tokens;
  }

  [[nodiscard]] SimTime price(std::span<const StepShape> ranks) const {
    if (plain_ && attention_.sees_everything()) {
      std::uint32_t prompts = 0;
      std::uint32_t most = 0;
      for (const StepShape& shape : ranks) {
        prompts |= shape.prefill_tokens;
        most = std::max(most, shape.decodes);
      }
      if (prompts == 0) return decodes(ranks, most);
    }
    const bool padded = graphs_.pads(ranks);
    if (!plain_) return special(ranks, padded);
    std::uint32_t last = 0;  // ranks that replay one graph compute the same number of tokens
    double local = 0.0;
    const Load step = load(ranks, padded, [&](const StepShape& shape, std::uint32_t own) {
      if (own != last) local = local_(own);
      last = own;
      return local + latents_(latent_work(shape, own)) + head_(graphs_.rows(shape)) + attention_(attention_work(shape));
    });
    return whole(step.slowest + shared(step.tokens, step.prompts), launches(step), host(step.sequences));
  }
  /// Most steps of most runs: nothing but decodes, `most` of a rank at the most. The same sums as load() makes, without
  /// asking each rank what decodes do not have. Of ranks of one size the one with the most context is the slowest: that
  /// of a price that never falls as contexts grow, where the longest of them adds nothing.
  [[nodiscard]] SimTime decodes(std::span<const StepShape> ranks, std::uint32_t most) const {
    expect(most > 0 && most <= max_tokens_, "a step has a token and at most max_tokens a rank");
    const std::uint32_t common = graphs_.common(most, ranks.size());
    double slowest = 0.0;
    std::uint32_t tokens = 0;
    std::uint32_t largest = 0;
    const auto padded = [&](const StepShape& rank) { return common > 0 ? common : graphs_.padded(rank.decodes); };
    const auto price = [&](const StepShape& rank) {
      const std::uint32_t own = padded(rank);
      largest = std::max(largest, own);
      const auto context = static_cast<double>(static_cast<std::int64_t>(rank.decode_context));
      const double attention = attention_.decode(attention_.batch(rank.decodes), context, rank.longest_context);
      slowest = std::max(slowest, decodes_(own) + head_(rank.decodes) + attention);
    };
    if (ranks.size() == 1) {
      tokens = padded(ranks[0]);
      price(ranks[0]);
    } else {
      std::array<const StepShape*, 8> fullest{};  // of a size each; ranks rarely differ by more
      const bool unlike = attention_.waits_for_longest();
      for (const StepShape& shape : ranks) {
        if (shape.decodes == 0) continue;
        tokens += padded(shape);
        const StepShape*& seen = fullest[shape.decodes % fullest.size()];
        if (seen != nullptr && (unlike || seen->decodes != shape.decodes)) {
          price(*seen);
        } else if (seen != nullptr && seen->decode_context >= shape.decode_context) {
          continue;
        }
        seen = &shape;
      }
      for (const StepShape* shape : fullest) {
        if (shape != nullptr) price(*shape);
      }
    }
    if (common > 0) tokens = common * static_cast<std::uint32_t>(ranks.size());  // ranks without work replay it too
    return whole(slowest + shared(tokens, false), launches_.of(graphs_.captured(largest, false), false), host(most));
  }
  /// Attention of a rank's whole batch, in ns, by the user's table where it has it.
  [[nodiscard]] double attention(const StepShape& shape) const {
    return profiled_ ? (*profiled_)(shape, attention_).ns() : attention_(attention_work(shape));
  }
  [[nodiscard]] SimTime special(std::span<const StepShape> ranks, bool padded) const;
  /// What the price of a step rests on whose slowest rank computes `shape` as `own` tokens, all ranks together
  /// `tokens`.
  [[nodiscard]] PriceBasis basis(const StepShape& shape, std::uint32_t own, std::uint32_t tokens, bool prompts) const;

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
  LatentProducts latents_;
  TokenTable decodes_;  // local_ and latents_ of a rank that only decodes
  Attention attention_;
  AttentionCoverage coverage_;
  double host_per_step_;
  double host_per_sequence_;
  bool host_overlapped_;
  LaunchTimes launches_;

  StepTraffic traffic_;
  std::vector<StageTable> stages_;  // empty without a pipeline
  TwoBatchOverlap overlap_;
  KvExchange kv_exchange_;
  CommunicationTable communication_;
  PeakTime peak_time_;
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
    return local_(own) + latents_(latent_work(shape, own)) + head_(graphs_.rows(shape)) + attention(shape) +
           more(shape, own);
  };
  const bool prompts = std::any_of(ranks.begin(), ranks.end(), [](const StepShape& s) { return s.prefill_tokens > 0; });
  const bool split = two_batch_ && splits(overlap_, prompts);
  RankHalf half;  // of the slowest rank's MoE layers
  double slowest = 0.0;
  const auto in_halves = [&](const StepShape& shape, std::uint32_t own) {
    const RankHalf moe = two_batch_->half(shape, own, prompts);
    const double time =
        2.0 * moe.total() + two_batch_->dense(shape, own) + head_(graphs_.rows(shape)) + more(shape, own);
    if (time > slowest) {
      slowest = time;
      half = moe;
    }
    return time;
  };
  const Load step = split ? load(ranks, padded, in_halves) : load(ranks, padded, whole_batch);
  double chips = step.slowest + (drafting_ && has_experts_ ? drafting_->shared(step.tokens, step.rows) : 0.0);
  if (split) {
    chips += two_batch_->time(half, step.tokens, prompts).total() - 2.0 * half.total();
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
      return stage.local(own) +
             stage.attention_share * (latents_(latent_work(shape, own)) + attention(shape) + kv_exchange_(shape)) +
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
  const double rank = decodes_(own) + head_(decodes);
  const double together = shared(own, false);
  const double on_host = host(decodes);
  const double launched = launches_.of(graphs_.captured(own, false), false);
  if (attention_.sees_everything()) {
    // The same sums in the same order, without asking each time what does not change.
    const DecodeBatch batch = attention_.batch(decodes);
    for (SimTime& price : prices) {
      const auto context = static_cast<double>(static_cast<std::int64_t>(shape.decode_context));
      price = whole(rank + attention_.decode(batch, context, shape.longest_context) + together, launched, on_host);
      shape.grow();
    }
    return;
  }
  for (SimTime& price : prices) {
    price = whole(rank + attention_(attention_work(shape)) + together, launched, on_host);
    shape.grow();
  }
}

PriceBasis KernelSum::basis(std::span<const StepShape> ranks) const {
  const bool padded = graphs_.pads(ranks);
  if (ranks.size() == 1) {  // the slowest, whatever it takes
    const std::uint32_t own = graphs_.tokens(ranks[0], padded);
    return basis(ranks[0], own, own, ranks[0].prefill_tokens > 0);
  }
  double longest = -1.0;
  const StepShape* slowest = nullptr;
  std::uint32_t slowest_own = 0;
  const Load step = load(ranks, padded, [&](const StepShape& shape, std::uint32_t own) {
    const double time = local_(own) + latents_(latent_work(shape, own)) + head_(graphs_.rows(shape)) + attention(shape);
    if (time > longest) {
      longest = time;
      slowest = &shape;
      slowest_own = own;
    }
    return time;
  });
  return basis(*slowest, slowest_own, step.tokens, step.prompts);
}

PriceBasis KernelSum::basis(const StepShape& shape, std::uint32_t own, std::uint32_t tokens, bool prompts) const {
  PriceBasis basis;
  local_.add_basis(own, basis);
  latents_.add_basis(latent_work(shape, own), basis);
  head_.add_basis(graphs_.rows(shape), basis);
  if (profiled_) {
    profiled_->add_basis(shape, attention_, coverage_, basis);
  } else {
    coverage_.add_basis(shape, attention_, basis);
  }
  if (has_experts_) (prompts && prompts_differ_ ? shared_prompts_ : shared_).add_basis(tokens, basis);
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

}  // namespace

std::unique_ptr<StepCost> make_kernel_sum(const StepCostSpec& spec) {
  if (spec.ffn) return std::make_unique<AttentionFfn>(spec);
  return std::make_unique<KernelSum>(spec, StepParts(spec));
}

}  // namespace tokenyard::cost
