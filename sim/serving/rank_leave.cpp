#include "sim/serving/rank.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

// Ways out of a Rank: with the last token, and before it, preempted, retracted, given up; and what a prefill side keeps
// until it is fetched.

namespace tokenyard::serving {

void Rank::complete(RankStep& step) {
  expect(step.live && in_flight_count_ > 0 && in_flight_[0] == &step, "steps complete in order");
  step.live = false;
  pop_in_flight();
  if (cache_ && sharing_ != policy::Sharing::AtOnce) {
    for (const PromptChunk& chunk : step.chunks) {
      name_blocks(sequences_[chunk.id], ids_of(sequences_[chunk.id]).known(chunk.computed));
    }
  }
  for (const SequenceId id : step.closing) {
    Sequence& sequence = sequences_[id];
    expect(sequence.state == SequenceState::Closing, "what closes had its last token in flight");
    closing_context_ -= sequence.computed;
    remove_running(id);
    blocked_ = false;
    if (hand_off_) {
      sequence.state = SequenceState::Pinned;
      sequence.pinned_blocks = sequence.blocks;
      sequence.pinned_held = std::move(sequence.held);
      sequence.held.clear();
    } else {
      if (cache_) name_blocks(sequence, ids_of(sequence).known(sequence.computed));
      give_back(sequence);
    }
  }
}

/// Takes a running sequence out of everything but its blocks. Tokens still in flight are dropped.
void Rank::leave_running(SequenceId id) {
  Sequence& sequence = sequences_[id];
  const std::uint32_t produced = handed_out(id);
  sequence.gave_tokens = produced > sequence.produced + (sequence.took_over ? 1 : 0);
  sequence.blocks = blocks_of(id);
  switch (sequence.state) {
    case SequenceState::Decoding:
      leave_decodes(id);
      break;
    case SequenceState::Closing:
      closing_context_ -= sequence.computed;
      break;
    case SequenceState::Partial:
      std::erase_if(partials_, [&](const policy::Partial& p) { return p.id == id; });
      partial_tokens_ -= sequence.target;
      break;
    default:
      expect(false, "only running sequences leave what runs");
  }
  if (step_ != nullptr) std::erase(step_->joined, id);
  for (RankStep* step : in_flight()) {
    const bool first = std::erase(step->prompts_done, id) > 0;
    std::erase(step->closing, id);
    std::erase(step->joined, id);
    std::erase_if(step->chunks, [id](const PromptChunk& chunk) { return chunk.id == id; });
    if (acceptance_ != nullptr) {
      drop_given(*step, id);
      continue;
    }
    const std::uint64_t first_decode = sequence.first_compose + (sequence.took_over ? 0 : 1);
    const bool decoded = sequence.state != SequenceState::Partial && step->compose >= first_decode &&
                         step->compose <= sequence.last_compose && !step->pauses(id);
    if (!first && decoded) --step->decode_tokens;
  }
  remove_running(id);
  sequence.lost = std::min(sequence.computed, sequence.request.prompt_tokens + produced);
  sequence.produced = produced;
}

/// The same, to be queued again: what is in flight is computed again.
void Rank::lose(SequenceId id) {
  leave_running(id);
  Sequence& sequence = sequences_[id];
  if (cache_) {  // it may find them again when it comes back; a tree has prompts only as yet
    const bool tree = sharing_ == policy::Sharing::Tree;
    name_blocks(sequence, (tree ? std::min(sequence.lost, sequence.target) : sequence.lost) / block_tokens_);
  }
  give_back(sequence);
  sequence.computed = 0;
  sequence.target = sequence.request.prompt_tokens + sequence.produced;
  sequence.from_remote = false;  // what was fetched is gone: it prefills here
  sequence.took_over = false;
  sequence.state = SequenceState::Waiting;
  ++sequence.version;
  ++sequence.preemptions;
  waiting_tokens_ += sequence.target;
  news_.preempted.push_back(id);
}

void Rank::preempt(SequenceId id) {
  lose(id);
  // Ahead of all that are not more urgent: it came before them.
  auto place = waiting_.begin();
  while (place != waiting_.end() && sequences_[*place].priority < sequences_[id].priority) ++place;
  waiting_.insert(place, id);
}

void Rank::retract(SequenceId id) {
  lose(id);
  waiting_.push_back(id);
}

void Rank::cancel(SequenceId id) {
  Sequence& sequence = sequences_[id];
  const auto leave = [id](std::deque<SequenceId>& queue) {
    const auto place = std::find(queue.begin(), queue.end(), id);
    expect(place != queue.end(), "what waits stands in a queue");
    queue.erase(place);
  };
  switch (sequence.state) {
    case SequenceState::Prefetching:
      std::erase(prefetching_, id);
      (void)end_prefetch(id);
      waiting_tokens_ -= sequence.target;
      break;
    case SequenceState::Waiting:
      if (sequence.prefetching) (void)end_prefetch(id);
      leave(waiting_);
      waiting_tokens_ -= sequence.target;
      break;
    case SequenceState::Loading:
      return;  // what is being written to its blocks is on its way: loaded() frees them
    case SequenceState::Loaded:
      leave(ready_);
      std::erase(arriving_, id);
      partial_tokens_ -= sequence.target;
      break;
    default:
      leave_running(id);
      if (cache_) name_blocks(sequence, ids_of(sequence).known(sequence.lost));
  }
  give_back(sequence);
  sequence.state = SequenceState::Gone;
  ++sequence.version;
  blocked_ = false;  // there may be another head, or blocks for it
}

void Rank::release(SequenceId id) {
  Sequence& sequence = sequences_[id];
  expect(hand_off_ && sequence.pinned_blocks > 0, "only pinned blocks are released");
  written_tokens_ -= sequence.request.prompt_tokens;
  give_back(sequence.pinned_blocks, sequence.pinned_held);
  blocked_ = false;
}

}  // namespace tokenyard::serving
