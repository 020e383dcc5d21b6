#include "sim/serving/rank.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

// Speculative decoding: what a Rank does when every decode verifies drafts. How many tokens a step gives then differs
// from decode to decode and is drawn, so decodes are walked one by one: a step costs in proportion to the batch.

namespace tokenyard::serving {

std::uint32_t Rank::decode_width() const { return acceptance_ == nullptr ? 1 : 1 + acceptance_->drafts(); }

std::uint32_t Rank::lookahead() const { return keeps_places_ahead_ ? decode_width() - 1 : 0; }

/// Blocks that a decode lacks for its step: places for its token and its drafts, and those that the rules keep ahead.
std::uint32_t Rank::blocks_to_verify(const Sequence& sequence) const {
  return lacked(sequence.blocks, sequence.computed, std::uint64_t{sequence.computed} + decode_width() + lookahead());
}

std::uint32_t Rank::blocks_to_verify() const {
  std::uint32_t blocks = 0;
  for (const SequenceId id : verifying_) blocks += blocks_to_verify(sequences_[id]);
  return blocks;
}

/// All that can decode compute a token and their drafts. Accepted ones and one more are handed out, the rest is
/// forgotten.
void Rank::verify_all() {
  for (const SequenceId id : verifying_) {
    Sequence& sequence = sequences_[id];
    const std::uint32_t blocks = blocks_to_verify(sequence);
    free_blocks_ -= blocks;
    sequence.blocks += blocks;
    step_->shape.add_decode(sequence.computed + decode_width());
    const std::uint32_t given = std::min(acceptance_->next() + 1, sequence.left);
    sequence.computed += given;
    sequence.left -= given;
    context_ += given;
    written_tokens_ += std::uint64_t{layout_.groups()} * given;
    if (layout_.windowed > 0) pass_own(sequence);
    step_->decode_tokens += given;
    step_->given.emplace_back(id, given);
  }
  count_compose();
  std::vector<SequenceId> spent;
  for (const SequenceId id : verifying_) {
    if (sequences_[id].left == 0) spent.push_back(id);
  }
  for (const SequenceId id : spent) close(id);
}

void Rank::join_verify(SequenceId id, std::uint32_t tokens_left) {
  sequences_[id].left = tokens_left;
  verifying_.push_back(id);
}

void Rank::leave_verify(SequenceId id) { verifying_.erase(std::find(verifying_.begin(), verifying_.end(), id)); }

/// Tokens of a running sequence that steps in flight will hand out.
std::uint32_t Rank::given_in_flight(SequenceId id) const {
  std::uint32_t tokens = 0;
  for (const RankStep* step : in_flight()) {
    const auto& prompts = step->prompts_done;
    if (std::find(prompts.begin(), prompts.end(), id) != prompts.end()) ++tokens;
    for (const auto& [given_to, count] : step->given) tokens += given_to == id ? count : 0;
  }
  return tokens;
}

/// Takes back what a step in flight would have handed out.
void Rank::drop_given(RankStep& step, SequenceId id) {
  const auto given = std::find_if(step.given.begin(), step.given.end(), [&](const auto& g) { return g.first == id; });
  if (given == step.given.end()) return;
  step.decode_tokens -= given->second;
  step.given.erase(given);
}

}  // namespace tokenyard::serving
