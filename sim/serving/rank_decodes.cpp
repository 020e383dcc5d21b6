#include "sim/serving/rank.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

// How a Rank keeps its decodes: sums over them, and a calendar of their last steps.

namespace tokenyard::serving {

void Rank::join_decodes(SequenceId id, std::uint32_t computed, std::uint32_t tokens_left) {
  Sequence& sequence = sequences_[id];
  sequence.state = SequenceState::Decoding;
  if (acceptance_ != nullptr) {
    ++sequence.version;
    ++decoding_;
    context_ += computed;
    sequence.computed = computed;
    join_verify(id, tokens_left);
    return;
  }
  sequence.decode_base = static_cast<std::int64_t>(computed) - static_cast<std::int64_t>(composed_);
  sequence.last_compose = composed_ + tokens_left - 1;
  ++sequence.version;
  ++decoding_;
  context_ += computed;
  decode_blocks_.join(computed);
  calendar_.push({sequence.last_compose, id.index(), sequence.version});
  if (tells_longest_ != cost::AsksLongest::Never) {
    lengths_.push({sequence.decode_base, id.index(), sequence.version});
    static_cast<void>(longest_context());  // what has left does not pile up where nothing asks
  }
  if (layout_.windowed > 0) join_windows(id);
}

std::uint32_t Rank::longest_context() const {
  for (;; lengths_.pop()) {
    expect(!lengths_.empty(), "what decodes has a length");
    const Length& length = lengths_.top();
    const Sequence& sequence = sequences_[SequenceId{length.slot}];
    if (sequence.version != length.version || sequence.state != SequenceState::Decoding) continue;
    return static_cast<std::uint32_t>(length.base + static_cast<std::int64_t>(composed_));
  }
}

void Rank::leave_decodes(SequenceId id) {
  Sequence& sequence = sequences_[id];
  const std::uint32_t computed = computed_of(id);
  --decoding_;
  context_ -= computed;
  if (acceptance_ != nullptr) {
    leave_verify(id);
    ++sequence.version;
    return;
  }
  decode_blocks_.leave(computed);
  if (layout_.windowed > 0) leave_windows(id);
  sequence.computed = computed;
  sequence.blocks = layout_.held(computed);
  ++sequence.version;
}

/// The first entry of a calendar whose sequence has not left since; null when there is none.
const Rank::Due* Rank::next_of(Calendar& calendar) const {
  for (; !calendar.empty(); calendar.pop()) {
    const Due& due = calendar.top();
    const Sequence& sequence = sequences_[SequenceId{due.slot}];
    if (sequence.version == due.version && sequence.state == SequenceState::Decoding) return &due;
  }
  return nullptr;
}

void Rank::close_due() {
  for (const Due* due = next_due(); due != nullptr && due->compose < composed_; due = next_due()) {
    const SequenceId id{due->slot};
    calendar_.pop();
    close(id);
  }
}

/// A decode whose last token this step computes.
void Rank::close(SequenceId id) {
  leave_decodes(id);
  sequences_[id].state = SequenceState::Closing;
  sequences_[id].last_compose = step_->compose;
  closing_context_ += sequences_[id].computed;
  step_->closing.push_back(id);
}

std::uint64_t Rank::plain_composes() const {
  if (decoding_ == 0 || !partials_.empty() || could_admit() || acceptance_ != nullptr) return 0;
  const Due* due = next_due();
  expect(due != nullptr && due->compose >= composed_, "every decode has a last step ahead");
  std::uint64_t steps = due->compose - composed_;
  if (layout_.windowed == 0) return decode_blocks_.steps_within(decoding_, free_blocks_, steps);
  if (!left_behind_named_.empty()) return 0;  // others may use some of them still
  if (const Due* pass = next_pass(); pass != nullptr) steps = std::min(steps, pass->compose - composed_);
  // What waits may start as soon as more blocks are free than when it could not.
  const bool waits = !waiting_.empty() || !ready_.empty();
  return decode_blocks_.steps_within({.decodes = decoding_,
                                      .free = free_blocks_,
                                      .left_behind = left_behind_,
                                      .too_few = waits ? too_few_ : UINT32_MAX},
                                     steps);
}

}  // namespace tokenyard::serving
