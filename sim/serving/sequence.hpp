#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "sim/kv/tiers.hpp"
#include "sim/policy/batch_rules.hpp"
#include "workloads/fate.hpp"
#include "workloads/request.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace tokenyard::serving {

using policy::SequenceId;

enum class SequenceState : std::uint8_t {
  Waiting,      ///< in the queue of a scheduler
  Prefetching,  ///< beside it, until what is read for it ahead of its turn is there
  Loading,      ///< its KV is on the way
  Loaded,       ///< its KV is here, not yet in a step
  Partial,      ///< running, prompt incomplete
  Decoding,     ///< running, can compute one more token
  Closing,      ///< running, its last token is in flight
  Pinned,       ///< done here, blocks kept until the other side has fetched them
  Gone,         ///< given up by its user and in no scheduler's hands; or none at all
};

/// A request and everything the mechanics know of it, from arrival until its record is written.
/// While it decodes, its progress is not stored but derived from its rank's count of composed steps (see Rank).
struct Sequence {
  workloads::Request request;
  workloads::Fate fate;
  SequenceState state = SequenceState::Waiting;
  bool from_remote = false;  ///< on a decode instance: the KV is fetched
  std::int32_t priority = 0;

  std::uint32_t target = 0;           ///< tokens to compute before the next token comes out
  std::uint32_t computed = 0;         ///< unless Decoding without drafts: tokens in the cache
  std::uint32_t produced = 0;         ///< tokens handed out before the current admission
  std::uint32_t blocks = 0;           ///< unless Decoding: blocks it holds
  std::vector<std::uint32_t> held{};  ///< with a prefix cache: those that have a name, from the first on

  /// With windowed groups: the first block that they hold, in each; unless Decoding.
  std::uint32_t window_begin = 0;
  std::vector<std::uint32_t> window_held{};  ///< with a prefix cache: those of them with a name, from that one on
  bool passes_with_others = false;           ///< Decoding: its window passes nothing but blocks without names

  std::uint32_t pinned_blocks = 0;  ///< kept on the prefill instance until the decode instance has fetched them
  std::vector<std::uint32_t> pinned_held{};

  std::uint32_t hit = 0;                    ///< tokens that the present admission found in the cache
  std::uint32_t cached = 0;                 ///< tokens that the first admission found there
  kv::TierStack::Counts cached_in_tiers{};  ///< blocks of these, by tier
  kv::TierStack::Counts from_tiers{};       ///< blocks that the present admission fetches or fetched, by tier
  std::uint32_t lost = 0;                   ///< when preempted: tokens that were in the cache and are known
  std::uint32_t fetched = 0;                ///< tokens whose KV is fetched from another instance

  std::uint32_t left = 0;  ///< Decoding with drafts: tokens still to hand out

  std::int64_t decode_base = 0;    ///< Decoding: computed == decode_base + composed steps of the rank
  std::uint64_t last_compose = 0;  ///< Decoding, Closing: the composed step that computes the last token
  /// Decoding, Closing: the composed step that gave the first token of this admission; before: composed steps when it
  /// joined the queue.
  std::uint64_t first_compose = 0;
  std::uint32_t version = 0;        ///< counts joins and leaves, so that stale calendar entries are recognised
  std::uint32_t rank = 0;           ///< attention rank of its instance
  std::uint32_t copies_left = 0;    ///< flows of its beginning from another instance; its scheduler gets it then
  std::uint32_t copied_blocks = 0;  ///< of that beginning
  SimTime expected_prefill;         ///< of its prompt, when it was sent here; 0 where nobody expects anything
  std::uint32_t next = 0;           ///< running list, by slot + 1; 0 = none
  std::uint32_t previous = 0;

  std::uint32_t preemptions = 0;
  bool gave_tokens = false;      ///< when preempted: this admission had handed out tokens
  std::uint32_t flows_left = 0;  ///< of the KV transfer, among those that have been asked for
  std::uint32_t kv_sent = 0;     ///< tokens, from the start of the prompt, whose KV needs no further flow
  bool kv_wanted = false;        ///< the decode side has blocks for it
  bool kv_here = false;          ///< all of it has come before
  std::uint32_t partner = 0;     ///< slot + 1 of the sequence that stands for it on the other side; 0 = none
  InstanceId prefill_instance;
  std::uint32_t prefill_rank = 0;
  InstanceId decode_instance;
  std::uint32_t decode_rank = 0;  ///< of the decode instance, chosen before its KV moves

  /// No scheduler has it yet.
  [[nodiscard]] bool on_hold() const { return in_front_end || copies_left > 0; }
  /// Most output tokens that the call allows; a call that names no limit asks for what it gets.
  [[nodiscard]] std::uint32_t most_output() const { return request.max_output_tokens.value_or(fate.output_tokens); }

  SimTime front_end;   ///< from its arrival until the scheduler got it
  SimTime first_sent;  ///< from the end of the step until the first token had reached the user
  SimTime last_sent;   ///< the same for the last token handed out at an event
  SimTime admitted;
  SimTime first_token;
  SimTime last_token;  ///< latest token handed out before the current admission; or before a pause
  SimTime prefill_end;
  SimTime fetch_start;
  SimTime kv_arrived;
  SimTime decode_admitted;
  SimTime preempted_at;
  SimTime preempted_span;
  SimTime preempted_before_prompt;  ///< part of preempted_span before the prompt was complete
  bool took_over = false;  ///< Decoding, Closing: its first token came with its KV, first_compose is its first decode
  bool ever_admitted = false;
  bool prompt_done = false;
  bool away = false;           ///< preempted and not yet admitted again
  bool handed_over = false;    ///< the decode side has been told of it
  bool reserving = false;      ///< the prefill side may not start it before the decode side has room
  bool prefetching = false;    ///< something is read for it ahead of its turn
  bool in_front_end = false;   ///< its scheduler gets it later; or it is still on its way there
  bool local = false;          ///< with prefill and decode apart: the decode side computes its prompt
  bool decode_chosen = false;  ///< decode_instance is that of the decode side, chosen when it came
  bool given_up = false;       ///< its user has gone
  std::uint8_t awaited = 0;    ///< events of Serving that name it, flows not counted
};

/// Live sequences by SequenceId; slots are used again. References die with the next add().
class SequenceTable {
 public:
  [[nodiscard]] SequenceId add(workloads::Request request, workloads::Fate fate) {
    if (free_.empty()) {
      sequences_.emplace_back();
      free_.push_back(static_cast<std::uint32_t>(sequences_.size() - 1));
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    const std::uint32_t version = sequences_[slot].version;
    sequences_[slot] = Sequence{};
    sequences_[slot].version = version + 1;
    sequences_[slot].request = std::move(request);
    sequences_[slot].fate = std::move(fate);
    return SequenceId{slot};
  }
  void remove(SequenceId id) {
    sequences_[id.index()].state = SequenceState::Gone;
    free_.push_back(id.index());
  }
  [[nodiscard]] Sequence& operator[](SequenceId id) { return sequences_[id.index()]; }
  [[nodiscard]] const Sequence& operator[](SequenceId id) const { return sequences_[id.index()]; }
  [[nodiscard]] std::size_t live() const { return sequences_.size() - free_.size(); }

 private:
  std::vector<Sequence> sequences_;
  std::vector<std::uint32_t> free_;
};

}  // namespace tokenyard::serving
