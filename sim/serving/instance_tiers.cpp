#include "sim/serving/instance.hpp"

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
  for (Rank& rank : ranks_) {
    // Worth it where computing the same tokens in a step of their own would take longer.
    rank.use_tiers(tiers_of(rank), [this, number = index_of(rank)](const Rank::Fetch& fetch) {
      if (!tiers_of(number).when_faster()) return true;
      SimTime end = fetch.end;
      if (settings_.tier_flows != nullptr) {
        end = std::max(end, settings_.tier_flows->end_of_read(settings_.id, number, fetch.now, fetch.blocks));
      }
      const SimTime took = end - fetch.now;
      cost::StepShape alone;
      alone.add_chunk(fetch.cached, fetch.fetched);
      if (settings_.ranks == 1) return took < cost_.step(alone);
      std::vector<cost::StepShape> shapes(settings_.ranks);
      shapes[0] = alone;
      return took < cost_.step(shapes);
    });
  }
}

/// Starts what prompts that begin with this step bring from tiers.
void Instance::read_for_step(SimTime now, const Rank& rank) {
  for (const SequenceId id : rank.news().step_reads) {
    const Sequence& sequence = sequences_[id];
    const kv::BlockIds ids(sequence.request, sequence.fate.history_ids, settings_.block_tokens);
    const std::uint32_t blocks = std::accumulate(sequence.from_tiers.begin(), sequence.from_tiers.end(), 0U);
    const kv::TierStack::Read read =
        tiers_of(rank).read(now, ids, sequence.hit / settings_.block_tokens - blocks, sequence.from_tiers);
    if (!step_read_) step_read_ = read;
    step_read_->begin = std::min(step_read_->begin, read.begin);
    step_read_->end = std::max(step_read_->end, read.end);
  }
}

/// When the step in shapes_ may start at the soonest. Of L layers, each of which waits for its own part of what is
/// read, the first has its part after 1/L of it; and behind the last part one layer's computation is left.
SimTime Instance::tiers_done() const {
  SimTime done;
  for (const kv::TierStack& tiers : tiers_) done = std::max(done, tiers.written_back());
  if (!step_read_) return done;
  const kv::TierRules& rules = tiers_[0].rules();
  const std::int64_t layers = rules.by_layer ? rules.layers : 1;
  const SimTime part{(step_read_->end - step_read_->begin).ns() / layers};
  const SimTime alone = price();
  done = std::max(done, step_read_->begin + part);
  return std::max(done, step_read_->end - (alone - SimTime{alone.ns() / layers}));
}

/// An event for the instant at which a request in state Prefetching need not wait any longer.
void Instance::await_prefetch(SequenceId id) {
  const SimTime now = engine_.now();
  // At least a nanosecond, so that an end is never at the instant of its beginning.
  const SimTime due = std::max(tiers_of(sequences_[id].rank).prefetched_at(now, id.index()), now + SimTime{1});
  engine_.at(due, engine::rank_of_flow(id.index()), *this, kPrefetched | id.index());
}

/// What is read for others of the rank comes sooner when one is stopped.
void Instance::await_prefetches(std::uint32_t rank) {
  for (std::size_t r = rank % settings_.ranks; r < ranks_.size(); r += settings_.ranks) {  // of all lanes
    for (const SequenceId id : ranks_[r].prefetching()) await_prefetch(id);
  }
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
