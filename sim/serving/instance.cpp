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

/// run_plain() for a single rank: sums what a stretch of equal steps does and books it at once.
void Instance::run_alone(SimTime until, std::uint64_t plain) {
  Rank& rank = ranks_[0];
  const std::uint32_t n = rank.decoding();
  while (plain > 0 && oldest().end <= until) {
    // Within one interval of the time series, and none but equal steps: else one at a time.
    const SimTime limit = std::min(until, meter_.run_end());
    bool equal = true;
    for (std::size_t i = 0; i < in_flight_; ++i) {
      const RankStep& step = steps_[(first_ + i) % steps_.size()].ranks[0];
      equal = equal && step.live && step.decode_tokens == n && step.shape.decodes == n &&
              step.shape.prefill_tokens == 0 && step.paused.empty();
    }
    if (!equal || !late_.empty() || settings_.log_steps || oldest().start < meter_.run_begin() || oldest().end > limit) {
      run_plain(oldest().end, 1);
      --plain;
      continue;
    }
    plain -= sum_run(limit, plain);
  }
}

/// Plays at most `plain` equal steps that end by `limit`, at least one; gives how many.
std::uint64_t Instance::sum_run(SimTime limit, std::uint64_t plain) {
  Rank& rank = ranks_[0];
  const std::uint32_t n = rank.decoding();
  // Steps only get longer: no more than this many end by the limit.
  const Step& youngest = steps_[in_flight_ == 1 ? first_ : 1 - first_];
  const auto room = static_cast<std::uint64_t>((limit - oldest().end).ns() / (youngest.end - youngest.start).ns()) + 2;
  const std::uint64_t count = std::min({plain, room, std::uint64_t{prices_.size()}});
  cost_.decode_run(n, rank.context() + n, std::span(prices_).first(count));

  const std::span<const std::uint32_t> ring = rank.block_ring();
  std::size_t at = rank.blocks_begin();
  std::uint64_t used = rank.used_blocks();
  const std::uint64_t used_before = used;
  const std::uint64_t first_context = oldest().ranks[0].shape.decode_context;
  metrics::RunFigures run{.decode_tokens = 0, .power = settings_.decode_power * static_cast<double>(settings_.chips)};
  SimTime level_since = meter_.level_since();
  std::size_t f = first_;
  std::uint64_t i = 0;
  for (; i < count && steps_[f].end <= limit; ++i) {
    Step& step = steps_[f];
    const SimTime now = step.end;
    run.busy += now - step.start;
    run.block_ns += used * static_cast<std::uint64_t>((now - level_since).ns());
    level_since = now;
    gaps_[i] = now - last_end_;
    last_end_ = now;
    used += ring[at];
    at = at == 0 ? ring.size() - 1 : at - 1;
    if (in_flight_ == 2) f = 1 - f;
    step.composed = now;
    step.start = in_flight_ == 1 ? now : steps_[f].end;
    step.end = step.start + prices_[i];
  }
  run.end = last_end_;
  run.steps = i;
  run.decode_tokens = i * n;
  run.attention_pairs_x2 = 2 * (i * first_context + n * (i * (i - 1) / 2));
  run.traffic_bytes = cost_.decode_run_traffic(n, first_context, i);
  run.used_blocks = used;
  run.gaps = std::span(gaps_).first(i);
  run.tokens_per_gap = n;
  meter_.run(run);
  first_ = f;
  RankStep* const live[] = {&steps_[f].ranks[0], &steps_[1 - f].ranks[0]};
  rank.skip_plain(i, static_cast<std::uint32_t>(used - used_before), std::span(live).first(in_flight_));
  return i;
}

/// Plays at most `plain` steps of nothing but the present decodes: one booked, one composed in its place.
void Instance::run_plain(SimTime until, std::uint64_t plain) {
  for (; plain > 0 && oldest().end <= until; --plain) {
    Step& step = oldest();
    const SimTime now = step.end;
    book(step);
    // The place of the step that ended becomes the youngest: with depth 2 the other one runs until its end.
    const SimTime queued_until = in_flight_ == 1 ? now : steps_[1 - first_].end;
    if (in_flight_ == 2) first_ = 1 - first_;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
      RankStep& rank_step = step.ranks[r];
      if (ranks_[r].decoding() > 0) {
        ranks_[r].next_plain(rank_step);
      } else if (rank_step.live) {
        ranks_[r].complete(rank_step);
        rank_step.clear();
      }
      shapes_[r] = rank_step.shape;
    }
    step.composed = now;
    step.start = std::max(now, queued_until);
    step.end = step.start + price();
    set_level(now);
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

// ---------------------------------------------------------------- books

void Instance::book(const Step& step) {
  std::uint32_t decodes = 0;
  std::uint32_t prefill = 0;
  std::uint64_t tokens = 0;
  std::uint64_t pairs_x2 = 0;
  bool paused = false;
  for (std::size_t r = 0; r < ranks_.size(); ++r) {
    const RankStep& rank_step = step.ranks[r];
    booked_[r] = rank_step.live ? rank_step.shape : cost::StepShape{};
    paused = paused || !rank_step.paused.empty();
    if (!rank_step.live) continue;
    decodes += rank_step.shape.decodes;
    prefill += rank_step.shape.prefill_tokens;
    tokens += rank_step.decode_tokens;
    pairs_x2 += 2 * rank_step.shape.decode_context + rank_step.shape.prefill_area_x2;
  }
  if (paused || !late_.empty()) tokens -= book_late(step);
  // Every other decode had its last token from the step before.
  meter_.gap(step.end, step.end - last_end_, tokens);
  last_end_ = step.end;
  const double share = static_cast<double>(prefill) / static_cast<double>(prefill + decodes);
  const Watts power = (settings_.decode_power + (settings_.prefill_power - settings_.decode_power) * share) *
                      static_cast<double>(settings_.chips);
  meter_.step({.start = step.start,
               .end = step.end,
               .decode_tokens = decodes,
               .prefill_tokens = prefill,
               .attention_pairs_x2 = pairs_x2,
               .traffic = cost_.traffic(booked_),
               .power = power});
  if (settings_.log_steps) log(step);
}

/// Gaps of decodes that earlier steps left out and this one serves; gives how many.
std::uint64_t Instance::book_late(const Step& step) {
  std::vector<SequenceId> paused;
  for (const RankStep& rank_step : step.ranks) {
    for (const SequenceId id : rank_step.paused) {
      if (!sequences_[id].away) paused.push_back(id);  // not if it was preempted since
    }
  }
  std::sort(paused.begin(), paused.end());
  std::uint64_t served = 0;
  for (const SequenceId id : late_) {
    if (std::binary_search(paused.begin(), paused.end(), id)) continue;
    meter_.gap(step.end, step.end - sequences_[id].last_token, 1);
    ++served;
  }
  for (const SequenceId id : paused) {
    if (!std::binary_search(late_.begin(), late_.end(), id)) sequences_[id].last_token = last_end_;
  }
  late_ = std::move(paused);
  return served;
}

void Instance::log(const Step& step) {
  metrics::StepRecord record{.instance = settings_.id, .composed = step.composed, .start = step.start, .end = step.end};
  for (const RankStep& rank_step : step.ranks) {
    if (!rank_step.live) continue;
    record.decodes += rank_step.shape.decodes;
    record.prefill_tokens += rank_step.shape.prefill_tokens;
    record.chunks += rank_step.shape.chunks;
    record.decode_context += rank_step.shape.decode_context;
  }
  listener_.on_step(record);
}

/// First tokens of this admission.
void Instance::hand_out_prompts(SimTime now, const RankStep& rank_step) {
  for (const SequenceId id : rank_step.prompts_done) {
    Sequence& sequence = sequences_[id];
    if (settings_.hand_off || !sequence.prompt_done) {
      if (!sequence.prompt_done) sequence.prefill_end = now;
      sequence.prompt_done = true;
    }
    if (settings_.hand_off) continue;  // its token is made again on the other side
    if (sequence.produced == 0) {
      sequence.first_token = now;
    } else {
      meter_.gap(now, now - sequence.last_token, 1);  // preempted in between
    }
  }
}

void Instance::tell_news(SimTime now, Rank& rank) {
  if (rank.news().empty()) return;
  for (const SequenceId id : rank.news().preempted) {
    Sequence& sequence = sequences_[id];
    ++meter_.preemptions;
    const bool late = std::erase(late_, id) > 0;
    if (sequence.gave_tokens && !late) sequence.last_token = last_end_;
    sequence.preempted_at = now;
    sequence.away = true;
  }
  for (const SequenceId id : rank.news().admitted) {
    Sequence& sequence = sequences_[id];
    if (!sequence.ever_admitted) {
      sequence.ever_admitted = true;
      sequence.admitted = now;
    } else if (sequence.away) {
      const SimTime away = now - sequence.preempted_at;
      sequence.preempted_span += away;
      if (!sequence.prompt_done) sequence.preempted_before_prompt += away;
      sequence.away = false;
    } else {
      sequence.decode_admitted = now;
    }
  }
  for (const SequenceId id : rank.news().fetches) {
    sequences_[id].fetch_start = now;
    listener_.on_fetch(id, now);
  }
  rank.clear_news();
}

void Instance::set_level(SimTime now) {
  meter_.level(now, {.running = running(), .waiting = waiting(), .used_blocks = used_blocks()});
}

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
