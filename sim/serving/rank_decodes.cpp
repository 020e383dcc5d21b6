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
  ++phase_[phase_of(computed)];
  calendar_.push({sequence.last_compose, id.index(), sequence.version});
  lengths_.push({sequence.decode_base, id.index(), sequence.version});
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
  --phase_[phase_of(computed)];
  sequence.computed = computed;
  sequence.blocks = blocks_for(computed);
  ++sequence.version;
}

const Rank::Due* Rank::next_due() const {
  while (!calendar_.empty()) {
    const Due& due = calendar_.top();
    const Sequence& sequence = sequences_[SequenceId{due.slot}];
    if (sequence.version == due.version && sequence.state == SequenceState::Decoding) return &due;
    calendar_.pop();
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
  // Blocks: a full cycle of phases takes one block a decode.
  std::uint64_t left = free_blocks_ % decoding_;
  const std::uint64_t whole = std::uint64_t{free_blocks_ / decoding_} * block_tokens_;
  if (whole >= steps) return steps;
  std::uint64_t enough = whole;
  std::uint32_t at = edge_;  // a whole number of cycles later it is the same
  for (std::uint32_t i = 0; i < block_tokens_; ++i) {
    if (phase_[at] > left) break;
    left -= phase_[at];
    ++enough;
    at = (at == 0 ? block_tokens_ : at) - 1;
  }
  return std::min(steps, enough);
}

}  // namespace tokenyard::serving
