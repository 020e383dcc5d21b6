#include "sim/serving/instance.hpp"

#include "models/base/errors.hpp"
#include "sim/policy/rules.hpp"

#include <algorithm>

namespace tokenyard::serving {
namespace {

/// Event code of "compose from idle"; wake-ups carry their number.
constexpr std::uint64_t kKick = UINT64_MAX;

}  // namespace

Instance::Instance(const InstanceSettings& settings, engine::Engine& engine, SequenceTable& sequences,
                   const policy::RulesSpec& rules, const cost::StepCost& cost, metrics::InstanceMeter& meter,
                   InstanceListener& listener)
    : settings_(settings),
      engine_(engine),
      sequences_(sequences),
      cost_(cost),
      forecast_(cost, rules, settings.ranks),
      meter_(meter),
      listener_(listener),
      shapes_(settings.ranks),
      booked_(settings.ranks),
      booked_counts_(std::size_t{settings.lanes} * settings.ranks),
      front_end_(settings.front_end),
      clocks_(settings.clocks) {
  expect(settings.depth >= 1 && settings.depth <= 2, "one or two steps in flight");
  expect(settings.stages == 1 ? settings.lanes == 1 : settings.depth == 1, "lanes keep a pipeline busy, not depth");
  expect(settings.flows == nullptr || (settings.stages == 1 && !settings.tell_chunks),
         "the end of a step that flows play is not known before");
  const std::size_t ring = settings.stages == 1 ? 2 : std::min<std::size_t>(settings.stages, kMaxDepth);
  ranks_.reserve(std::size_t{settings.lanes} * settings.ranks);
  for (std::uint32_t i = 0; i < settings.lanes * settings.ranks; ++i) {
    ranks_.emplace_back(sequences, policy::make_rules(rules), settings.blocks_per_rank, settings.layout(),
                        settings.hand_off, settings.caching, settings.acceptance);
    ranks_.back().tell_longest(cost.asks_longest());
  }
  for (std::uint32_t i = 0; i < settings.lanes; ++i) {
    Lane& lane = lanes_.emplace_back();
    lane.ranks = std::span(ranks_).subspan(std::size_t{i} * settings.ranks, settings.ranks);
    lane.balance = policy::rank_balance(rules, settings.ranks);
    lane.steps.resize(ring);
    for (Step& step : lane.steps) step.ranks.resize(settings.ranks);
  }
  if (settings.tiers) use_tiers();
}

// ---------------------------------------------------------------- from outside

SimTime Instance::accept(SequenceId id) {
  Sequence& sequence = sequences_[id];
  const SimTime now = engine_.now();
  const SimTime due = front_end_.accept(now, sequence.request.prompt_tokens);
  sequence.front_end = due - sequence.request.arrival;
  return due;
}

void Instance::hold(SequenceId id) {
  held_tokens_ += sequences_[id].request.prompt_tokens;
  held_prefill_ += sequences_[id].expected_prefill;
}

void Instance::drop_held(SequenceId id) {
  held_tokens_ -= sequences_[id].request.prompt_tokens;
  held_prefill_ = held_prefill_ - sequences_[id].expected_prefill;
}

void Instance::submit_held(SequenceId id) {
  drop_held(id);
  submit(id, sequences_[id].copied_blocks > 0 ? sequences_[id].rank : next_rank());
}

void Instance::cancel(SequenceId id) {
  Rank& rank = ranks_[sequences_[id].rank];
  rank.set_time(engine_.now());
  Lane& lane = lane_of(rank);
  const bool read_ahead = sequences_[id].prefetching;
  rank.cancel(id);
  if (read_ahead) await_prefetches(sequences_[id].rank);
  std::erase(lane.late, id);
  for (std::size_t i = 0; i < lane.in_flight; ++i) {
    for (RankStep& step : lane.at(i).ranks) std::erase(step.paused, id);
  }
  stirred(rank);
  if (lane.in_flight > 0) set_wake();  // fewer decodes: their steps, and so the next change, come sooner
}

void Instance::submit(SequenceId id, std::uint32_t rank) {
  sequences_[id].rank = rank;
  if (!tiers_.empty()) ranks_[rank].set_time(engine_.now());
  ranks_[rank].enqueue(id);
  if (sequences_[id].state == SequenceState::Prefetching) await_prefetch(id);
  stirred(ranks_[rank]);
}

void Instance::kv_arrived(SequenceId id) {
  Rank& rank = ranks_[sequences_[id].rank];
  if (sequences_[id].from_remote) sequences_[id].kv_arrived = engine_.now();
  rank.set_time(engine_.now());
  rank.loaded(id);
  stirred(rank);
  if (sequences_[id].given_up) listener_.on_gone(id);
}

void Instance::release(SequenceId id) {
  Rank& rank = ranks_[sequences_[id].prefill_rank];
  rank.set_time(engine_.now());
  rank.release(id);
  stirred(rank);
}

Instance::Lane& Instance::lane_of(const Rank& rank) {
  return lanes_[static_cast<std::size_t>(&rank - ranks_.data()) / settings_.ranks];
}

void Instance::stirred(const Rank& rank) {
  set_level(engine_.now());
  if (!rank.could_admit()) return;
  if (lane_of(rank).in_flight > 0) {
    set_wake();
  } else if (!kicked_) {
    // Everything that arrives at this instant comes before the step is composed.
    kicked_ = true;
    engine_.at(engine_.now(), engine::rank_of_start(settings_.id.index()), *this, kKick);
  }
}

void Instance::on_event(std::uint64_t what) {
  const SimTime now = engine_.now();
  if (what == kKick) {
    kicked_ = false;
    if (settings_.stages > 1) advance(now, true);  // steps enter a pipeline in order of time
    for (Lane& lane : lanes_) {
      if (lane.in_flight == 0) fill(lane, now);
    }
    set_wake();
  } else if (what >= kTierRead) {
    advance(now, false);
    kv_arrived(SequenceId{static_cast<std::uint32_t>(what)});
    set_wake();
  } else if (what >= kPrefetched) {
    prefetch_due(SequenceId{static_cast<std::uint32_t>(what)});
  } else if (what >= kStepOver) {
    step_over();
  } else if (what >= kStepRest) {
    part_came(what);
  } else if (what == wake_number_) {
    wake_at_ = SimTime::never();
    advance(now, true);
    set_wake();
  } else {
    engine_.pass();  // a wake-up set before another one that was due earlier
  }
}

// ---------------------------------------------------------------- time

/// The lane whose oldest step ends first, if that is by `until`. In a pipeline no two end together.
Instance::Lane* Instance::next_lane(SimTime until) {
  Lane* next = nullptr;
  for (Lane& lane : lanes_) {
    if (lane.in_flight == 0 || lane.oldest().end > until) continue;
    if (next == nullptr || lane.oldest().end < next->oldest().end) next = &lane;
  }
  return next;
}

void Instance::advance(SimTime now, bool inclusive) {
  const SimTime until = inclusive ? now : now - SimTime{1};
  while (Lane* const lane = next_lane(until)) {
    const std::uint64_t plain = plain_composes(*lane);
    if (plain > 0 && lanes_.size() > 1) {
      run_plain(*lane, until, 1);
    } else if (plain > 0 && ranks_.size() == 1) {
      run_alone(*lane, until, plain);
    } else if (plain > 0) {
      run_plain(*lane, until, plain);
    } else {
      complete_oldest(*lane);
    }
  }
}

void Instance::complete_oldest(Lane& lane) {
  Step& step = lane.oldest();
  const SimTime now = step.end;
  book(lane, step);
  std::uint64_t decodes = 0;
  for (const RankStep& rank_step : step.ranks) decodes += rank_step.live ? rank_step.decode_tokens : 0;
  std::uint64_t tokens = decodes;
  for (std::size_t r = 0; r < lane.ranks.size(); ++r) {
    RankStep& rank_step = step.ranks[r];
    if (!rank_step.live) continue;
    hand_out_prompts(now, rank_step, tokens);
    lane.ranks[r].set_time(now);
    lane.ranks[r].complete(rank_step);
    if (!tiers_.empty() && !rank_step.chunks.empty()) send_written(lane.ranks[r]);  // they have names now
    for (const SequenceId id : rank_step.closing) {
      sequences_[id].last_token = now;
      // Behind all decodes of its step: nobody keeps their order.
      if (sequences_[id].took_over || sequences_[id].first_compose != sequences_[id].last_compose) {
        sequences_[id].last_sent = front_end_.delay(now, decodes);
      }
      listener_.on_done(id, now);
    }
  }
  front_end_.send(now, tokens);
  lane.first = (lane.first + 1) % lane.steps.size();
  --lane.in_flight;
  --in_flight_;
  if (!may_compose(lane)) set_level(now);  // else composing does
  if (settings_.flows != nullptr && lane.in_flight > 0 && !lane.oldest().held) {
    load_shapes(lane.oldest());
    play(lane.oldest());
  }
  fill(lane, now);
  for (Lane& other : lanes_) {
    if (other.in_flight > 0) fill(other, now);  // a place in the pipeline is free
  }
  tell_load();
}

/// Whether the lane's engine would compose another step now.
bool Instance::may_compose(const Lane& lane) const {
  if (settings_.stages == 1) return lane.in_flight < settings_.depth;
  if (lane.in_flight == 0) return true;
  const bool prompts_only =
      std::all_of(lane.ranks.begin(), lane.ranks.end(), [](const Rank& rank) { return rank.decoding() == 0; });
  return prompts_only && lane.in_flight < lane.steps.size() && in_flight_ < settings_.stages;
}

/// Whether the end of any step lets a lane compose another one behind those it has in flight.
bool Instance::prompt_can_follow() const {
  return std::any_of(lanes_.begin(), lanes_.end(), [&](const Lane& lane) {
    return lane.in_flight > 0 && may_compose(lane) &&
           !std::all_of(lane.ranks.begin(), lane.ranks.end(), [](const Rank& rank) { return rank.quiet(); });
  });
}

/// Composes until as many steps are in flight as the engine keeps, or nothing is left to compute.
void Instance::fill(Lane& lane, SimTime now) {
  while (may_compose(lane)) {
    if (compose(lane, now)) continue;
    // A step that preempted all it had is empty, and admits nothing. With nothing in flight whose end would be awaited,
    // the engine's loop comes round at once.
    const bool idle = std::all_of(lane.ranks.begin(), lane.ranks.end(), [](const Rank& rank) { return rank.quiet(); });
    if (lane.in_flight > 0 || idle) break;
  }
}

/// Holds the prompts of the next step back where not all ranks have some.
void Instance::balance(Lane& lane) {
  if (!lane.balance) return;
  policy::RankBalance::Ranks ranks;
  for (const Rank& rank : lane.ranks) {
    ranks.all_start = ranks.all_start && !rank.quiet() && rank.starts_prompts();
    ranks.all_generate = ranks.all_generate && rank.decoding() > 0;
  }
  const bool held = lane.balance->holds(ranks);
  for (Rank& rank : lane.ranks) rank.hold_prompts(held);
}

bool Instance::compose(Lane& lane, SimTime now) {
  balance(lane);
  step_read_.reset();
  Step& step = lane.at(lane.in_flight);
  step.not_before = {};
  step.held = step.played = false;
  step.awaited = step.awaited_rest = 0;
  step.came = step.rest_came = {};
  bool computes = false;
  for (std::size_t r = 0; r < lane.ranks.size(); ++r) {
    lane.ranks[r].set_time(now);
    if (lane.ranks[r].quiet()) {
      step.ranks[r].clear();
      step.ranks[r].live = false;
    } else {
      computes = lane.ranks[r].compose(step.ranks[r]) || computes;
    }
    shapes_[r] = step.ranks[r].shape;
    tell_news(now, lane, lane.ranks[r]);
  }
  set_level(now);
  expect(computes || step.awaited == 0, "what loads for a step computes in it");
  if (!computes) return false;
  step.composed = now;
  const bool prompts = !tiers_.empty() && std::any_of(step.ranks.begin(), step.ranks.end(), [](const RankStep& one) {
    return one.live && !one.chunks.empty();
  });
  if (prompts) await_places(now, lane);  // decodes alone wait for nothing
  ++lane.in_flight;
  ++in_flight_;
  step.held = step.awaited > 0 || step.awaited_rest > 0 || !held_.empty();
  if (step.held) {
    step.start = step.end = SimTime::never();
    step.alone = price();
    step.delay = delay();
    held_.push_back(place_of(lane, step));
  } else {
    begin_step(lane, step);
  }
  tell_load();
  return true;
}

/// Start and end of the step in shapes_ follow from those of the one before it in its lane. REQUIRES: it waits for no
/// event.
void Instance::begin_step(Lane& lane, Step& step) {
  SimTime ready = step.composed;
  const std::size_t before = static_cast<std::size_t>(&step - lane.steps.data()) + lane.steps.size() - 1;
  if (settings_.stages == 1 && &step != &lane.oldest()) {
    ready = std::max(ready, lane.steps[before % lane.steps.size()].end);
  } else if (settings_.stages == 1 && step.held) {
    ready = settings_.flows != nullptr ? engine_.now() : std::max(ready, lane.last_end);
  }
  step.held = false;
  schedule(step, std::max(ready, step.not_before));
  if (!settings_.tell_chunks) return;
  for (const RankStep& rank_step : step.ranks) {
    for (const PromptChunk& chunk : rank_step.chunks) {
      listener_.on_chunk(chunk.id, chunk.computed, step.start, step.end);
    }
  }
}

/// Start and end of the step in shapes_, which may start when `ready`.
void Instance::schedule(Step& step, SimTime ready) {
  step.alone = price();
  step.delay = delay();
  if (settings_.stages == 1) step.alone += slowed(ready, step.alone);
  if (settings_.flows != nullptr) {
    step.start = step.end = SimTime::never();
    if (ready == engine_.now()) play(step);
    return;
  }
  if (settings_.stages == 1) {
    step.start = ready;
    step.end = ready + step.alone + step.delay;
    return;
  }
  step.start = std::max(ready, entrance_);
  const SimTime at_full_clocks = cost_.stage(shapes_);
  const SimTime more = slowed(step.start, at_full_clocks);
  const SimTime stage = at_full_clocks + more + step.delay;
  step.alone += more * settings_.stages;
  step.delay = step.delay * settings_.stages;
  step.end = std::max(step.start + step.alone + step.delay, exit_ + stage);
  entrance_ = step.start + stage;
  exit_ = step.end;
}

/// By which the step in shapes_, or each of its stages, is longer than `time` because its chips cannot keep their
/// clocks.
SimTime Instance::slowed(SimTime start, SimTime time) {
  if (!clocks_.limited()) return {};
  const bool prompts =
      std::any_of(shapes_.begin(), shapes_.end(), [](const cost::StepShape& s) { return s.chunks > 0; });
  const cost::HeavyWork work = heavy_work(shapes_);
  return prompts || clocks_.spends(time, work) ? clocks_.longer(start, time, work) : SimTime{};
}

/// Of one stage's chips.
cost::HeavyWork Instance::heavy_work(std::span<const cost::StepShape> ranks) const {
  const cost::HeavyWork all = cost_.heavy_work(ranks);
  const double share = 1.0 / settings_.stages;
  return {.at_peak = share * all.at_peak, .decode_attention = share * all.decode_attention};
}

SimTime Instance::price() const { return shapes_.size() == 1 ? cost_.step(shapes_[0]) : cost_.step(shapes_); }

std::uint64_t Instance::plain_composes(const Lane& lane) const {
  if (settings_.step_by_step || settings_.flows != nullptr || lane.in_flight != settings_.depth) return 0;
  if (!held_.empty()) return 0;
  if (settings_.stages > 1 && prompt_can_follow()) return 0;
  for (std::size_t i = 0; i < lane.in_flight; ++i) {
    for (const RankStep& step : lane.at(i).ranks) {
      if (step.live && !(step.prompts_done.empty() && step.closing.empty() && step.joined.empty())) return 0;
    }
  }
  if (settings_.contention != nullptr && settings_.contention->meets(settings_.id)) {
    // Flows are told of steps that send another amount than those before: each is composed at its own event.
    const Step& youngest = lane.at(lane.in_flight - 1);
    for (std::size_t r = 0; r < lane.ranks.size(); ++r) {
      if (youngest.ranks[r].live && youngest.ranks[r].shape.tokens() != lane.ranks[r].decoding()) return 0;
    }
  }
  std::uint64_t plain = UINT64_MAX;
  for (const Rank& rank : lane.ranks) {
    if (!rank.quiet()) plain = std::min(plain, rank.plain_composes());
  }
  return plain == UINT64_MAX ? 0 : plain;
}

/// The end of the step after which something else than plain decoding may happen in a busy lane, or a lower bound of
/// it.
SimTime Instance::next_change(const Lane& lane) {
  const std::uint64_t plain = plain_composes(lane);
  if (plain == 0) return lane.oldest().end;
  SimTime bound = lane.at(lane.in_flight - 1).end;
  const std::uint64_t queued = lane.in_flight - 1;  // ends that are already known beyond the oldest
  if (plain <= queued) return bound;
  for (std::size_t r = 0; r < lane.ranks.size(); ++r) {
    const Rank& rank = lane.ranks[r];
    shapes_[r] = {.decodes = rank.decoding(), .decode_context = rank.context() + rank.decoding()};
  }
  return bound + (price() + delay()) * static_cast<std::int64_t>(plain - queued);
}

void Instance::set_wake() {
  SimTime bound = SimTime::never();
  for (const Lane& lane : lanes_) {
    if (lane.in_flight > 0) bound = std::min(bound, next_change(lane));
  }
  if (bound == SimTime::never() || bound == wake_at_) return;
  wake_at_ = bound;
  engine_.at(bound, engine::rank_of_step(settings_.id.index()), *this, ++wake_number_);
}

}  // namespace tokenyard::serving
