#pragma once

#include "models/base/collective_bytes.hpp"
#include "models/base/price_basis.hpp"
#include "models/base/sim_time.hpp"
#include "models/cost/communication.hpp"
#include "models/cost/network_figures.hpp"
#include "models/cost/roofline.hpp"
#include "models/cost/step_shape.hpp"
#include "models/cost/step_trips.hpp"
#include "models/device/accelerator.hpp"
#include "models/llm/architecture.hpp"
#include "models/llm/expert_load.hpp"
#include "models/llm/parallel_plan.hpp"
#include "models/llm/speculation.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tokenyard::cost {

/// What the host does around a step. Source: the experiment's engine profile.
struct HostOverhead {
  Seconds per_step;        ///< schedule, build inputs, launch, process outputs
  Seconds per_sequence;    ///< the part that grows with the batch
  bool overlapped = true;  ///< hidden behind the accelerator (asynchronous scheduling): the longer of both counts
  Seconds per_launch;      ///< to launch one kernel that no graph replays; launches run ahead of the chip
};

/// What of a step draws a chip's full power.
struct HeavyWork {
  Seconds at_peak;           ///< products and prompts' attention of the busiest chip at its dense peaks (PeakTime)
  Seconds decode_attention;  ///< of the rank whose decodes hold the most context
};

/// Two halves of a batch, so that the exchange of one half's experts hides behind the computation of the other's.
struct TwoBatchOverlap {
  bool decode = false;    ///< steps that only decode
  bool prefill = false;   ///< steps that hold prompt tokens
  double sm_share = 0.0;  ///< of the chip that exchange kernels keep from computation, in steps with prompt tokens
  /// Of the chip's cores, what attention has beside the other half's experts and exchange on the rest, in steps that
  /// only decode; 0: both halves compute on all cores, in turn.
  double attention_cores = 0.0;
};

/// What an engine fuses, or computes beside something else. Source: the experiment's engine profile.
struct KernelFusion {
  bool norm_in_all_reduce = false;  ///< norms behind an all-reduce of kernels with a norm of their own are part of it
  bool quantise_in_attention = false;  ///< attention writes what the output product reads
  bool rotary_apart = false;           ///< rotary embedding and append are kernels of their own (layer_work.hpp)
  std::uint32_t shared_experts_beside =
      0;  ///< up to so many tokens of a rank, shared experts run beside the routed ones
};

/// How the next token of a row of logits is chosen.
enum class Sampling : std::uint8_t {
  Greedy,  ///< the most probable one
  TopP     ///< one of the most probable ones, found by sorting the row
};

/// How ranks with tokens of their own reach experts on other chips.
enum class ExpertExchange : std::uint8_t {
  AllToAll,  ///< a token goes to the chips that hold its experts, their results come back
  Gather     ///< every chip gathers all tokens, results are added up and scattered: two collectives of the library
};

class KernelProfile;

/// Chips that hold the FFN of an instance whose other chips hold attention and KV cache (attention_ffn.hpp).
struct FfnSide {
  models::AcceleratorSpec chip;
  models::ParallelPlan plan;        ///< `tensor` chips share shared experts and dense FFN; `expert` groups of experts
  std::uint32_t micro_batches = 3;  ///< of a step, in flight between both sides
};

/// Everything that one instance's step time depends on.
struct StepCostSpec {
  models::LlmSpec llm;
  models::AcceleratorSpec chip;
  models::ParallelPlan plan;
  models::Precision precision;
  NetworkFigures network;  ///< of the chips this instance was placed on
  HostOverhead host;
  models::ExpertLoad expert_load;
  models::SpeculationSpec speculation;  ///< every decode of a step verifies that many drafts beside its own token
  TwoBatchOverlap two_batch;
  /// Prompts and decodes of a step share one launch of attention, on chips that have such a kernel.
  bool one_attention_kernel = false;
  KernelFusion fusion;
  /// Latent attention: prompts that see cached tokens, fewer than so many in a step of a rank, are computed as decodes
  /// are, absorbed; 0: none are.
  std::uint32_t absorbed_prefix_below = 0;
  ExpertExchange expert_exchange = ExpertExchange::AllToAll;
  Sampling sampling = Sampling::Greedy;  ///< of every row; top-p needs a chip with figures of it
  std::optional<FfnSide> ffn{};          ///< absent: attention and FFN on the same chips
  std::uint32_t max_tokens = 8192;       ///< largest step of one attention rank, drafts included
  std::vector<std::uint32_t>
      graph_sizes;  ///< tokens; decode-only steps are padded up to the next of these; empty = no graphs
  bool pad_to_graphs =
      true;  ///< false: not padded; steps of just such a size replay a graph, others launch their kernels
  const KernelProfile* profile =
      nullptr;  ///< the user's own kernels, where they were measured; needed until the cost is made
  /// Steps with prompt tokens replay graphs piece by piece up to so many tokens of a rank; absent: up to the largest of
  /// graph_sizes.
  std::optional<std::uint32_t> prompt_graph_tokens;
};

/// Price of a step, compiled: a few look-ups whatever the batch and however many layers.
class StepCost {
 public:
  virtual ~StepCost() = default;

  /// Duration of one step in which each attention rank computes its shape. One shape per rank, by rank; ranks run in
  /// lockstep: the slowest rank's attention and projections, the experts and their exchange once for all. A rank
  /// without tokens waits; where the ranks replay a graph, all replay that of the rank with the most tokens. With
  /// pipeline stages it is one pass through all of them, with a hop for each. Never 0 and never falling when a
  /// decode_context grows. REQUIRES: at least one token, none above max_tokens a rank.
  [[nodiscard]] virtual SimTime step(std::span<const StepShape> ranks) const = 0;

  /// The same for one rank (attention_data == 1). Gives exactly what step({shape}) gives.
  [[nodiscard]] virtual SimTime step(const StepShape& shape) const = 0;

  /// Which steps ask for the longest context of their decodes.
  [[nodiscard]] virtual AsksLongest asks_longest() const { return AsksLongest::Always; }

  /// The part of step() that the slowest pipeline stage takes: its layers, its hop, on the last one the head. The next
  /// step can follow after this time; without a pipeline it is step(). The host's part is left out.
  [[nodiscard]] virtual SimTime stage(std::span<const StepShape> ranks) const { return step(ranks); }

  /// Memory traffic of one step on the whole instance: the chips of every rank that has tokens read the
  /// weights of their layers and head, all chips those of the hit experts, and the decodes their KV cache. Activations
  /// and what prompts read of the cache are left out. Whole bytes.
  [[nodiscard]] virtual Bytes traffic(std::span<const StepShape> ranks) const = 0;

  /// What of step(ranks) draws a chip's full power, over all pipeline stages; nothing where a cost has no notion of it.
  [[nodiscard]] virtual HeavyWork heavy_work(std::span<const StepShape> ranks) const {
    static_cast<void>(ranks);
    return {};
  }

  /// The part of step(ranks) in which collectives run that no computation hides; 0 where a cost has no notion of them.
  [[nodiscard]] virtual SimTime exposed(std::span<const StepShape> ranks) const {
    static_cast<void>(ranks);
    return SimTime{};
  }
  /// What the collectives of step(ranks) send; likewise.
  [[nodiscard]] virtual Communication communication(std::span<const StepShape> ranks) const {
    static_cast<void>(ranks);
    return {};
  }

  /// What they send out of the ports of all chips: all-reduces by the algorithm that the price takes for the step's
  /// tokens, dispatch and combine by the kernel of such steps, a stage hop once for each of the receiving stage's
  /// tensor ranks. Tokens that fill up a graph are sent too. Left out: what chips that share a cache send each other
  /// (KvExchange), and drafts. 0 where a cost has no notion of collectives.
  [[nodiscard]] virtual CollectiveBytes bytes(std::span<const StepShape> ranks) const {
    static_cast<void>(ranks);
    return {};
  }

  /// By how much step(ranks) grows when all its ways out together take `out` longer, and those back `back`
  /// (Communication::ways). Without any it is their sum.
  [[nodiscard]] virtual SimTime longer(std::span<const StepShape> ranks, Seconds out, Seconds back) const {
    static_cast<void>(ranks);
    return SimTime::from(out + back);
  }

  /// The step as its micro-batches go through it; absent where attention and FFN stand on the same chips.
  [[nodiscard]] virtual std::optional<StepTrips> trips(std::span<const StepShape> ranks) const {
    static_cast<void>(ranks);
    return {};
  }

  /// What the price of a step rests on: of its slowest rank, and of what all ranks do together. Drafts, half batches
  /// and the exchange of a shared cache are counted as the plain step. The default has no such figures and gives
  /// nothing.
  [[nodiscard]] virtual PriceBasis basis(std::span<const StepShape> ranks) const;

  // A run of decode steps of one rank: the i-th has `decodes` sequences and a decode_context of first_context + i *
  // decodes.

  /// prices[i] becomes exactly what step() gives for the i-th step, whose longest context is longer by i than the
  /// first's. REQUIRES: `first` only decodes.
  virtual void decode_run(const StepShape& first, std::span<SimTime> prices) const;

  /// Exactly the sum of traffic() over the first `steps` steps, in bytes.
  [[nodiscard]] virtual std::uint64_t decode_run_traffic(std::uint32_t decodes, std::uint64_t first_context,
                                                         std::uint64_t steps) const;

  /// Exactly the sum of exposed() over the first `steps` steps from `first` on, as decode_run() takes it.
  [[nodiscard]] virtual SimTime decode_run_exposed(const StepShape& first, std::uint64_t steps) const;

  /// Exactly the sum of basis() over the first `steps` steps of a run that begins with `first`.
  [[nodiscard]] virtual PriceBasis decode_run_basis(const StepShape& first, std::uint64_t steps) const;
};

/// Compiles the kernel-sum model of the room's README. Throws SpecError("weights" | "experts" | "kv" | ..., ...) when
/// the chip has no kernel for a format the plan needs.
[[nodiscard]] std::unique_ptr<StepCost> make_kernel_sum(const StepCostSpec& spec);

/// One line of the price of one step: where the time goes.
struct CostLine {
  std::string name;  ///< "qkv", "decode attention", "experts", "all-reduce", ...
  Seconds time;      ///< over all layers
  /// What it computes and moves on one chip, of the slowest rank and the busiest of its experts; with pipeline stages
  /// on one of each. Nothing of what sends, waits or hides. Tokens that fill up a graph are computed too.
  Roofline roofline{};
};
/// The same price as make_kernel_sum(spec)->step(ranks), taken apart; for tests, `tokenyard explain` and doubt. Where
/// attention and FFN stand apart, each line of theirs is of one micro-batch on one chip of its side.
[[nodiscard]] std::vector<CostLine> explain_step(const StepCostSpec& spec, std::span<const StepShape> ranks);

}  // namespace tokenyard::cost
