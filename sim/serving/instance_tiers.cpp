#include "sim/serving/instance.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <numeric>

// What an Instance waits for at its tiers, besides requests that wait for their KV outside of the batch: loads that a
// step needs, places that are written back, and blocks that are read ahead.

namespace tokenyard::serving {

void Instance::use_tiers() {
  const kv::TiersSpec part = kv::part_of_rank(*settings_.tiers, settings_.ranks);
  for (const kv::TierSpec& tier : part.tiers) {
    if (tier.kind != kv::TierKind::Nvme) continue;
    drives_ = std::make_unique<kv::TierStore>(kv::blocks_in(tier, settings_.block_bytes));
  }
  tiers_.reserve(settings_.ranks);  // ranks keep references
  for (std::uint32_t r = 0; r < settings_.ranks; ++r) {
    tiers_.emplace_back(part, settings_.block_bytes, settings_.block_tokens, settings_.pool, drives_.get());
  }
  booked_traffic_.resize(tiers_.size());
  sent_blocks_.resize(tiers_.size());
  for (std::uint32_t r = 0; part.prefetch && settings_.tier_flows != nullptr && r < settings_.ranks; ++r) {
    prefetches_.push_back(std::make_unique<PrefetchFlows>(engine_, *settings_.tier_flows, settings_.id, r, tiers_[r],
                                                          [this](std::uint32_t key) { prefetch_came(key); }));
  }
  for (Rank& rank : ranks_) {
    // Worth it where computing the same tokens in steps of their own would take longer.
    rank.use_tiers(tiers_of(rank), [this, number = index_of(rank)](const Rank::Fetch& fetch) {
      if (!tiers_of(number).when_faster()) return true;
      SimTime end = fetch.end;
      if (settings_.tier_flows != nullptr) {
        end = std::max(end, settings_.tier_flows->end_of_read(settings_.id, number, fetch.now, fetch.blocks));
      }
      return end - fetch.now < forecast_.prefill(fetch.cached, fetch.fetched);
    });
  }
}

/// A read of these blocks, of which tiers with links of their own bring theirs by `rest`; then comes the event `what`.
void Instance::read(const Rank& rank, const kv::TierStack::Counts& blocks, SimTime rest, std::uint64_t what,
                    double share) {
  if (settings_.tier_flows != nullptr) {
    settings_.tier_flows->read(settings_.id, index_of(rank), blocks, rest, *this, what, share);
    return;
  }
  // At least a nanosecond, so that an end is never at the instant of its beginning.
  engine_.at(std::max(rest, engine_.now() + SimTime{1}), engine::rank_of_flow(static_cast<std::uint32_t>(what)), *this,
             what);
}

/// Starts what prompts that begin with this step bring from tiers, all together.
void Instance::read_for_step(SimTime now, Lane& lane, const Rank& rank) {
  if (rank.news().step_reads.empty()) return;
  kv::TierStack::Counts all{};
  kv::TierStack::Read own{.begin = SimTime::never(), .end = now};  // of tiers with links of their own
  for (const SequenceId id : rank.news().step_reads) {
    const Sequence& sequence = sequences_[id];
    const kv::BlockIds ids(sequence.request, sequence.fate.history_ids, settings_.block_tokens);
    const std::uint32_t blocks = std::accumulate(sequence.from_tiers.begin(), sequence.from_tiers.end(), 0U);
    const kv::TierStack::Read read =
        tiers_of(rank).read(now, ids, sequence.hit / settings_.block_tokens - blocks, sequence.from_tiers);
    own.begin = std::min(own.begin, read.begin);
    own.end = std::max(own.end, read.end);
    for (std::size_t tier = 0; tier < kv::kTiers; ++tier) all[tier] += sequence.from_tiers[tier];
  }
  if (!waits_by_events()) {
    if (!step_read_) step_read_ = own;
    step_read_->begin = std::min(step_read_->begin, own.begin);
    step_read_->end = std::max(step_read_->end, own.end);
    return;
  }
  expect(now == engine_.now(), "a read starts at its own event");
  Step& step = lane.at(lane.in_flight);
  const kv::TierRules& rules = tiers_of(rank).rules();
  const std::uint64_t place = place_of(lane, step);
  ++step.awaited;
  if (!rules.by_layer || rules.layers == 1) {
    read(rank, all, own.end, kStepPart | place);
    return;
  }
  const double first = 1.0 / rules.layers;
  const SimTime first_own = own.end > now ? own.begin + SimTime{(own.end - own.begin).ns() / rules.layers} : now;
  read(rank, all, first_own, kStepPart | place, first);
  ++step.awaited_rest;
  read(rank, all, own.end, kStepRest | place, 1.0 - first);
}

/// Of a step's price.
SimTime Instance::last_layer(const Step& step) const {
  const kv::TierRules& rules = tiers_[0].rules();
  return SimTime{step.alone.ns() / (rules.by_layer ? rules.layers : 1)};
}

/// When the step in shapes_ may start at the soonest, as far as links of tiers' own go. Of L layers, each of which
/// waits for its own part of what is read, the first has its part after 1/L of it; and behind the last part one layer's
/// computation is left.
SimTime Instance::tiers_done(const Lane& lane) const {
  const Step& step = lane.at(lane.in_flight);
  SimTime done;
  for (std::size_t r = 0; r < lane.ranks.size(); ++r) {
    if (step.ranks[r].live && !step.ranks[r].chunks.empty()) done = std::max(done, tiers_[r].written_back());
  }
  if (!step_read_) return done;
  const kv::TierRules& rules = tiers_[0].rules();
  const std::int64_t layers = rules.by_layer ? rules.layers : 1;
  const SimTime part{(step_read_->end - step_read_->begin).ns() / layers};
  const SimTime alone = price();
  done = std::max(done, step_read_->begin + part);
  return std::max(done, step_read_->end - (alone - SimTime{alone.ns() / layers}));
}

/// What is known or awaited before the step being composed may take its places and has what it loads.
void Instance::await_places(SimTime now, Lane& lane) {
  Step& step = lane.at(lane.in_flight);
  if (!waits_by_events()) {
    step.not_before = tiers_done(lane);
    return;
  }
  const std::uint64_t what = kStepPart | place_of(lane, step);
  for (std::size_t r = 0; r < lane.ranks.size(); ++r) {
    if (!step.ranks[r].live || step.ranks[r].chunks.empty()) continue;
    const SimTime written = tiers_[r].written_back();
    if (written > now) {
      ++step.awaited;
      engine_.at(written, engine::rank_of_flow(settings_.id.index()), *this, what);
    }
    if (!tiers_[r].links_write_back()) continue;
    send_written(lane.ranks[r]);
    const auto rank = static_cast<std::uint32_t>(r);
    if (settings_.tier_flows->await_written(settings_.id, rank, kv::TierKind::Host, *this, what)) ++step.awaited;
  }
}

/// What a rank has given up since the last time goes over the machine's links.
void Instance::send_written(const Rank& rank) {
  if (settings_.tier_flows == nullptr) return;
  const std::uint32_t number = index_of(rank) % settings_.ranks;  // whichever lane gives it up
  const std::array<std::uint64_t, kv::kTiers>& all = tiers_[number].traffic().sent_blocks;
  std::array<std::uint64_t, kv::kTiers>& sent = sent_blocks_[number];
  std::array<std::uint64_t, kv::kTiers> more{};
  for (std::size_t i = 0; i < kv::kTiers; ++i) more[i] = all[i] - sent[i];
  sent = all;
  settings_.tier_flows->write(settings_.id, number, more);
}

/// Something that a step waits for at its tiers is there.
void Instance::part_came(std::uint64_t what) {
  const SimTime now = engine_.now();
  advance(now, false);
  const std::uint64_t place = what & (kStepRest - 1);
  Step& step = lanes_[place / kMaxDepth].steps[place % kMaxDepth];
  if (what >= kStepPart) {
    --step.awaited;
    step.came = now;
  } else {
    --step.awaited_rest;
    step.rest_came = now;
    if (step.played) step_over();
  }
  release_held();
}

/// Steps that wait for nothing any more get their times, in the order in which they were composed.
void Instance::release_held() {
  const bool as_flows = settings_.flows != nullptr;
  bool some = false;
  while (!held_.empty()) {
    Lane& lane = lanes_[held_.front() / kMaxDepth];
    Step& step = lane.steps[held_.front() % kMaxDepth];
    if (step.awaited > 0 || (step.awaited_rest > 0 && !as_flows)) break;
    held_.pop_front();
    some = true;
    step.not_before = step.came;
    if (!as_flows && step.rest_came > SimTime{}) {
      step.not_before = std::max(step.not_before, step.rest_came - (step.alone - last_layer(step)));
    }
    load_shapes(step);
    begin_step(lane, step);
  }
  if (!some) return;
  set_wake();
  tell_load();
}

/// An event for the instant at which a request in state Prefetching need not wait any longer.
void Instance::await_prefetch(SequenceId id) {
  const SimTime now = engine_.now();
  const SimTime ends = tiers_of(sequences_[id].rank).prefetched_at(now, id.index());
  if (ends == SimTime::never()) return;  // the last of its flows tells
  // At least a nanosecond, so that an end is never at the instant of its beginning.
  const SimTime due = std::max(ends, now + SimTime{1});
  engine_.at(due, engine::rank_of_flow(id.index()), *this, kPrefetched | id.index());
}

/// What is read for others of the rank comes sooner when one is stopped.
void Instance::await_prefetches(std::uint32_t rank) {
  for (std::size_t r = rank % settings_.ranks; r < ranks_.size(); r += settings_.ranks) {  // of all lanes
    for (const SequenceId id : ranks_[r].prefetching()) await_prefetch(id);
  }
}

/// Of what is read ahead over the machine's links for a request some has come.
void Instance::prefetch_came(std::uint32_t key) {
  const Sequence& sequence = sequences_[SequenceId{key}];
  if (sequence.state != SequenceState::Prefetching) return;
  if (tiers_of(sequence.rank).prefetched_at(engine_.now(), key) <= engine_.now()) prefetch_due(SequenceId{key});
}

void Instance::prefetch_due(SequenceId id) {
  const SimTime now = engine_.now();
  const std::uint32_t at = sequences_[id].rank;
  if (sequences_[id].state != SequenceState::Prefetching || tiers_of(at).prefetched_at(now, id.index()) > now) {
    engine_.pass();  // another one was due earlier, or its request is gone and another one has its slot
    return;
  }
  advance(now, false);
  Rank& rank = ranks_[at];
  rank.set_time(now);
  if (!rank.prefetched(id)) await_prefetches(at);
  stirred(rank);
  set_wake();
}

}  // namespace tokenyard::serving
