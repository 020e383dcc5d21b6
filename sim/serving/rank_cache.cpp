#include "sim/serving/rank.hpp"

#include "models/base/errors.hpp"

// What a Rank does with its prefix cache. The cache counts free blocks as the rank does, but only learns of those that
// have been taken when it is asked for names.

namespace tokenyard::serving {

/// Leading blocks of a waiting sequence that are here. One token is always left to compute, so a prompt that is here in
/// full loses its last block.
const kv::BlockStore::Match& Rank::look_up(SequenceId id) const {
  const Sequence& sequence = sequences_[id];
  const bool same = hit_ && hit_->request == sequence.request.id && hit_->target == sequence.target;
  // A head that was found blocked among decodes stays so until something is given back. Looking again would change
  // nothing, and a run of decode steps does not.
  if (same && (frozen_ || hit_->version == cache_->version())) return hit_->match;
  cache_->settle(free_blocks_);
  const kv::BlockStore::Match match = cache_->match(ids_of(sequence), (sequence.target - 1) / block_tokens_);
  hit_ = {.request = sequence.request.id, .target = sequence.target, .version = cache_->version(), .match = match};
  return hit_->match;
}

void Rank::take_hits(SequenceId id) {
  Sequence& sequence = sequences_[id];
  expect(!frozen_, "a head that is blocked does not start");
  const kv::BlockStore::Match match = look_up(id);
  cache_->acquire(match.blocks, sequence.priority, sequence.held);
  expect(match.idle <= free_blocks_, "idle blocks are free");
  free_blocks_ -= match.idle;
  sequence.blocks = match.blocks;
  sequence.computed = match.blocks * block_tokens_;
  sequence.hit = sequence.computed;
  if (sequence.preemptions == 0 && !sequence.from_remote) sequence.cached = sequence.hit;
}

/// Names the sequence's first `upto` blocks as far as they have no names yet.
void Rank::name_blocks(Sequence& sequence, std::uint32_t upto) {
  if (upto <= sequence.held.size()) return;
  cache_->settle(free_blocks_);
  cache_->name(ids_of(sequence), upto, sequence.priority, sequence.held);
}

/// The sequence's blocks are no longer its own; others may use some of them.
void Rank::give_back(Sequence& sequence) {
  if (cache_) {
    cache_->settle(free_blocks_);
    free_blocks_ += cache_->release(sequence.held, sequence.blocks - static_cast<std::uint32_t>(sequence.held.size()));
  } else {
    free_blocks_ += sequence.blocks;
  }
  sequence.blocks = 0;
}

}  // namespace tokenyard::serving
