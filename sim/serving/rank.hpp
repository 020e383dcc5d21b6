#pragma once

#include "sim/kv/block_layout.hpp"
#include "sim/kv/block_store.hpp"
#include "sim/policy/batch_rules.hpp"
#include "sim/serving/acceptance.hpp"
#include "sim/serving/decode_blocks.hpp"
#include "sim/serving/rank_step.hpp"
#include "sim/serving/sequence.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <utility>
#include <vector>

namespace tokenyard::serving {

/// One scheduler: queue, running set, KV blocks of one attention rank. No clock, no engine: it is told to compose a
/// step and to take a step's outputs; between the two up to `depth` steps are in flight.
///
/// Decodes are kept as sums: how many, their summed context, how many cross a block edge at each phase, and a calendar
/// of last steps. Composing a step of decodes costs the same whatever the batch. A decode's own figures follow from the
/// number of composed steps since it joined. With drafts to verify they are walked one by one (rank_drafts.cpp).
class Rank final : public policy::Desk {
 public:
  /// `hand_off`: requests leave after their first token, with their blocks pinned until release() (a prefill instance).
  /// `caching`: idle blocks keep what they hold and prompts find it by the names of their beginnings.
  /// `acceptance`: of the drafts that every decode verifies; null: there are none. It outlives the rank.
  /// REQUIRES: a layout with windowed groups has neither hand-off nor tiers, and rules that share at once.
  Rank(SequenceTable& sequences, std::unique_ptr<policy::BatchRules> rules, std::uint32_t total_blocks,
       const kv::BlockLayout& layout, bool hand_off, const std::optional<kv::PrefixCacheSpec>& caching = std::nullopt,
       Acceptance* acceptance = nullptr);

  // ---- driven by the instance ----
  void enqueue(SequenceId id);
  /// What was read for a sequence in state Prefetching is there, or is not waited for any longer: it queues where it
  /// would stand. Gives whether all of it is there.
  bool prefetched(SequenceId id);
  [[nodiscard]] std::span<const SequenceId> prefetching() const { return prefetching_; }
  /// The KV of a sequence in state Loading has arrived.
  void loaded(SequenceId id);
  /// Its user has gone: it leaves, its blocks are free and what is in flight for it is dropped. Its state is then Gone;
  /// or Loading until loaded(), as blocks are kept that are still being written to (vLLM frees them no sooner either).
  /// REQUIRES: it is in this rank's hands and not Pinned.
  void cancel(SequenceId id);
  /// Gives a pinned sequence's blocks back.
  void release(SequenceId id);

  /// Composes one step into `step` (cleared first). Gives whether it computes anything.
  bool compose(RankStep& step);
  /// Whether the next compose() would compute prompt tokens; and whether it shall not (policy::RankBalance).
  [[nodiscard]] bool starts_prompts() const {
    return (could_admit() || !partials_.empty()) && rules_->starts_prompts(*this);
  }
  void hold_prompts(bool held) { rules_->hold_prompts(held); }
  /// A step's outputs: what ended leaves the running set; closed sequences are Pinned (hand_off) or without blocks.
  /// Must be called for every live step, in order.
  void complete(RankStep& step);

  /// How many composes from now on would be nothing but the present decodes, one token each: no prompt, no admission,
  /// no last token, no shortage of blocks. 0 = compose() must be asked.
  [[nodiscard]] std::uint64_t plain_composes() const;
  /// Nothing to compute and nothing that could start.
  [[nodiscard]] bool quiet() const {
    return decoding_ == 0 && partials_.empty() && !could_admit() && !(sees_ends_late_ && ended() > 0);
  }
  /// Completes `step` (which handed out tokens of decodes only, or was not live) and composes one of the plain steps in
  /// its place: the same as complete() and compose(), without asking the rules. REQUIRES: plain_composes() > 0.
  void next_plain(RankStep& step) {
    if (left_behind_ > 0) free_left_behind();
    if (step.live) pop_in_flight();
    step.live = true;
    step.compose = composed_;
    step.shape = compose_decodes();
    step.decode_tokens = step.shape.decodes;
    step.paused.clear();
    in_flight_[in_flight_count_++] = &step;
  }

  /// Something waits that composing anew could start.
  [[nodiscard]] bool could_admit() const { return !blocked_ && (!waiting_.empty() || !ready_.empty()); }
  /// For a run of plain steps of this rank alone: what they take and free.
  [[nodiscard]] DecodeBlocks::Walk block_walk() const { return {decode_blocks_, left_behind_}; }
  /// Books the `steps` plain composes that `walk` has gone. The steps in flight, oldest first, are then `live`: their
  /// number must not have changed.
  void skip_plain(std::uint64_t steps, const DecodeBlocks::Walk& walk, std::span<RankStep* const> live);

  /// Not running, those included whose KV is on the way.
  [[nodiscard]] std::uint32_t waiting() const {
    return static_cast<std::uint32_t>(waiting_.size() + ready_.size() + prefetching_.size()) + loading_;
  }
  [[nodiscard]] std::uint64_t outstanding_tokens() const;
  /// Tokens of prompts that wait or are in progress, not yet computed; those that a cache may hold included.
  [[nodiscard]] std::uint64_t prompt_tokens() const;
  /// Of these prompts, what Sequence::expected_prefill leaves to compute.
  [[nodiscard]] SimTime expected_prefill() const;
  /// Summed contexts of what can decode, before the next token.
  [[nodiscard]] std::uint64_t context() const { return context_; }
  /// A step of nothing but these, one token each.
  [[nodiscard]] cost::StepShape next_decodes() const {
    return {.decodes = decoding_, .decode_context = context_ + decoding_, .longest_context = longest_in_decodes(1)};
  }
  /// Steps in which the longest of them is told; by default in all. REQUIRES: nothing has decoded.
  void tell_longest(cost::AsksLongest when) { tells_longest_ = when; }
  [[nodiscard]] std::uint32_t used_blocks() const { return total_blocks_ - free_blocks_; }
  /// Places for tokens in the blocks in use that hold no token of a request: ends of blocks, blocks for KV on its way,
  /// places kept for drafts. What an engine computes for nobody after a last token does not count as one. A token
  /// counts in each group of layers.
  [[nodiscard]] std::uint64_t unfilled_tokens() const {
    return (used_blocks() + shared_blocks_) * block_tokens_ - written_tokens_;
  }
  /// Sequences that compose() admitted, preempted or began to load since the last clear_news(), for stamps and
  /// transfers.
  struct News {
    std::vector<SequenceId> admitted;
    std::vector<SequenceId> preempted;
    std::vector<SequenceId> fetches;     ///< from another instance
    std::vector<SequenceId> present;     ///< likewise, but their KV was here before they got blocks
    std::vector<SequenceId> tier_reads;  ///< from tiers (Sequence::from_tiers)
    std::vector<SequenceId> step_reads;  ///< likewise, but its first step waits for them
    std::vector<SequenceId> taken_over;  ///< got their first token; those of a single token have ended
    void clear() {
      admitted.clear();
      preempted.clear();
      fetches.clear();
      present.clear();
      tier_reads.clear();
      step_reads.clear();
      taken_over.clear();
    }
    [[nodiscard]] bool empty() const {
      return admitted.empty() && preempted.empty() && fetches.empty() && present.empty() && tier_reads.empty() &&
             step_reads.empty() && taken_over.empty();
    }
  };
  [[nodiscard]] const News& news() const { return news_; }
  void clear_news() { news_.clear(); }
  /// Tokens a running sequence has been given so far, outputs in flight not counted.
  [[nodiscard]] std::uint32_t handed_out(SequenceId id) const;
  [[nodiscard]] std::uint32_t blocks_of(SequenceId id) const;
  /// Nothing without a prefix cache.
  [[nodiscard]] const kv::BlockStore* cache() const { return cache_.get(); }
  [[nodiscard]] kv::BlockStore* cache() { return cache_.get(); }
  /// For the time to live of idle blocks, and for how long a tier would take.
  void set_time(SimTime now) {
    now_ = now;
    if (cache_) cache_->set_time(now);
  }
  /// From now on blocks that the cache has not are looked for in `tiers`, which outlives the rank, and fetched where
  /// `worth` says so. REQUIRES: the rank has a cache.
  struct Fetch {
    std::uint32_t cached;   ///< tokens that a request has
    std::uint32_t fetched;  ///< that would come besides
    kv::TierStack::Counts blocks;
    SimTime now;
    SimTime end;  ///< of what tiers with links of their own bring
  };
  using Worth = std::function<bool(const Fetch& fetch)>;
  void use_tiers(kv::TierStack& tiers, Worth worth);
  [[nodiscard]] std::uint32_t computed_of(SequenceId id) const;
  /// Leading blocks of a sequence's prompt in the cache, which keeps them as they are. REQUIRES: the rank has a cache.
  [[nodiscard]] std::uint32_t blocks_here(SequenceId id);
  /// Blocks of the beginning of its prompt up to `upto` come into the cache, idle and the last to be used again, in the
  /// place of free ones as far as there are; gives how many came. REQUIRES: as above.
  std::uint32_t adopt(SequenceId id, std::uint32_t upto);

  // ---- policy::Desk ----
  [[nodiscard]] std::uint32_t running() const override { return running_; }
  [[nodiscard]] std::uint32_t decoding() const override { return decoding_; }
  [[nodiscard]] std::uint32_t decode_width() const override;
  [[nodiscard]] std::uint32_t lookahead() const override;
  [[nodiscard]] std::uint32_t block_tokens() const override { return block_tokens_; }
  [[nodiscard]] std::uint32_t block_groups() const override { return layout_.groups(); }
  [[nodiscard]] std::uint32_t blocks_lacked(std::uint32_t there, std::uint32_t tokens,
                                            std::uint32_t step) const override {
    return layout_.lacked(there, tokens, step);
  }
  [[nodiscard]] std::uint32_t free_blocks() const override { return free_blocks_; }
  [[nodiscard]] std::uint32_t total_blocks() const override { return total_blocks_; }
  [[nodiscard]] std::uint32_t blocks_to_decode() const override;
  [[nodiscard]] std::span<const policy::Partial> partials() const override { return partials_; }
  [[nodiscard]] bool is_last(SequenceId id) const override { return last_ == id.index() + 1; }
  [[nodiscard]] std::optional<policy::Candidate> candidate() const override { return candidate_at(0); }
  [[nodiscard]] std::uint32_t blocks_promised() const override;
  [[nodiscard]] std::uint32_t ended() const override;
  [[nodiscard]] std::uint32_t blocks_for_ended() const override;
  [[nodiscard]] bool blocked() const override { return blocked_; }
  [[nodiscard]] bool idled() const override { return idled_; }
  [[nodiscard]] std::uint64_t steps() const override { return composed_; }
  [[nodiscard]] std::span<const SequenceId> arriving() const override { return arriving_; }
  [[nodiscard]] std::optional<policy::Candidate> candidate_at(std::size_t place) const override;
  [[nodiscard]] std::optional<std::uint64_t> next_block(SequenceId id) const override;
  [[nodiscard]] policy::Progress progress(SequenceId id) const override;
  [[nodiscard]] std::vector<SequenceId> running_order() const override;
  [[nodiscard]] std::uint32_t wanted(SequenceId id) const override;
  [[nodiscard]] std::uint32_t blocks_needed(SequenceId id, std::uint32_t tokens) const override;
  [[nodiscard]] std::pair<std::int32_t, std::uint64_t> urgency(SequenceId id) const override;
  void decode_all() override;
  void decode(std::span<const SequenceId> chosen) override;
  void compute(SequenceId id, std::uint32_t tokens) override;
  void admit(std::uint32_t tokens) override;
  void load() override;
  void take_over() override;
  void preempt(SequenceId id) override;
  void retract(SequenceId id) override;
  void bring_forward(std::size_t place) override;
  void reserve(std::uint32_t tokens) override;
  void decode_ended() override;

 private:
  struct Due {  // calendar entry: the compose that computes a decode's last token
    std::uint64_t compose;
    std::uint32_t slot;
    std::uint32_t version;
    friend bool operator>(const Due& a, const Due& b) {
      return a.compose != b.compose ? a.compose > b.compose : a.slot > b.slot;
    }
  };

  using Calendar = std::priority_queue<Due, std::vector<Due>, std::greater<>>;

  struct Length {  // of a decode: context less composed_, which is the same in every step
    std::int64_t base;
    std::uint32_t slot;
    std::uint32_t version;
    friend bool operator<(const Length& a, const Length& b) {
      return a.base != b.base ? a.base < b.base : a.slot < b.slot;
    }
  };

  /// Blocks that a sequence lacks which holds `owned` and has `computed` tokens in the cache, for places up to `upto`.
  [[nodiscard]] std::uint32_t lacked(std::uint32_t owned, std::uint64_t computed, std::uint64_t upto) const {
    const std::uint32_t needed = layout_.needed(computed, upto);
    return needed - std::min(owned, needed);
  }
  cost::StepShape compose_decodes() {
    free_blocks_ -= decode_blocks_.taken();
    context_ += decoding_;
    written_tokens_ += std::uint64_t{layout_.groups()} * decoding_;
    if (layout_.windowed > 0) leave_blocks_behind();
    count_compose();
    return {.decodes = decoding_, .decode_context = context_, .longest_context = longest_in_decodes(0)};
  }
  /// The longest of what can decode. REQUIRES: something does, without drafts.
  [[nodiscard]] std::uint32_t longest_context() const;
  /// What a step of decodes is told of it, `more` tokens from now.
  [[nodiscard]] std::uint32_t longest_in_decodes(std::int64_t more) const {
    if (tells_longest_ != cost::AsksLongest::Always) return 0;
    return static_cast<std::uint32_t>(longest_context() + more);
  }
  void count_compose() {
    ++composed_;
    decode_blocks_.advance();
  }
  void pop_in_flight() {
    --in_flight_count_;
    for (std::size_t i = 0; i < in_flight_count_; ++i) in_flight_[i] = in_flight_[i + 1];
  }
  [[nodiscard]] std::span<RankStep* const> in_flight() const { return {in_flight_.data(), in_flight_count_}; }
  void join_decodes(SequenceId id, std::uint32_t computed, std::uint32_t tokens_left);
  void leave_decodes(SequenceId id);
  void leave_running(SequenceId id);
  void lose(SequenceId id);
  void close_due();
  void close(SequenceId id);
  [[nodiscard]] std::uint32_t may_produce(const Sequence& sequence, std::uint32_t given) const {
    return hand_off_ ? 1 : sequence.most_output() - given;
  }
  [[nodiscard]] std::uint32_t blocks_to_verify() const;
  [[nodiscard]] std::uint32_t blocks_to_verify(const Sequence& sequence) const;
  void verify_all();
  void join_verify(SequenceId id, std::uint32_t tokens_left);
  void leave_verify(SequenceId id);
  [[nodiscard]] std::uint32_t given_in_flight(SequenceId id) const;
  static void drop_given(RankStep& step, SequenceId id);
  void chunk(SequenceId id, std::uint32_t tokens);
  void append_running(SequenceId id);
  void remove_running(SequenceId id);
  [[nodiscard]] const Due* next_of(Calendar& calendar) const;
  [[nodiscard]] const Due* next_due() const { return next_of(calendar_); }

  // With windowed groups (rank_windows.cpp): blocks that windows have passed are free for the next step.
  void pass(Sequence& sequence, std::uint32_t upto);
  void pass_own(Sequence& sequence);
  void join_windows(SequenceId id);
  void leave_windows(SequenceId id);
  [[nodiscard]] const Due* next_pass() const { return next_of(passes_); }
  void leave_blocks_behind();
  void free_left_behind();
  void take_and_free(std::uint64_t steps, const DecodeBlocks::Walk& walk);
  [[nodiscard]] std::uint32_t found_with_windows(const Sequence& sequence, std::uint32_t upto) const;
  [[nodiscard]] kv::BlockIds ids_in_windows(const Sequence& sequence) const {
    return {
        sequence.request, sequence.fate.history_ids, block_tokens_, {.count = layout_.windowed, .first = layout_.full}};
  }

  // With a prefix cache (rank_cache.cpp); without one blocks are only counted.
  struct Hit {
    RequestId request;
    std::uint32_t target = 0;
    std::uint64_t version = 0;
    SimTime when;  // what tiers have changes with time
    kv::BlockStore::Match match;
    std::uint32_t copied = 0;       // tokens behind those, copied from a block that goes on otherwise
    kv::TierStack::Counts tiers{};  // blocks behind those, to be fetched
  };
  [[nodiscard]] kv::BlockIds ids_of(const Sequence& sequence) const {
    return {sequence.request, sequence.fate.history_ids, block_tokens_};
  }
  [[nodiscard]] kv::BlockIds ids_in_full(const Sequence& sequence) const {
    return {sequence.request, sequence.fate.history_ids, block_tokens_, {.count = layout_.full}};
  }
  [[nodiscard]] const Hit& look_up(SequenceId id) const;
  [[nodiscard]] kv::BlockStore::Match match_groups(const Sequence& sequence, std::uint32_t most) const;
  void take_hits(SequenceId id);
  void mark_taking();
  void take_from_tiers(SequenceId id);
  void join_queue(SequenceId id, bool held_back);
  [[nodiscard]] bool prefetch(SequenceId id);
  bool end_prefetch(SequenceId id) const;
  void name_blocks(Sequence& sequence, std::uint32_t upto);
  void give_back(Sequence& sequence);
  void give_back(std::uint32_t& blocks, std::vector<std::uint32_t>& held);

  SequenceTable& sequences_;
  std::unique_ptr<policy::BatchRules> rules_;
  std::uint32_t total_blocks_;
  kv::BlockLayout layout_;
  std::uint32_t block_tokens_;
  bool hand_off_;
  Acceptance* acceptance_;
  bool sees_ends_late_;
  bool keeps_places_ahead_;
  bool takes_first_token_;
  policy::Sharing sharing_;

  std::uint32_t free_blocks_;
  std::uint64_t shared_blocks_ = 0;   // users of blocks beyond the first of each
  std::uint64_t written_tokens_ = 0;  // of every user of blocks, in the cache when the steps in flight have run
  std::unique_ptr<kv::BlockStore> cache_;
  mutable std::optional<Hit> hit_;  // the last look-up
  kv::TierStack* tiers_ = nullptr;
  Worth worth_;
  SimTime now_;
  bool frozen_ = false;  // while composing: nothing has changed since the head was found blocked
  std::deque<SequenceId> waiting_;
  std::deque<SequenceId> ready_;  // loaded, in order of arrival of their KV
  std::uint32_t loading_ = 0;     // sequences whose KV is on the way
  std::vector<SequenceId> prefetching_;
  std::vector<SequenceId> arriving_;  // those and ready ones whose KV comes from another instance
  std::uint64_t waiting_tokens_ = 0;
  std::uint64_t partial_tokens_ = 0;   // targets of partial, loading and ready sequences
  std::uint64_t closing_context_ = 0;  // contexts of sequences whose last token is in flight
  bool blocked_ = false;
  std::uint32_t too_few_ = 0;  // blocks that were free then
  bool idled_ = false;

  std::uint32_t running_ = 0;
  std::uint32_t first_ = 0;  // running list, slot + 1
  std::uint32_t last_ = 0;
  std::vector<policy::Partial> partials_;

  std::uint64_t composed_ = 0;
  std::uint32_t decoding_ = 0;
  std::uint64_t context_ = 0;  // sum of computed over decoding sequences
  DecodeBlocks decode_blocks_;
  mutable Calendar calendar_;
  mutable Calendar passes_;                       // next of decodes that pass one by one
  std::uint32_t left_behind_ = 0;                 // blocks that windows have passed
  std::vector<std::uint32_t> left_behind_named_;  // of those, with names: last first
  mutable std::priority_queue<Length> lengths_;   // what has left stays until it would be the longest
  cost::AsksLongest tells_longest_ = cost::AsksLongest::Always;

  std::vector<SequenceId> verifying_;  // with drafts: what decodes, in order of joining

  std::uint32_t reserved_ = 0;  // tokens that the next to be admitted takes blocks for at once
  RankStep* step_ = nullptr;    // the one being composed
  std::vector<std::pair<SequenceId, std::uint32_t>> joining_;  // prompts completed by it: sequence, tokens left
  std::array<RankStep*, kMaxDepth> in_flight_{};
  std::size_t in_flight_count_ = 0;
  News news_;
};

}  // namespace tokenyard::serving
