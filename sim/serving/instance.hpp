#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "models/cost/step_cost.hpp"
#include "sim/engine/engine.hpp"
#include "sim/metrics/instance_meter.hpp"
#include "sim/metrics/records.hpp"
#include "sim/policy/batch_rules.hpp"
#include "sim/policy/rank_balance.hpp"
#include "sim/policy/router.hpp"
#include "sim/policy/spec.hpp"
#include "sim/serving/acceptance.hpp"
#include "sim/serving/chip_clocks.hpp"
#include "sim/serving/contention.hpp"
#include "sim/serving/front_end.hpp"
#include "sim/serving/prefetch_flows.hpp"
#include "sim/serving/rank.hpp"
#include "sim/serving/request_way.hpp"
#include "sim/serving/sequence.hpp"
#include "sim/serving/step_flows.hpp"
#include "sim/serving/step_forecast.hpp"
#include "sim/serving/tier_flows.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tokenyard::serving {

/// What happens inside an instance that others care about; implemented by Serving.
class InstanceListener {
 public:
  virtual ~InstanceListener() = default;
  /// A sequence has handed out its last token (or, on a prefill instance, has its prompt done and its blocks pinned).
  virtual void on_done(SequenceId id, SimTime now) = 0;
  /// A decode instance has blocks for this sequence: its KV can be fetched.
  virtual void on_fetch(SequenceId id, SimTime now) = 0;
  /// A step from `start` to `end` with a chunk of this prompt has been composed, after which `computed` tokens of it
  /// are in the cache. Told on request only (InstanceSettings::tell_chunks).
  virtual void on_chunk(SequenceId id, std::uint32_t computed, SimTime start, SimTime end) = 0;
  /// The KV of a sequence that was given up has come after all: nothing of it is left here.
  virtual void on_gone(SequenceId id) = 0;
  /// Written on request only (InstanceSettings::log_steps).
  virtual void on_step(const metrics::StepRecord& step) = 0;
};

struct InstanceSettings {
  InstanceId id;
  std::uint32_t ranks = 1;            ///< attention ranks, in lockstep
  std::uint32_t stages = 1;           ///< of its pipeline
  std::uint32_t lanes = 1;            ///< batches of their own that go through the pipeline; see Instance
  std::uint32_t blocks_per_rank = 1;  ///< of one lane
  std::uint32_t block_tokens = 16;
  /// Of the model's layers, where the engine keeps less of those with a sliding window (kv::BlockLayout).
  std::uint32_t full_groups = 1;
  std::uint32_t windowed_groups = 0;
  std::uint32_t window = 0;
  std::uint32_t depth = 2;  ///< steps in flight: 2 = asynchronous scheduling, 1 = synchronous; 1 in a pipeline
  std::uint32_t chips = 1;
  FrontEndSpec front_end;
  std::optional<RequestWay> requests{};          ///< from and to users; absent: calls and tokens are there at once
  bool hand_off = false;                         ///< prefill role
  std::optional<kv::PrefixCacheSpec> caching{};  ///< absent = freed blocks are forgotten
  std::optional<kv::TiersSpec> tiers{};          ///< behind the prefix cache
  Bytes block_bytes;                             ///< of a KV block on all chips of its rank; for the tiers
  kv::TierStore* pool = nullptr;                 ///< what TierKind::Pool holds; outlives the instance
  bool step_by_step = false;                     ///< one event a step; same results, for the test of that
  bool log_steps = false;
  Acceptance* acceptance = nullptr;  ///< of drafts that decodes verify; null: there are none. Outlives the instance.
  bool tell_chunks = false;          ///< prefill role: KV leaves while the prompt is computed
  Contention* contention =
      nullptr;                      ///< with KV flows, of its collectives; null: they meet none. Outlives the instance.
  StepFlows* flows = nullptr;       ///< play its collectives; null: they are in the price of its steps, which it plays
                                    ///< itself. Outlives the instance. Without a pipeline or tell_chunks only.
  TierFlows* tier_flows = nullptr;  ///< carry the blocks of its tiers that are on the machine's links; null: none are.
                                    ///< Outlives the instance.
  Watts decode_power;               ///< of one chip
  Watts prefill_power;
  std::optional<models::BurstClocks> clocks{};  ///< of its chips

  [[nodiscard]] kv::BlockLayout layout() const {
    return {.tokens = block_tokens, .full = full_groups, .windowed = windowed_groups, .window = window};
  }
};

/// One model instance: composes steps, prices them, plays them in time.
///
/// It is advanced lazily. While its batch does not change, its steps are not events: they are priced and booked, each
/// once, when the instance is next looked at or when its next change is due. The wake-up is set at a lower bound of
/// that change (steps only get longer as contexts grow) and set anew until the bound is the change itself. So a run of
/// k decode steps costs k look-ups and two or three events, and an arrival in its middle finds the
/// instance at the step boundary it falls in.
class Instance final : public engine::EventHandler, public StepsOnLinks, public StepOwner {
 public:
  /// References outlive the instance, `rules` excepted. `cost` must never fall when a context grows.
  Instance(const InstanceSettings& settings, engine::Engine& engine, SequenceTable& sequences,
           const policy::RulesSpec& rules, const cost::StepCost& cost, metrics::InstanceMeter& meter,
           InstanceListener& listener);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // REQUIRES for these: advance() to this instant has been called: up to now for what comes from outside
  // (arrivals, flows, which precede the steps of their instant), now included for reactions to steps of this instant.

  /// A call is here now; gives when its front end hands it to the scheduler: at once, or later.
  [[nodiscard]] SimTime accept(SequenceId id);
  /// Its scheduler gets it later: then submit_held() is due.
  void hold(SequenceId id);
  void submit_held(SequenceId id);
  /// A request reaches the scheduler now, and goes to the attention rank that next_rank() names, or to the one named.
  void submit(SequenceId id) { submit(id, next_rank()); }
  void submit(SequenceId id, std::uint32_t rank);
  /// The KV of a sequence that on_fetch() announced has arrived now.
  void kv_arrived(SequenceId id);
  /// The other side has fetched a pinned sequence's KV now.
  void release(SequenceId id);
  /// A call that is held is not wanted any more: instead of submit_held().
  void drop_held(SequenceId id);
  /// Its user has gone. It leaves at once; if its KV is on the way, when that has come, which on_gone() tells.
  void cancel(SequenceId id);

  /// Where the cache of one of its ranks holds most of the beginning of a sequence's prompt.
  struct Beginning {
    std::uint32_t rank = 0;
    std::uint32_t blocks = 0;
  };
  [[nodiscard]] Beginning longest_beginning(SequenceId id);
  /// The same of one rank.
  [[nodiscard]] std::uint32_t beginning_at(SequenceId id, std::uint32_t rank);
  /// The beginning that was copied for a sequence that is held (Sequence::copied_blocks) is at its rank now.
  void adopt(SequenceId id);

  /// A measured request whose prompt was computed here has ended.
  void measured(const Sequence& sequence);

  /// The run has ended.
  void finish(SimTime end);

  /// Books all steps that have ended before `now`, or also those that end at it.
  void advance(SimTime now, bool inclusive);

  /// Tells of every name that the prefix caches of its ranks begin or cease to hold. Evictions are told when the cache
  /// is next looked at.
  void on_names(const std::function<void(std::uint64_t name, bool here, SimTime when)>& listener);

  /// The rank that a request would go to, as of the last advance(): vLLM's balancing, the first minimum of 4 * waiting
  /// + running. Lanes are chosen alike.
  [[nodiscard]] std::uint32_t next_rank() const;
  /// As of the last advance().
  [[nodiscard]] policy::InstanceView view() const;
  /// InstanceView::queued_prefill, as of the last advance() to now.
  [[nodiscard]] SimTime queued_prefill() const;
  [[nodiscard]] std::uint32_t running() const;
  [[nodiscard]] std::uint32_t waiting() const;
  [[nodiscard]] std::uint64_t used_blocks() const;
  [[nodiscard]] std::uint64_t total_blocks() const;
  [[nodiscard]] const InstanceSettings& settings() const { return settings_; }

  void on_event(std::uint64_t what) override;
  void links_change() override { advance(engine_.now(), false); }
  void links_changed() override;
  void step_played() override;

 private:
  struct Step {
    SimTime composed;
    SimTime start;
    SimTime end;
    SimTime alone;  // its price, on idle links
    SimTime delay;  // by which it takes longer beside the flows of this moment, if they had been there from its start
    std::vector<RankStep> ranks;

    // What its prompts wait for at tiers. Of what is loaded layer by layer the first layer's part is awaited before it
    // starts, the rest before its last layer.
    SimTime not_before;              // it may not start; where that is known when it is composed
    bool held = false;               // its start is not known yet: it waits for events
    bool played = false;             // flows have played it: it waits for its last layer
    std::uint32_t awaited = 0;       // events before it may start
    std::uint32_t awaited_rest = 0;  // events before its last layer
    SimTime came;                    // the latest of these so far
    SimTime rest_came;
  };
  /// Schedulers that compose together, and their steps in flight, in a ring.
  struct Lane {
    std::span<Rank> ranks;
    std::vector<Step> steps;
    std::size_t first = 0;
    std::size_t in_flight = 0;
    SimTime last_end;              // end of the last step that was booked
    std::vector<SequenceId> late;  // decodes that the last booked step left out: their last token came earlier
    std::optional<policy::RankBalance> balance;  // where ranks wait for each other with their prompts

    [[nodiscard]] Step& oldest() { return steps[first]; }
    [[nodiscard]] const Step& oldest() const { return steps[first]; }
    [[nodiscard]] Step& at(std::size_t i) { return steps[(first + i) % steps.size()]; }
    [[nodiscard]] const Step& at(std::size_t i) const { return steps[(first + i) % steps.size()]; }
  };

  [[nodiscard]] std::uint32_t index_of(const Rank& rank) const {
    return static_cast<std::uint32_t>(&rank - ranks_.data());
  }
  [[nodiscard]] Lane& lane_of(const Rank& rank);
  [[nodiscard]] std::uint64_t place_of(const Lane& lane, const Step& step) const {
    return static_cast<std::uint64_t>(&lane - lanes_.data()) * kMaxDepth +
           static_cast<std::uint64_t>(&step - lane.steps.data());
  }
  [[nodiscard]] Lane* next_lane(SimTime until);
  void stirred(const Rank& rank);
  void run_alone(Lane& lane, SimTime until, std::uint64_t plain);
  [[nodiscard]] std::uint64_t sum_run(Lane& lane, SimTime limit, std::uint64_t plain);
  void run_plain(Lane& lane, SimTime until, std::uint64_t plain);
  void complete_oldest(Lane& lane);
  [[nodiscard]] bool may_compose(const Lane& lane) const;
  [[nodiscard]] bool prompt_can_follow() const;
  void fill(Lane& lane, SimTime now);
  bool compose(Lane& lane, SimTime now);
  static void balance(Lane& lane);
  void schedule(Step& step, SimTime ready);
  void play(Step& step);
  [[nodiscard]] SimTime price() const;
  [[nodiscard]] SimTime slowed(SimTime start, SimTime time);
  [[nodiscard]] cost::HeavyWork heavy_work(std::span<const cost::StepShape> ranks) const;
  [[nodiscard]] SimTime delay() const;
  void load_shapes(const Step& step);
  void tell_load();
  [[nodiscard]] std::uint64_t plain_composes(const Lane& lane) const;
  [[nodiscard]] SimTime next_change(const Lane& lane);
  void set_wake();
  void book(Lane& lane, const Step& step);
  [[nodiscard]] SimTime exposed(const Step& step) const;
  void send_decodes(const Step& step);
  [[nodiscard]] std::uint64_t book_late(Lane& lane, const Step& step);
  void log(const Step& step);
  void hand_out_prompts(SimTime now, const RankStep& rank_step, std::uint64_t& tokens);
  void tell_news(SimTime now, Lane& lane, Rank& rank);
  void book_cache(SimTime now, const Rank& rank);
  [[nodiscard]] metrics::CacheSums look_up_of(const Sequence& sequence) const;
  void begin_taken_over(SimTime now, SequenceId id);
  void use_tiers();
  [[nodiscard]] SimTime last_layer(const Step& step) const;
  [[nodiscard]] bool waits_by_events() const { return settings_.tier_flows != nullptr || settings_.flows != nullptr; }
  void read(const Rank& rank, const kv::TierStack::Counts& blocks, SimTime rest, std::uint64_t what,
            double share = 1.0);
  void await_places(SimTime now, Lane& lane);
  void send_written(const Rank& rank);
  void part_came(std::uint64_t what);
  void release_held();
  void step_over();
  void begin_step(Lane& lane, Step& step);
  void prefetch_came(std::uint32_t key);
  [[nodiscard]] kv::TierStack& tiers_of(std::uint32_t rank) { return tiers_[rank % settings_.ranks]; }
  [[nodiscard]] kv::TierStack& tiers_of(const Rank& rank) { return tiers_of(index_of(rank)); }
  void read_tiers(SimTime now, Rank& rank);
  void read_for_step(SimTime now, Lane& lane, const Rank& rank);
  [[nodiscard]] SimTime tiers_done(const Lane& lane) const;
  void await_prefetch(SequenceId id);
  void await_prefetches(std::uint32_t rank);
  void prefetch_due(SequenceId id);
  void set_level(SimTime now);

  static constexpr std::uint64_t kTierRead = std::uint64_t{1}
                                             << 62U;  // event code, with the sequence: a read has ended
  static constexpr std::uint64_t kPrefetched = std::uint64_t{1} << 61U;  // likewise: a prefetch may have ended
  static constexpr std::uint64_t kStepOver = std::uint64_t{1} << 60U;    // a step that flows have played ends
  /// A step may start, or come to its last layer, as far as this goes; with the step's lane and place in its ring.
  static constexpr std::uint64_t kStepPart = std::uint64_t{1} << 59U;
  static constexpr std::uint64_t kStepRest = std::uint64_t{1} << 58U;

  InstanceSettings settings_;
  engine::Engine& engine_;
  SequenceTable& sequences_;
  const cost::StepCost& cost_;
  StepForecast forecast_;
  metrics::InstanceMeter& meter_;
  InstanceListener& listener_;
  std::vector<Rank> ranks_;  // lane by lane
  std::vector<Lane> lanes_;
  std::vector<cost::StepShape> shapes_;  // of the step being composed or priced, by rank
  std::vector<cost::StepShape> booked_;  // of the step being booked, by rank

  std::array<SimTime, 128> prices_;  // of the run being played, and its gaps
  std::array<SimTime, 128> gaps_;

  std::size_t in_flight_ = 0;                     // steps of all lanes
  SimTime entrance_;                              // a pipeline takes the next step from here on
  SimTime exit_;                                  // end of the step that entered last
  SimTime booked_until_;                          // end of the last step that was booked
  std::unique_ptr<kv::TierStore> drives_;         // what TierKind::Nvme holds, of all ranks
  std::vector<kv::TierStack> tiers_;              // by rank; lanes share those of their rank
  std::optional<kv::TierStack::Read> step_read_;  // what the step being composed waits for
  std::vector<kv::TierStack::Traffic> booked_traffic_;
  std::vector<std::array<std::uint64_t, kv::kTiers>> sent_blocks_;  // that are on the machine's links, likewise by rank
  std::vector<std::unique_ptr<PrefetchFlows>> prefetches_;          // likewise; none without a prefetch over links
  std::deque<std::uint64_t> held_;  // steps that wait for events, in order, as lane and place in its ring
  std::vector<kv::BlockStore::Counts> booked_counts_;  // of the ranks' prefix caches, by rank of all lanes
  FrontEnd front_end_;
  ChipClocks clocks_;
  std::uint64_t held_tokens_ = 0;  // of calls that the scheduler gets later
  SimTime held_prefill_;           // expected of these
  bool kicked_ = false;
  std::uint64_t wake_number_ = 0;
  SimTime wake_at_ = SimTime::never();
};

}  // namespace tokenyard::serving
