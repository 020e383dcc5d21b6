#include "sim/serving/rank.hpp"

#include "models/base/errors.hpp"

#include <numeric>
#include <utility>

// What a Rank does with its prefix cache. The cache counts free blocks as the rank does, but only learns of those that
// have been taken when it is asked for names.

namespace tokenyard::serving {

/// Leading blocks of a waiting sequence that are here. One token is always left to compute, so a prompt that is here in
/// full loses its last block.
const Rank::Hit& Rank::look_up(SequenceId id) const {
  const Sequence& sequence = sequences_[id];
  const bool same = hit_ && hit_->request == sequence.request.id && hit_->target == sequence.target;
  // A head that was found blocked among decodes stays so until something is given back. Looking again would change
  // nothing, and a run of decode steps does not.
  const bool timely = tiers_ == nullptr || (hit_ && hit_->when == now_);
  if (same && (frozen_ || (timely && hit_->version == cache_->version()))) return *hit_;
  cache_->settle(free_blocks_);
  const std::uint32_t most = (sequence.target - 1) / block_tokens_;
  const kv::BlockIds ids = ids_of(sequence);
  std::uint32_t copied = 0;
  if (sharing_ == policy::Sharing::Reuse && sequence.target % block_tokens_ == 0 &&
      cache_->match(ids, most + 1).blocks > most) {
    copied = block_tokens_ - 1;  // all of it is here: the last block is copied but for one token
  }
  const kv::BlockStore::Match match = layout_.windowed == 0 ? cache_->match(ids, most) : match_groups(sequence, most);
  hit_ = {.request = sequence.request.id,
          .target = sequence.target,
          .version = cache_->version(),
          .when = now_,
          .match = match,
          .copied = copied};
  if (tiers_ != nullptr && !sequence.from_remote && match.blocks < most) {
    tiers_->set_time(now_);
    const kv::TierStack::Counts there = tiers_->match(ids_of(sequence), match.blocks, most);
    const std::uint32_t blocks = std::accumulate(there.begin(), there.end(), 0U);
    const Fetch fetch{.cached = match.blocks * block_tokens_,
                      .fetched = blocks * block_tokens_,
                      .blocks = there,
                      .now = now_,
                      .end = tiers_->end_of_read(now_, there)};
    if (blocks > 0 && worth_(fetch)) hit_->tiers = there;
  }
  return *hit_;
}

/// Leading blocks that are here in all groups, as far as each must have them. REQUIRES: more than one group, or
/// windows.
kv::BlockStore::Match Rank::match_groups(const Sequence& sequence, std::uint32_t most) const {
  const kv::BlockIds full = ids_in_full(sequence);
  std::uint32_t blocks = most;
  if (layout_.full > 0) blocks = cache_->match(full, most * layout_.full).blocks / layout_.full;
  if (layout_.windowed > 0) blocks = found_with_windows(sequence, blocks);
  kv::BlockStore::Match match = cache_->match(full, blocks * layout_.full);
  const std::uint32_t begin = layout_.passed(std::uint64_t{blocks} * block_tokens_);
  match.idle += cache_->match_also(ids_in_windows(sequence), begin * layout_.windowed, blocks * layout_.windowed);
  match.blocks = blocks;
  return match;
}

void Rank::use_tiers(kv::TierStack& tiers, Worth worth) {
  expect(cache_ != nullptr && layout_.windowed == 0, "tiers stand behind a prefix cache of whole blocks");
  tiers_ = &tiers;
  worth_ = std::move(worth);
  cache_->on_change([&tiers](const kv::BlockStore::NameChange& change) {
    if (change.here) {
      tiers.named(change.name, change.when);
    } else if (change.evicted) {
      tiers.evicted(change.name, change.since);
    } else {
      tiers.forgotten(change.name);
    }
  });
  cache_->on_second_use([&tiers](std::uint64_t name, SimTime when) { tiers.used_again(name, when); });
}

/// Blocks are taken for a prompt now; those that decodes have taken were before.
void Rank::mark_taking() {
  if (cache_ == nullptr) return;
  cache_->settle(free_blocks_);
  cache_->mark();
}

/// Starts to read for a request that has come what tiers behind the first have of it. Gives whether it waits for that.
bool Rank::prefetch(SequenceId id) {
  Sequence& sequence = sequences_[id];
  if (tiers_ == nullptr || !tiers_->prefetches() || sequence.from_remote) return false;
  hit_.reset();
  cache_->settle(free_blocks_);
  const kv::BlockIds ids = ids_of(sequence);
  const std::uint32_t most = std::min((sequence.target - 1) / block_tokens_, ids.known_in_prompt());
  const std::uint32_t here = cache_->match(ids, most).blocks;
  tiers_->set_time(now_);
  sequence.prefetching = tiers_->prefetch(now_, id.index(), ids, here, most);
  return sequence.prefetching && tiers_->prefetches()->policy != kv::PrefetchPolicy::BestEffort;
}

bool Rank::end_prefetch(SequenceId id) const {
  sequences_[id].prefetching = false;
  hit_.reset();  // the first tier has more of it
  return tiers_->end_prefetch(now_, id.index());
}

void Rank::take_hits(SequenceId id) {
  Sequence& sequence = sequences_[id];
  expect(!frozen_, "a head that is blocked does not start");
  const Hit hit = look_up(id);
  const kv::BlockStore::Match& match = hit.match;
  sequence.blocks = layout_.held(std::uint64_t{match.blocks} * block_tokens_);
  sequence.window_begin = layout_.passed(std::uint64_t{match.blocks} * block_tokens_);
  const std::uint32_t in_full = match.blocks * layout_.full;
  cache_->acquire(0, in_full, sequence.request.priority, sequence.held);
  cache_->acquire(in_full, sequence.blocks, sequence.request.priority, sequence.window_held);
  expect(match.idle <= free_blocks_ && match.idle <= sequence.blocks, "idle blocks are free");
  free_blocks_ -= match.idle;
  shared_blocks_ += sequence.blocks - match.idle;
  sequence.computed = match.blocks * block_tokens_ + hit.copied;
  sequence.from_tiers = hit.tiers;
  sequence.hit = sequence.computed +
                 std::accumulate(hit.tiers.begin(), hit.tiers.end(), 0U) * block_tokens_;  // those are on their way
  written_tokens_ += layout_.filled(sequence.computed);
  if (sequence.preemptions > 0 || sequence.from_remote) return;
  sequence.cached = sequence.hit;
  sequence.cached_in_tiers = hit.tiers;
}

std::uint32_t Rank::blocks_here(SequenceId id) {
  hit_.reset();  // acquire() takes what the last match has found
  cache_->settle(free_blocks_);
  const kv::BlockIds ids = ids_of(sequences_[id]);
  if (layout_.windowed > 0) return match_groups(sequences_[id], ids.known_in_prompt()).blocks;
  return cache_->match(ids, ids.known_in_prompt()).blocks;
}

std::uint32_t Rank::adopt(SequenceId id, std::uint32_t upto) {
  expect(layout_.windowed == 0, "what is copied between instances is of whole blocks");
  hit_.reset();
  cache_->settle(free_blocks_);
  const Sequence& sequence = sequences_[id];
  const kv::BlockIds ids = ids_of(sequence);
  const kv::BlockStore::Match here = cache_->match(ids, upto);
  std::vector<std::uint32_t> held;
  cache_->acquire(here.blocks, sequence.request.priority, held);
  const std::uint32_t come = std::min(upto - here.blocks, free_blocks_ - here.idle);
  cache_->settle(free_blocks_ - here.idle - come);
  cache_->name(ids, here.blocks + come, sequence.request.priority, held);
  (void)cache_->release(held, 0);
  blocked_ = false;
  return come;
}

/// What its hits have in tiers takes blocks now and is there when its first step computes behind it.
void Rank::take_from_tiers(SequenceId id) {
  Sequence& sequence = sequences_[id];
  if (sequence.prefetching) (void)end_prefetch(id);  // comes too late for this one
  const std::uint32_t blocks = std::accumulate(sequence.from_tiers.begin(), sequence.from_tiers.end(), 0U);
  if (blocks == 0) return;
  expect(tiers_->rules().with_step, "what waits for its blocks is not admitted before they are here");
  expect(blocks <= free_blocks_, "what is loaded fits into the free blocks");
  free_blocks_ -= blocks;
  sequence.blocks += blocks;
  sequence.computed += blocks * block_tokens_;
  written_tokens_ += std::uint64_t{blocks} * block_tokens_;
  name_blocks(sequence, sequence.computed / block_tokens_);
  news_.step_reads.push_back(id);
}

/// Names the sequence's first `upto` blocks as far as they have no names yet.
void Rank::name_blocks(Sequence& sequence, std::uint32_t upto) {
  const std::uint32_t in_windows =
      sequence.window_begin * layout_.windowed + static_cast<std::uint32_t>(sequence.window_held.size());
  if (upto * layout_.full <= sequence.held.size() && upto * layout_.windowed <= in_windows) return;
  cache_->settle(free_blocks_);
  cache_->mark();
  if (sharing_ != policy::Sharing::Tree) {
    cache_->name(ids_in_full(sequence), upto * layout_.full, sequence.request.priority, sequence.held);
    if (layout_.windowed > 0) {
      cache_->name(ids_in_windows(sequence), in_windows, upto * layout_.windowed, sequence.request.priority,
                   sequence.window_held);
    }
    return;
  }
  const std::uint32_t freed = cache_->name_or_share(ids_of(sequence), upto, sequence.request.priority, sequence.held);
  free_blocks_ += freed;
  shared_blocks_ += freed;
  if (freed > 0) blocked_ = false;
}

/// The sequence's blocks are no longer its own; others may use some of them.
void Rank::give_back(Sequence& sequence) {
  if (left_behind_ > 0) free_left_behind();
  written_tokens_ -= layout_.filled(sequence.computed);
  std::uint32_t in_windows = static_cast<std::uint32_t>(sequence.window_held.size());
  sequence.blocks -= in_windows;
  give_back(sequence.blocks, sequence.held);
  if (in_windows > 0) give_back(in_windows, sequence.window_held);
  sequence.window_begin = 0;
}

void Rank::give_back(std::uint32_t& blocks, std::vector<std::uint32_t>& held) {
  std::uint32_t freed = blocks;
  if (cache_) {
    cache_->settle(free_blocks_);
    cache_->mark();
    freed = cache_->release(held, blocks - static_cast<std::uint32_t>(held.size()));
  }
  free_blocks_ += freed;
  shared_blocks_ -= blocks - freed;
  blocks = 0;
}

}  // namespace tokenyard::serving
