#include "sim/serving/rank.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

// What a Rank does where groups of layers see a window only. Blocks that a window has passed are free when the next
// step is composed: the step that passes them still reads them. Most decodes leave theirs behind as sums
// (DecodeBlocks); one that is short of its window yet, or holds named blocks in it, is looked at in the steps in which
// it passes one.

namespace tokenyard::serving {

/// Leaves the sequence's blocks before block `upto` of each windowed group behind, as far as it holds them.
void Rank::pass(Sequence& sequence, std::uint32_t upto) {
  if (upto <= sequence.window_begin) return;
  const std::uint32_t count = (upto - sequence.window_begin) * layout_.windowed;
  left_behind_ += count;
  const auto named = static_cast<std::ptrdiff_t>(std::min<std::size_t>(count, sequence.window_held.size()));
  const auto begin = sequence.window_held.begin();
  left_behind_named_.insert(left_behind_named_.end(), begin, begin + named);
  sequence.window_held.erase(begin, begin + named);
  sequence.window_begin = upto;
}

/// The same of a sequence whose own count of tokens and blocks is up to date.
void Rank::pass_own(Sequence& sequence) {
  const std::uint32_t before = left_behind_;
  pass(sequence, layout_.passed(sequence.computed));
  sequence.blocks -= left_behind_ - before;
}

void Rank::join_windows(SequenceId id) {
  Sequence& sequence = sequences_[id];
  const std::uint32_t computed = computed_of(id);
  if (sequence.window_held.empty() && computed >= decode_blocks_.first_pass()) {
    decode_blocks_.join_passing(computed);
    sequence.passes_with_others = true;
  } else {
    passes_.push({composed_ + decode_blocks_.until_pass(computed), id.index(), sequence.version});
  }
}

void Rank::leave_windows(SequenceId id) {
  Sequence& sequence = sequences_[id];
  const std::uint32_t computed = computed_of(id);
  if (sequence.passes_with_others) decode_blocks_.leave_passing(computed);
  sequence.passes_with_others = false;
  sequence.window_begin = layout_.passed(computed);
}

/// By the decodes of the step being composed.
void Rank::leave_blocks_behind() {
  left_behind_ += decode_blocks_.passed();
  for (const Due* due = next_pass(); due != nullptr && due->compose == composed_; due = next_pass()) {
    const SequenceId id{due->slot};
    Sequence& sequence = sequences_[id];
    passes_.pop();
    const std::uint32_t computed = computed_of(id);
    pass(sequence, layout_.passed(std::uint64_t{computed} + 1));
    if (sequence.window_held.empty()) {
      decode_blocks_.join_passing(computed);
      sequence.passes_with_others = true;
    } else {
      passes_.push({composed_ + block_tokens_, id.index(), sequence.version});
    }
  }
}

void Rank::free_left_behind() {
  written_tokens_ -= std::uint64_t{left_behind_} * block_tokens_;
  const auto named = static_cast<std::uint32_t>(left_behind_named_.size());
  if (named > 0) {
    std::uint32_t blocks = named;
    give_back(blocks, left_behind_named_);
  }
  // The others hold nothing that anybody could find.
  if (cache_ && left_behind_ > named) {
    cache_->settle(free_blocks_);
    (void)cache_->release(left_behind_named_, left_behind_ - named);
  }
  free_blocks_ += left_behind_ - named;
  left_behind_ = 0;
}

/// What a run of plain steps takes and frees. A cache sees it step by step: what is freed may be taken again before
/// anything that was idle.
void Rank::take_and_free(std::uint64_t steps, const DecodeBlocks::Walk& walk) {
  if (layout_.windowed == 0) {
    free_blocks_ -= static_cast<std::uint32_t>(walk.taken());
    return;
  }
  for (DecodeBlocks::Walk again = block_walk(); steps > 0; --steps) {
    if (left_behind_ > 0) free_left_behind();
    free_blocks_ -= again.next().taken;
    left_behind_ = again.left_behind();
  }
}

/// Of the first `upto` blocks, which every group that sees everything has, how many a request can start behind: those
/// that its windows would see then are here too. As vLLM finds them, from the longest on down.
std::uint32_t Rank::found_with_windows(const Sequence& sequence, std::uint32_t upto) const {
  if (layout_.in_window() == 0) return upto;
  const kv::BlockIds ids = ids_in_windows(sequence);
  const auto here = [&](std::uint32_t block) {
    for (std::uint32_t group = 0; group < layout_.windowed; ++group) {
      if (!cache_->has(ids, block * layout_.windowed + group)) return false;
    }
    return true;
  };
  std::uint32_t run = 0;
  for (std::uint32_t block = upto; block > 0; --block) {
    run = here(block - 1) ? run + 1 : 0;
    if (run == layout_.in_window()) return block - 1 + run;
  }
  return run;
}

}  // namespace tokenyard::serving
