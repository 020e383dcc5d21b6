#include "sim/serving/instance.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

namespace tokenyard::serving {
namespace {

/// Event code of "compose from idle"; wake-ups carry their number.
constexpr std::uint64_t kKick = UINT64_MAX;

}  // namespace

Instance::Instance(const InstanceSettings& settings, engine::Engine& engine, SequenceTable& sequences,
                   const policy::BatchRules& rules, const cost::StepCost& cost, metrics::InstanceMeter& meter,
                   InstanceListener& listener)
    : settings_(settings),
      engine_(engine),
      sequences_(sequences),
      cost_(cost),
      meter_(meter),
      listener_(listener),
      shapes_(settings.ranks),
      booked_(settings.ranks) {
  expect(settings.depth >= 1 && settings.depth <= kMaxDepth, "one or two steps in flight");
  ranks_.reserve(settings.ranks);
  for (std::uint32_t i = 0; i < settings.ranks; ++i) {
    ranks_.emplace_back(sequences, rules, settings.blocks_per_rank, settings.block_tokens, settings.hand_off);
  }
  for (Step& step : steps_) step.ranks.resize(settings.ranks);
}

// ---------------------------------------------------------------- from outside

void Instance::submit(SequenceId id) {
  // vLLM's balancing between attention ranks: 4 * waiting + running, the first minimum.
  const auto chosen = std::min_element(ranks_.begin(), ranks_.end(), [](const Rank& a, const Rank& b) {
    return 4 * a.waiting() + a.running() < 4 * b.waiting() + b.running();
  });
  sequences_[id].rank = static_cast<std::uint32_t>(chosen - ranks_.begin());
  chosen->enqueue(id);
  stirred(*chosen);
}

void Instance::kv_arrived(SequenceId id) {
  Rank& rank = ranks_[sequences_[id].rank];
  sequences_[id].kv_arrived = engine_.now();
  rank.loaded(id);
  stirred(rank);
}

void Instance::release(SequenceId id) {
  Rank& rank = ranks_[sequences_[id].prefill_rank];
  rank.release(id);
  stirred(rank);
}

void Instance::stirred(const Rank& rank) {
  set_level(engine_.now());
  if (!rank.could_admit()) return;
  if (in_flight_ > 0) {
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
    if (in_flight_ == 0) {
      fill(now);
      set_wake();
    }
  } else if (what == wake_number_) {
    wake_at_ = SimTime::never();
    advance(now, true);
    set_wake();
  }
}

// ---------------------------------------------------------------- time

void Instance::advance(SimTime now, bool inclusive) {
  const SimTime until = inclusive ? now : now - SimTime{1};
  while (in_flight_ > 0 && oldest().end <= until) {
    const std::uint64_t plain = plain_composes();
    if (plain > 0 && ranks_.size() == 1) {
      run_alone(until, plain);
    } else if (plain > 0) {
      run_plain(until, plain);
    } else {
      complete_oldest();
    }
  }
}

void Instance::complete_oldest() {
  Step& step = oldest();
  const SimTime now = step.end;
  book(step);
  for (std::size_t r = 0; r < ranks_.size(); ++r) {
    RankStep& rank_step = step.ranks[r];
    if (!rank_step.live) continue;
    hand_out_prompts(now, rank_step);
    ranks_[r].complete(rank_step);
    for (const SequenceId id : rank_step.closing) {
      sequences_[id].last_token = now;
      listener_.on_done(id, now);
    }
  }
  first_ = (first_ + 1) % steps_.size();
  --in_flight_;
  set_level(now);
  fill(now);
}

/// Composes until as many steps are in flight as the engine keeps, or nothing is left to compute.
void Instance::fill(SimTime now) {
  while (in_flight_ < settings_.depth) {
    if (compose(now)) continue;
    // A step that preempted all it had is empty, and admits nothing. With nothing in flight whose end would be awaited,
    // the engine's loop comes round at once.
    const bool idle = std::all_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.quiet(); });
    if (in_flight_ > 0 || idle) break;
  }
}

bool Instance::compose(SimTime now) {
  Step& step = steps_[(first_ + in_flight_) % steps_.size()];
  bool computes = false;
  for (std::size_t r = 0; r < ranks_.size(); ++r) {
    if (ranks_[r].quiet()) {
      step.ranks[r].clear();
      step.ranks[r].live = false;
    } else {
      computes = ranks_[r].compose(step.ranks[r]) || computes;
    }
    shapes_[r] = step.ranks[r].shape;
    tell_news(now, ranks_[r]);
  }
  set_level(now);
  if (!computes) return false;
  const SimTime queued_until = in_flight_ > 0 ? steps_[(first_ + in_flight_ - 1) % steps_.size()].end : now;
  step.composed = now;
  step.start = std::max(now, queued_until);
  step.end = step.start + price();
  ++in_flight_;
  return true;
}

SimTime Instance::price() const { return shapes_.size() == 1 ? cost_.step(shapes_[0]) : cost_.step(shapes_); }

std::uint64_t Instance::plain_composes() const {
  if (settings_.step_by_step || in_flight_ < settings_.depth) return 0;
  for (std::size_t i = 0; i < in_flight_; ++i) {
    for (const RankStep& step : steps_[(first_ + i) % steps_.size()].ranks) {
      if (step.live && !(step.prompts_done.empty() && step.closing.empty())) return 0;
    }
  }
  std::uint64_t plain = UINT64_MAX;
  for (const Rank& rank : ranks_) {
    if (!rank.quiet()) plain = std::min(plain, rank.plain_composes());
  }
  return plain == UINT64_MAX ? 0 : plain;
}

/// Wakes at the end of the step after which something else than plain decoding may happen, or at a lower bound of it.
void Instance::set_wake() {
  if (in_flight_ == 0) return;
  SimTime bound = oldest().end;
  if (const std::uint64_t plain = plain_composes(); plain > 0) {
    const Step& newest = steps_[(first_ + in_flight_ - 1) % steps_.size()];
    const std::uint64_t queued = in_flight_ - 1;  // ends that are already known beyond the oldest
    bound = newest.end;
    if (plain > queued) {
      for (std::size_t r = 0; r < ranks_.size(); ++r) {
        shapes_[r] = {.decodes = ranks_[r].decoding(), .decode_context = ranks_[r].context() + ranks_[r].decoding()};
      }
      bound += price() * static_cast<std::int64_t>(plain - queued);
    }
  }
  if (bound == wake_at_) return;
  wake_at_ = bound;
  engine_.at(bound, engine::rank_of_step(settings_.id.index()), *this, ++wake_number_);
}

// ---------------------------------------------------------------- as seen from outside

std::uint64_t Instance::outstanding_tokens() const {
  std::uint64_t tokens = 0;
  for (const Rank& rank : ranks_) tokens += rank.outstanding_tokens();
  return tokens;
}

std::uint32_t Instance::running() const {
  std::uint32_t count = 0;
  for (const Rank& rank : ranks_) count += rank.running();
  return count;
}

std::uint32_t Instance::waiting() const {
  std::uint32_t count = 0;
  for (const Rank& rank : ranks_) count += rank.waiting();
  return count;
}

std::uint64_t Instance::used_blocks() const {
  std::uint64_t count = 0;
  for (const Rank& rank : ranks_) count += rank.used_blocks();
  return count;
}

std::uint64_t Instance::total_blocks() const {
  return std::uint64_t{settings_.blocks_per_rank} * settings_.ranks;
}

}  // namespace tokenyard::serving
