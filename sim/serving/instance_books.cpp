#include "sim/serving/instance.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

// What Instance writes down: meters, stamps of sequences, step records.

namespace tokenyard::serving {

void Instance::book(Lane& lane, const Step& step) {
  std::uint32_t decodes = 0;
  std::uint32_t prefill = 0;
  std::uint64_t tokens = 0;  // handed out to decodes
  std::uint64_t served = 0;  // decodes that get some
  std::uint64_t pairs_x2 = 0;
  bool paused = false;
  for (std::size_t r = 0; r < lane.ranks.size(); ++r) {
    const RankStep& rank_step = step.ranks[r];
    booked_[r] = rank_step.live ? rank_step.shape : cost::StepShape{};
    paused = paused || !rank_step.paused.empty();
    if (!rank_step.live) continue;
    decodes += rank_step.shape.decodes;
    prefill += rank_step.shape.prefill_tokens;
    tokens += rank_step.decode_tokens;
    served += rank_step.decodes_served();
    pairs_x2 += 2 * rank_step.shape.decode_context + rank_step.shape.prefill_area_x2;
  }
  const std::uint64_t accepted = tokens - served;  // drafts, which come with the token before them
  for (const RankStep& rank_step : step.ranks) {
    if (!rank_step.live) continue;
    for (const SequenceId id : rank_step.joined) meter_.gap(step.end, step.end - sequences_[id].last_token, 1);
    served -= rank_step.joined.size();
  }
  if (paused || !lane.late.empty()) served -= book_late(lane, step);
  // Every other decode had its last token from the step before.
  meter_.gap(step.end, step.end - lane.last_end, served);
  meter_.gap(step.end, SimTime{}, accepted);
  lane.last_end = step.end;
  const double share = static_cast<double>(prefill) / static_cast<double>(prefill + decodes);
  const Watts power = (settings_.decode_power + (settings_.prefill_power - settings_.decode_power) * share) *
                      static_cast<double>(settings_.chips);
  // In a pipeline steps overlap: the time since the step before came out is this one's, and so much of its basis.
  const SimTime start = std::max(step.start, booked_until_);
  PriceBasis basis = cost_.basis(booked_);
  if (start > step.start) basis = basis.scaled((step.end - start).ns(), (step.end - step.start).ns());
  meter_.step({.start = start,
               .end = step.end,
               .decode_tokens = decodes + static_cast<std::uint32_t>(accepted),
               .drafts_accepted = static_cast<std::uint32_t>(accepted),
               .prefill_tokens = prefill,
               .attention_pairs_x2 = pairs_x2,
               .traffic = cost_.traffic(booked_),
               .exposed = exposed(step),
               .sent = cost_.bytes(booked_),
               .power = power,
               .basis = basis});
  booked_until_ = step.end;
  if (settings_.log_steps) log(step);
}

/// Of the step in booked_: its collectives, and by how much flows beside them made it longer. A stage's part in a
/// pipeline.
SimTime Instance::exposed(const Step& step) const {
  const SimTime delayed = settings_.stages == 1 ? step.end - step.start - step.alone : step.delay;
  return SimTime{(cost_.exposed(booked_) + delayed).ns() / settings_.stages};
}

/// What a step of nothing but decodes hands out.
void Instance::send_decodes(const Step& step) {
  std::uint64_t tokens = 0;
  for (const RankStep& rank_step : step.ranks) tokens += rank_step.live ? rank_step.decode_tokens : 0;
  front_end_.send(step.end, tokens);
}

/// Gaps of decodes that earlier steps left out and this one serves; gives how many.
std::uint64_t Instance::book_late(Lane& lane, const Step& step) {
  std::vector<SequenceId> paused;
  for (const RankStep& rank_step : step.ranks) {
    for (const SequenceId id : rank_step.paused) {
      if (!sequences_[id].away) paused.push_back(id);  // not if it was preempted since
    }
  }
  std::sort(paused.begin(), paused.end());
  std::uint64_t served = 0;
  for (const SequenceId id : lane.late) {
    if (std::binary_search(paused.begin(), paused.end(), id)) continue;
    meter_.gap(step.end, step.end - sequences_[id].last_token, 1);
    ++served;
  }
  for (const SequenceId id : paused) {
    if (!std::binary_search(lane.late.begin(), lane.late.end(), id)) sequences_[id].last_token = lane.last_end;
  }
  lane.late = std::move(paused);
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

/// First tokens of this admission; `tokens` counts what the step hands out.
void Instance::hand_out_prompts(SimTime now, const RankStep& rank_step, std::uint64_t& tokens) {
  for (const SequenceId id : rank_step.prompts_done) {
    Sequence& sequence = sequences_[id];
    if (settings_.hand_off || !sequence.prompt_done) {
      if (!sequence.prompt_done) sequence.prefill_end = now;
      sequence.prompt_done = true;
    }
    if (settings_.hand_off) continue;  // its token is made again on the other side
    sequence.last_sent = front_end_.delay(now, ++tokens);
    if (sequence.produced == 0) {
      sequence.first_token = now;
      sequence.first_sent = sequence.last_sent;
      meter_.first_token(now);
    } else {
      meter_.gap(now, now - sequence.last_token, 1);  // preempted in between
    }
  }
}

void Instance::tell_news(SimTime now, Lane& lane, Rank& rank) {
  if (rank.news().empty()) return;
  for (const SequenceId id : rank.news().preempted) {
    Sequence& sequence = sequences_[id];
    meter_.preempted(now);
    const bool late = std::erase(lane.late, id) > 0;
    if (sequence.gave_tokens && !late) sequence.last_token = lane.last_end;
    sequence.preempted_at = now;
    sequence.away = true;
  }
  for (const SequenceId id : rank.news().admitted) {
    Sequence& sequence = sequences_[id];
    if (sequence.away) meter_.cache(now, {.repeated_tokens = sequence.lost - std::min(sequence.lost, sequence.hit)});
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
  for (const SequenceId id : rank.news().present) {
    expect(now == engine_.now(), "what has come is known at its own event");
    sequences_[id].fetch_start = sequences_[id].kv_arrived = now;
  }
  for (const SequenceId id : rank.news().taken_over) begin_taken_over(now, id);
  read_tiers(now, rank);
  read_for_step(now, lane, rank);
  if (rank.cache() != nullptr) book_cache(now, rank);
  rank.clear_news();
}

/// Hands out a first token that came with its KV.
void Instance::begin_taken_over(SimTime now, SequenceId id) {
  Sequence& sequence = sequences_[id];
  sequence.decode_admitted = now;
  sequence.first_token = now;
  sequence.last_token = now;
  sequence.first_sent = sequence.last_sent = front_end_.delay(now, 1);
  front_end_.send(now, 1);
  meter_.first_token(now);
  if (sequence.fate.output_tokens == 1) listener_.on_done(id, now);
}

/// Starts what the rank has asked of its tiers. A read comes after the step that composed it has been told of.
void Instance::read_tiers(SimTime now, Rank& rank) {
  for (const SequenceId id : rank.news().tier_reads) {
    Sequence& sequence = sequences_[id];
    const kv::BlockIds ids(sequence.request, sequence.fate.history_ids, settings_.block_tokens);
    const SimTime end =
        tiers_of(rank).read(now, ids, sequence.computed / settings_.block_tokens, sequence.from_tiers).end;
    expect(settings_.tier_flows == nullptr || now == engine_.now(), "a read starts at its own event");
    read(rank, sequence.from_tiers, end, kTierRead | id.index());
  }
}

/// Of a request's first admission, here.
metrics::CacheSums Instance::look_up_of(const Sequence& sequence) const {
  metrics::CacheSums sums{.asked_tokens = sequence.request.prompt_tokens,
                          .found_tokens = sequence.cached,
                          .asked_blocks = sequence.request.prompt_tokens / settings_.block_tokens,
                          .found_blocks = sequence.cached / settings_.block_tokens};
  for (std::size_t i = 0; i < kv::kTiers; ++i) {
    sums.found_in_tier[i] = std::uint64_t{sequence.cached_in_tiers[i]} * settings_.block_tokens;
  }
  return sums;
}

void Instance::measured(const Sequence& sequence) {
  if (settings_.caching) meter_.cache(look_up_of(sequence));
}

/// Evictions are seen when the cache is looked at: blocks that a run of decodes took count at its end.
void Instance::book_cache(SimTime now, const Rank& rank) {
  metrics::CacheSums did;
  for (const SequenceId id : rank.news().admitted) {
    const Sequence& sequence = sequences_[id];
    if (!sequence.from_remote && sequence.preemptions == 0) did += look_up_of(sequence);
  }
  if (!tiers_.empty()) {
    const kv::TierStack::Traffic& traffic = tiers_of(rank).traffic();
    kv::TierStack::Traffic& booked = booked_traffic_[index_of(rank) % settings_.ranks];
    for (std::size_t i = 0; i < kv::kTiers; ++i) {
      did.read_blocks[i] = traffic.read_blocks[i] - booked.read_blocks[i];
      did.written_blocks[i] = traffic.written_blocks[i] - booked.written_blocks[i];
    }
    booked = traffic;
    send_written(rank);
  }
  const kv::BlockStore::Counts& counts = rank.cache()->counts();
  kv::BlockStore::Counts& booked = booked_counts_[index_of(rank)];
  did.evicted_blocks = counts.evicted - booked.evicted;
  did.expired_blocks = counts.expired - booked.expired;
  did.recomputed_blocks = counts.recomputed - booked.recomputed;
  booked = counts;
  meter_.cache(now, did);
}

void Instance::finish(SimTime end) {
  for (Rank& rank : ranks_) {
    if (rank.cache() == nullptr) continue;
    rank.set_time(end);
    rank.cache()->expire();
    meter_.cache({.expired_blocks = rank.cache()->counts().expired - booked_counts_[index_of(rank)].expired});
  }
  meter_.finish(end);
}

void Instance::set_level(SimTime now) {
  metrics::Level level;
  for (const Rank& rank : ranks_) {
    level.running += rank.running();
    level.waiting += rank.waiting();
    level.used_blocks += rank.used_blocks();
    level.unfilled_tokens += rank.unfilled_tokens();
  }
  meter_.level(now, level);
}

}  // namespace tokenyard::serving
