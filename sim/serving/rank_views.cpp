#include "sim/serving/rank.hpp"

#include <algorithm>
#include <numeric>

// What a Rank tells of single sequences, and the list of those that run.

namespace tokenyard::serving {

// ---------------------------------------------------------------- views of one sequence

std::uint32_t Rank::computed_of(SequenceId id) const {
  const Sequence& sequence = sequences_[id];
  if (sequence.state != SequenceState::Decoding || acceptance_ != nullptr) return sequence.computed;
  return static_cast<std::uint32_t>(sequence.decode_base + static_cast<std::int64_t>(composed_));
}

std::uint32_t Rank::blocks_of(SequenceId id) const {
  const Sequence& sequence = sequences_[id];
  const bool derived = sequence.state == SequenceState::Decoding && acceptance_ == nullptr;
  return derived ? layout_.held(computed_of(id)) : sequence.blocks;
}

std::uint32_t Rank::handed_out(SequenceId id) const {
  const Sequence& sequence = sequences_[id];
  if (sequence.state != SequenceState::Decoding && sequence.state != SequenceState::Closing) return sequence.produced;
  std::uint32_t given = sequence.produced + 1 + (computed_of(id) - sequence.target);
  if (acceptance_ != nullptr) return given - given_in_flight(id);
  for (const RankStep* step : in_flight()) {
    if (step->compose < sequence.first_compose || step->compose > sequence.last_compose) continue;
    if (!step->pauses(id)) --given;
  }
  return given;
}

std::uint32_t Rank::wanted(SequenceId id) const {
  const Sequence& sequence = sequences_[id];
  if (sequence.state == SequenceState::Decoding) return decode_width();
  return sequence.state == SequenceState::Partial ? sequence.target - sequence.computed : 0;
}

std::uint32_t Rank::blocks_needed(SequenceId id, std::uint32_t tokens) const {
  const std::uint64_t computed = computed_of(id);
  return lacked(blocks_of(id), computed, computed + tokens + lookahead());
}

policy::Progress Rank::progress(SequenceId id) const {
  const Sequence& sequence = sequences_[id];
  const std::uint32_t given = handed_out(id);
  return {.prompt = sequence.request.prompt_tokens,
          .given = given,
          .may_produce = may_produce(sequence, given),
          .blocks = blocks_of(id)};
}

std::uint32_t Rank::ended() const {
  if (hand_off_) return 0;
  std::uint32_t count = 0;
  for (const RankStep* step : in_flight()) count += static_cast<std::uint32_t>(step->closing.size());
  return count;
}

std::uint32_t Rank::blocks_for_ended() const {
  if (hand_off_) return 0;
  std::uint32_t blocks = 0;
  for (const RankStep* step : in_flight()) {
    for (const SequenceId id : step->closing) blocks += blocks_needed(id, decode_width());
  }
  return blocks;
}

std::pair<std::int32_t, std::uint64_t> Rank::urgency(SequenceId id) const {
  return {sequences_[id].priority, sequences_[id].request.id.index()};
}

std::optional<policy::Candidate> Rank::candidate_at(std::size_t place) const {
  if (place >= ready_.size() + waiting_.size()) return std::nullopt;
  const SequenceId id = place < ready_.size() ? ready_[place] : waiting_[place - ready_.size()];
  const Sequence& head = sequences_[id];
  if (place == 0 && head.prefetching) (void)end_prefetch(id);  // its turn has come
  policy::Candidate candidate{.tokens = head.target,
                              .from_remote = head.from_remote,
                              .loaded = head.state == SequenceState::Loaded,
                              .priority = head.priority,
                              .may_produce = may_produce(head, head.produced),
                              .came = head.first_compose};
  if (candidate.loaded) {
    candidate.cached = head.computed;
  } else if (cache_) {
    const Hit& hit = look_up(id);
    candidate.cached = hit.match.blocks * block_tokens_ + hit.copied;
    candidate.cached_idle = hit.match.idle;
    const kv::BlockIds ids = ids_of(head);
    const std::uint32_t fetched = std::accumulate(hit.tiers.begin(), hit.tiers.end(), 0U);
    const bool with_step = tiers_ != nullptr && tiers_->rules().with_step;
    const std::uint32_t here = hit.match.blocks + (with_step ? fetched : 0);
    if (here < ids.known_in_prompt()) candidate.next_block = ids[here];
    const std::uint32_t first = layout_.places(policy::kBeginning);
    if (first <= ids.known_in_prompt()) candidate.beginning = ids[first - 1];
    candidate.from_tiers = with_step ? fetched * block_tokens_ : 0;
    candidate.from_remote = head.from_remote || (!with_step && fetched > 0);
  }
  return candidate;
}

std::optional<std::uint64_t> Rank::next_block(SequenceId id) const {
  const Sequence& sequence = sequences_[id];
  if (cache_ == nullptr || sharing_ == policy::Sharing::AtOnce) return std::nullopt;
  const kv::BlockIds ids = ids_of(sequence);
  const auto next = static_cast<std::uint32_t>(sequence.held.size());
  return next < ids.known_in_prompt() ? std::optional(ids[next]) : std::nullopt;
}

std::uint64_t Rank::prompt_tokens() const {
  std::uint64_t tokens = waiting_tokens_;
  for (const policy::Partial& partial : partials_) tokens += partial.remaining;
  return tokens;
}

SimTime Rank::expected_prefill() const {
  SimTime sum;
  for (const SequenceId id : waiting_) sum += sequences_[id].expected_prefill;
  for (const SequenceId id : prefetching_) sum += sequences_[id].expected_prefill;
  for (const policy::Partial& partial : partials_) {
    const Sequence& sequence = sequences_[partial.id];
    const double left = static_cast<double>(partial.remaining) / (sequence.target - sequence.hit);
    sum += SimTime::from(sequence.expected_prefill.seconds() * left);
  }
  return sum;
}

std::uint32_t Rank::blocks_promised() const {
  std::uint32_t promised = 0;
  for (const policy::Partial& partial : partials_) {
    promised += lacked(blocks_of(partial.id), partial.computed,
                       std::uint64_t{partial.computed} + partial.remaining + lookahead());
  }
  return promised;
}

// ---------------------------------------------------------------- running list

std::vector<SequenceId> Rank::running_order() const {
  std::vector<SequenceId> order;
  order.reserve(running_);
  for (std::uint32_t at = first_; at != 0;) {
    const SequenceId id{at - 1};
    order.push_back(id);
    at = sequences_[id].next;
  }
  return order;
}

void Rank::append_running(SequenceId id) {
  Sequence& sequence = sequences_[id];
  sequence.previous = last_;
  sequence.next = 0;
  (last_ == 0 ? first_ : sequences_[SequenceId{last_ - 1}].next) = id.index() + 1;
  last_ = id.index() + 1;
  ++running_;
}

void Rank::remove_running(SequenceId id) {
  const Sequence& sequence = sequences_[id];
  (sequence.previous == 0 ? first_ : sequences_[SequenceId{sequence.previous - 1}].next) = sequence.next;
  (sequence.next == 0 ? last_ : sequences_[SequenceId{sequence.next - 1}].previous) = sequence.previous;
  --running_;
}

}  // namespace tokenyard::serving
