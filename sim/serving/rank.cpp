#include "sim/serving/rank.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <utility>

namespace tokenyard::serving {
namespace {

std::unique_ptr<kv::BlockStore> make_cache(std::uint32_t blocks, std::optional<kv::PrefixCacheSpec> spec,
                                           policy::Sharing sharing) {
  if (!spec) return nullptr;
  spec->empty_first = sharing != policy::Sharing::AtOnce;
  return std::make_unique<kv::BlockStore>(blocks, *spec);
}

}  // namespace

Rank::Rank(SequenceTable& sequences, std::unique_ptr<policy::BatchRules> rules, std::uint32_t total_blocks,
           const kv::BlockLayout& layout, bool hand_off, const std::optional<kv::PrefixCacheSpec>& caching,
           Acceptance* acceptance)
    : sequences_(sequences),
      rules_(std::move(rules)),
      total_blocks_(total_blocks),
      layout_(layout),
      block_tokens_(layout.tokens),
      hand_off_(hand_off),
      acceptance_(acceptance),
      sees_ends_late_(rules_->sees_ends_late()),
      keeps_places_ahead_(rules_->keeps_places_ahead()),
      takes_first_token_(rules_->takes_first_token()),
      sharing_(rules_->sharing()),
      free_blocks_(total_blocks),
      cache_(make_cache(total_blocks, caching, sharing_)),
      decode_blocks_(layout) {
  expect(layout.tokens > 0 && layout.groups() > 0 && total_blocks > 0, "a rank has blocks");
  expect(layout.windowed > 0 || layout.full == 1, "layers are dealt into groups for the sake of windows");
  expect(layout.windowed == 0 || (layout.window > 0 && !hand_off && sharing_ == policy::Sharing::AtOnce),
         "an engine whose windows give blocks back keeps KV to itself and shares it at once");
}

// ---------------------------------------------------------------- queue

void Rank::enqueue(SequenceId id) {
  Sequence& sequence = sequences_[id];
  sequence.state = SequenceState::Waiting;
  sequence.target = sequence.request.prompt_tokens;
  sequence.computed = 0;
  sequence.produced = 0;
  sequence.blocks = 0;
  sequence.window_begin = 0;
  sequence.first_compose = composed_;
  if (running_ == 0 && waiting() == 0) idled_ = true;
  waiting_tokens_ += sequence.target;
  if (prefetch(id)) {
    sequence.state = SequenceState::Prefetching;
    prefetching_.push_back(id);
    return;
  }
  join_queue(id, false);
}

bool Rank::prefetched(SequenceId id) {
  expect(sequences_[id].state == SequenceState::Prefetching, "what was waited for was being read");
  std::erase(prefetching_, id);
  const bool all = end_prefetch(id);
  sequences_[id].state = SequenceState::Waiting;
  join_queue(id, true);
  return all;
}

/// `held_back`: it has come before others that are in the queue.
void Rank::join_queue(SequenceId id, bool held_back) {
  const Sequence& sequence = sequences_[id];
  // First come, first served among equals; a more urgent one passes those behind it.
  auto place = waiting_.end();
  while (place != waiting_.begin() && sequences_[*(place - 1)].priority > sequence.priority) --place;
  const auto later = [&](const Sequence& other) {
    return other.priority == sequence.priority && other.preemptions == 0 && other.request.id > sequence.request.id;
  };
  while (held_back && place != waiting_.begin() && later(sequences_[*(place - 1)])) --place;
  // Another head; or TensorRT-LLM, which looks for what is to be fetched in the whole queue.
  const bool passes = sequence.from_remote && sharing_ == policy::Sharing::Reuse;
  if (place == waiting_.begin() || passes) blocked_ = false;
  waiting_.insert(place, id);
}

void Rank::loaded(SequenceId id) {
  Sequence& sequence = sequences_[id];
  expect(sequence.state == SequenceState::Loading, "KV arrives for a sequence that waits for it");
  sequence.state = SequenceState::Loaded;
  --loading_;
  if (sequence.given_up) {
    partial_tokens_ -= sequence.target;
    std::erase(arriving_, id);
    give_back(sequence);
    sequence.state = SequenceState::Gone;
    blocked_ = false;
    return;
  }
  written_tokens_ -= sequence.computed;
  if (sequence.from_remote) {
    // Without the first token the last one of the prompt is computed here and gives it.
    sequence.computed = takes_first_token_ ? sequence.target : sequence.target - 1;
    if (cache_) name_blocks(sequence, ids_of(sequence).known(sequence.computed));
  } else {
    sequence.computed = sequence.hit;
    name_blocks(sequence, sequence.computed / block_tokens_);
  }
  written_tokens_ += sequence.computed;
  ready_.push_back(id);
  blocked_ = false;
}

std::uint64_t Rank::outstanding_tokens() const {
  return waiting_tokens_ + partial_tokens_ + context_ + closing_context_;
}

// ---------------------------------------------------------------- composing

bool Rank::compose(RankStep& step) {
  step.clear();
  if (left_behind_ > 0) free_left_behind();
  step.compose = composed_;
  step_ = &step;
  joining_.clear();
  const std::uint64_t before = composed_;
  // TensorRT-LLM frees a place in the batch when a last token is composed, so that its head may start before anything
  // has ended; windows may leave more behind than decodes take.
  frozen_ = blocked_ && partials_.empty() && sharing_ != policy::Sharing::Reuse &&
            (layout_.windowed == 0 || free_blocks_ <= too_few_ + blocks_to_decode());
  blocked_ = !rules_->compose(*this);
  too_few_ = frozen_ ? too_few_ : free_blocks_;
  frozen_ = false;
  const bool computes = step.shape.tokens() > 0;
  if (computes && composed_ == before)
    count_compose();  // a step of prompts only: decodes paused by nobody, there are none
  for (const auto& [id, left] : joining_) {
    Sequence& sequence = sequences_[id];
    sequence.first_compose = step.compose;
    if (left == 0) {
      sequence.state = SequenceState::Closing;
      sequence.last_compose = step.compose;
      closing_context_ += sequence.computed;
      step.closing.push_back(id);
    } else {
      join_decodes(id, sequence.computed, left);
    }
  }
  // Its places are taken now: what they held is written back first.
  if (tiers_ != nullptr && tiers_->rules().waits_for_writes && !step.chunks.empty()) {
    cache_->settle(free_blocks_);
  }
  step_ = nullptr;
  idled_ = false;
  step.live = computes;
  if (computes) {
    expect(in_flight_count_ < kMaxDepth, "no more steps in flight than the engine allows");
    in_flight_[in_flight_count_++] = &step;
  }
  return computes;
}

std::uint32_t Rank::blocks_to_decode() const {
  if (acceptance_ != nullptr) return blocks_to_verify();
  return decode_blocks_.taken();
}

void Rank::decode_all() {
  expect(composed_ == step_->compose, "decodes are composed once a step");
  expect(blocks_to_decode() <= free_blocks_, "decodes fit into the free blocks");
  if (acceptance_ != nullptr) {
    verify_all();
    return;
  }
  cost::StepShape shape = compose_decodes();
  const bool prompts = step_->shape.chunks > 0 || could_admit() || !partials_.empty();  // or there may be some
  if (tells_longest_ == cost::AsksLongest::WithPrompts && prompts && shape.decodes > 0) {
    shape.longest_context = longest_context();
  }
  step_->shape.decodes += shape.decodes;
  step_->shape.decode_context += shape.decode_context;
  step_->shape.longest_context = std::max(step_->shape.longest_context, shape.longest_context);
  step_->decode_tokens += shape.decodes;
  close_due();
}

void Rank::decode(std::span<const SequenceId> chosen) {
  if (chosen.size() == decoding_) {
    decode_all();
    return;
  }
  std::vector<std::uint8_t> is_chosen;
  for (const SequenceId id : chosen) {
    if (id.index() >= is_chosen.size()) is_chosen.resize(id.index() + 1);
    is_chosen[id.index()] = 1;
  }
  struct Pause {
    SequenceId id;
    std::uint32_t computed;
    std::uint32_t left;
  };
  std::vector<Pause> pauses;
  for (const SequenceId id : running_order()) {
    if (sequences_[id].state != SequenceState::Decoding) continue;
    if (id.index() < is_chosen.size() && is_chosen[id.index()] != 0) continue;
    const std::uint32_t left = acceptance_ != nullptr
                                   ? sequences_[id].left
                                   : static_cast<std::uint32_t>(sequences_[id].last_compose + 1 - composed_);
    pauses.push_back({id, computed_of(id), left});
    step_->paused.push_back(id);
  }
  std::sort(step_->paused.begin(), step_->paused.end());
  for (const Pause& pause : pauses) leave_decodes(pause.id);
  if (decoding_ > 0) {
    decode_all();
  } else {
    count_compose();
  }
  for (const Pause& pause : pauses) join_decodes(pause.id, pause.computed, pause.left);
}

void Rank::compute(SequenceId id, std::uint32_t tokens) {
  mark_taking();
  chunk(id, tokens);
}

void Rank::admit(std::uint32_t tokens) {
  mark_taking();
  const bool ready = !ready_.empty();
  const SequenceId id = ready ? ready_.front() : waiting_.front();
  Sequence& sequence = sequences_[id];
  if (ready) {
    ready_.pop_front();
    std::erase(arriving_, id);
  } else {
    waiting_.pop_front();
    waiting_tokens_ -= sequence.target;
    partial_tokens_ += sequence.target;
    if (cache_) take_hits(id);
    if (tiers_ != nullptr) take_from_tiers(id);
  }
  if (reserved_ > 0) {
    const std::uint32_t need = lacked(sequence.blocks, sequence.computed, reserved_);
    expect(need <= free_blocks_, "what is reserved fits into the free blocks");
    free_blocks_ -= need;
    sequence.blocks += need;
    reserved_ = 0;
  }
  append_running(id);
  sequence.state = SequenceState::Partial;
  partials_.push_back({id, sequence.computed, sequence.target - sequence.computed});
  news_.admitted.push_back(id);
  // What another one has brought from tiers since the rules looked need not be computed.
  chunk(id, std::min(tokens, sequence.target - sequence.computed));
}

void Rank::chunk(SequenceId id, std::uint32_t tokens) {
  Sequence& sequence = sequences_[id];
  const auto partial =
      std::find_if(partials_.begin(), partials_.end(), [&](const policy::Partial& p) { return p.id == id; });
  expect(partial != partials_.end() && tokens > 0 && tokens <= partial->remaining, "a chunk is part of what remains");
  const std::uint32_t need =
      lacked(sequence.blocks, sequence.computed, std::uint64_t{sequence.computed} + tokens + lookahead());
  expect(need <= free_blocks_, "a chunk fits into the free blocks");
  free_blocks_ -= need;
  sequence.blocks += need;
  if (tokens == 1) {
    // A single token is a decode for the kernel (scheduling study, section 4).
    step_->shape.add_decode(sequence.computed + 1);
  } else {
    step_->shape.add_chunk(sequence.computed, tokens);
  }
  sequence.computed += tokens;
  written_tokens_ += std::uint64_t{layout_.groups()} * tokens;
  const bool later = cache_ != nullptr && sharing_ != policy::Sharing::AtOnce;
  if (cache_ && !later) name_blocks(sequence, ids_of(sequence).known(sequence.computed));
  if (layout_.windowed > 0) pass_own(sequence);
  if (hand_off_ || later) step_->chunks.push_back({.id = id, .computed = sequence.computed});
  if (tokens < partial->remaining) {
    partial->computed += tokens;
    partial->remaining -= tokens;
    return;
  }
  partials_.erase(partial);
  partial_tokens_ -= sequence.target;
  step_->prompts_done.push_back(id);
  const std::uint32_t left = hand_off_ ? 0 : sequence.fate.output_tokens - sequence.produced - 1;
  joining_.emplace_back(id, left);
}

void Rank::load() {
  mark_taking();
  const SequenceId id = waiting_.front();
  Sequence& sequence = sequences_[id];
  waiting_.pop_front();
  waiting_tokens_ -= sequence.target;
  partial_tokens_ += sequence.target;
  sequence.state = SequenceState::Loading;
  ++loading_;
  if (cache_) take_hits(id);
  const std::uint32_t need = layout_.places(std::uint64_t{sequence.target} + lookahead()) - sequence.blocks;
  expect(layout_.windowed == 0 && need <= free_blocks_, "a fetched cache fits into the free blocks");
  free_blocks_ -= need;
  sequence.blocks += need;
  if (sequence.from_remote) {
    sequence.fetched = sequence.target - sequence.computed;
    arriving_.push_back(id);
    if (sequence.kv_here && !takes_first_token_) {
      news_.present.push_back(id);
      loaded(id);
    } else {
      news_.fetches.push_back(id);
    }
  } else {
    news_.tier_reads.push_back(id);
  }
}

void Rank::take_over() {
  const SequenceId id = ready_.front();
  Sequence& sequence = sequences_[id];
  expect(takes_first_token_ && sequence.from_remote && acceptance_ == nullptr && composed_ == step_->compose,
         "a first token that came along is taken over before the decodes of a step");
  ready_.pop_front();
  std::erase(arriving_, id);
  partial_tokens_ -= sequence.target;
  news_.taken_over.push_back(id);
  if (sequence.fate.output_tokens == 1) {
    give_back(sequence);
    return;
  }
  append_running(id);
  sequence.took_over = true;
  sequence.first_compose = composed_;
  join_decodes(id, sequence.computed, sequence.fate.output_tokens - 1);
  step_->joined.push_back(id);
}

void Rank::bring_forward(std::size_t place) {
  expect(place >= ready_.size() && place < ready_.size() + waiting_.size(), "what is brought forward waits");
  const auto at = waiting_.begin() + static_cast<std::ptrdiff_t>(place - ready_.size());
  std::rotate(waiting_.begin(), at, at + 1);
}

void Rank::reserve(std::uint32_t tokens) { reserved_ = tokens; }

void Rank::decode_ended() {
  expect(composed_ == step_->compose, "what has ended computes before the decodes do");
  if (hand_off_) return;
  for (const RankStep* step : in_flight()) {
    for (const SequenceId id : step->closing) {
      Sequence& sequence = sequences_[id];
      const std::uint32_t need = blocks_needed(id, decode_width());
      expect(need <= free_blocks_, "what has ended fits into the free blocks");
      free_blocks_ -= need;
      sequence.blocks += need;
      step_->shape.add_decode(sequence.computed + decode_width());
    }
  }
}

void Rank::skip_plain(std::uint64_t steps, const DecodeBlocks::Walk& walk, std::span<RankStep* const> live) {
  expect(walk.taken() <= free_blocks_ + walk.freed() && live.size() == in_flight_count_,
         "a run takes free blocks and keeps its depth");
  take_and_free(steps, walk);
  context_ += steps * decoding_;
  written_tokens_ += steps * decoding_ * layout_.groups();
  composed_ += steps;
  decode_blocks_.advance(steps);
  for (std::size_t i = 0; i < live.size(); ++i) {
    // The youngest was composed last, with the contexts as they are now; each older one a token a sequence earlier.
    const std::uint64_t back = live.size() - 1 - i;
    RankStep& step = *live[i];
    step.live = true;
    step.compose = composed_ - 1 - back;
    step.shape = {.decodes = decoding_,
                  .decode_context = context_ - back * decoding_,
                  .longest_context = longest_in_decodes(-static_cast<std::int64_t>(back))};
    step.decode_tokens = decoding_;
    in_flight_[i] = &step;
  }
}

}  // namespace tokenyard::serving
