#include "sim/serving/instance.hpp"

#include <algorithm>
#include <numeric>

// What an Instance waits for at its tiers, besides requests that wait for their KV outside of the batch: loads that a
// step needs, places that are written back, and blocks that are read ahead.

namespace tokenyard::serving {

/// Starts what prompts that begin with this step bring from tiers.
void Instance::read_for_step(SimTime now, const Rank& rank) {
  for (const SequenceId id : rank.news().step_reads) {
    const Sequence& sequence = sequences_[id];
    const kv::BlockIds ids(sequence.request, sequence.fate.history_ids, settings_.block_tokens);
    const std::uint32_t blocks = std::accumulate(sequence.from_tiers.begin(), sequence.from_tiers.end(), 0U);
    const kv::TierStack::Read read =
        tiers_->read(now, ids, sequence.hit / settings_.block_tokens - blocks, sequence.from_tiers);
    if (!step_read_) step_read_ = read;
    step_read_->begin = std::min(step_read_->begin, read.begin);
    step_read_->end = std::max(step_read_->end, read.end);
  }
}

/// When the step in shapes_ may start at the soonest. Of L layers, each of which waits for its own part of what is
/// read, the first has its part after 1/L of it; and behind the last part one layer's computation is left.
SimTime Instance::tiers_done() const {
  SimTime done = tiers_->written_back();
  if (!step_read_) return done;
  const std::int64_t layers = tiers_->rules().by_layer ? tiers_->rules().layers : 1;
  const SimTime part{(step_read_->end - step_read_->begin).ns() / layers};
  const SimTime alone = price();
  done = std::max(done, step_read_->begin + part);
  return std::max(done, step_read_->end - (alone - SimTime{alone.ns() / layers}));
}

/// An event for the instant at which a request in state Prefetching need not wait any longer.
void Instance::await_prefetch(SequenceId id) {
  const SimTime now = engine_.now();
  // At least a nanosecond, so that an end is never at the instant of its beginning.
  const SimTime due = std::max(tiers_->prefetched_at(now, id.index()), now + SimTime{1});
  engine_.at(due, engine::rank_of_flow(id.index()), *this, kPrefetched | id.index());
}

/// What is read for others comes sooner when one is stopped.
void Instance::await_prefetches() {
  for (const Rank& rank : ranks_) {
    for (const SequenceId id : rank.prefetching()) await_prefetch(id);
  }
}

void Instance::prefetch_due(SequenceId id) {
  const SimTime now = engine_.now();
  if (sequences_[id].state != SequenceState::Prefetching || tiers_->prefetched_at(now, id.index()) > now) {
    engine_.pass();  // another one was due earlier, or its request is gone and another one has its slot
    return;
  }
  advance(now, false);
  Rank& rank = ranks_[sequences_[id].rank];
  rank.set_time(now);
  if (!rank.prefetched(id)) await_prefetches();
  stirred(rank);
  set_wake();
}

}  // namespace tokenyard::serving
