#include "models/base/errors.hpp"
#include "sim/serving/event_code.hpp"
#include "sim/serving/serving.hpp"

#include <algorithm>

// Users who do not wait for the end of their answer.
//
// A request that is given up leaves the scheduler that has it at once, and whatever it has computed is lost but for
// what the prefix cache keeps. Its slot stays until nothing that is on its way names it any more: a call in a front
// end, a hand-over, flows, a read from a tier.

namespace tokenyard::serving {
namespace {

/// `span` after the arrival; never if there is none.
SimTime after(const Sequence& sequence, SimTime span) {
  return span == SimTime::never() ? span : sequence.request.arrival + span;
}

}  // namespace

/// For the next instant at which its user might go.
void Serving::set_alarm(SequenceId id) {
  const Sequence& sequence = sequences_[id];
  const workloads::Patience& patience = sequence.fate.patience;
  const SimTime answer = after(sequence, patience.answer);
  const SimTime first = after(sequence, patience.first_token);
  const SimTime next = first > engine_.now() ? std::min(first, answer) : answer;
  if (next == SimTime::never()) return;
  engine_.alarm(next, engine::rank_of_reaction(sequence.request.id.index()), *this, code(Kind::Patience, id.index()));
}

/// The alarm may be of a request that has ended and whose slot another has: then it is of no instant of that one.
void Serving::patience_ends(SequenceId id) {
  const Sequence& sequence = sequences_[id];
  if (sequence.state == SequenceState::Gone || sequence.given_up) return;
  if (sequence.partner > 0 && !sequence.from_remote) return;  // the other one is asked
  const SimTime now = engine_.now();
  if (after(sequence, sequence.fate.patience.answer) == now) {
    give_up(id, sequence.fate.patience.seen_enough ? workloads::Ending::Cancelled : workloads::Ending::TimedOut);
  } else if (after(sequence, sequence.fate.patience.first_token) == now) {
    const bool has_token = sequence.first_token > SimTime{} && sequence.first_token + sequence.first_sent <= now;
    if (has_token) {
      set_alarm(id);
    } else {
      give_up(id, workloads::Ending::TimedOut);
    }
  }
}

/// When and how the user of an answer whose last token is sent at `sent` goes, if that is before: tokens may be on
/// their way through a front end.
std::optional<Serving::Gone> Serving::gone_before(const Sequence& sequence, SimTime sent) {
  const SimTime first = after(sequence, sequence.fate.patience.first_token);
  const SimTime answer = after(sequence, sequence.fate.patience.answer);
  const bool late = sequence.first_token + sequence.first_sent > first;
  if (late && first <= answer) return Gone{first, workloads::Ending::TimedOut};
  if (sent <= answer) return std::nullopt;
  return Gone{answer, sequence.fate.patience.seen_enough ? workloads::Ending::Cancelled : workloads::Ending::TimedOut};
}

void Serving::give_up(SequenceId id, workloads::Ending how) {
  const SimTime now = engine_.now();
  sequences_[id].given_up = true;
  if (!sequences_[id].on_hold() && sequences_[id].state != SequenceState::Pinned) {
    Instance& holder =
        instance(sequences_[id].handed_over ? sequences_[id].decode_instance : sequences_[id].prefill_instance);
    holder.advance(now, true);
    holder.cancel(id);
  }
  unpin(id, true);
  count_given_up(id, how, now, sequences_[id].produced);
  stream(sequences_[id], sequences_[id].produced);
  const RequestId request = sequences_[id].request.id;
  const bool waits_for_kv = sequences_[id].state == SequenceState::Loading;
  if (const std::uint32_t partner = sequences_[id].partner; partner > 0) {
    const SequenceId here{partner - 1};
    if (!waits_for_kv) sequences_[here].partner = 0;  // no blocks are kept for it
    give_up_prefill(here);
  }
  if (!waits_for_kv) forget(id);
  ended(how, request, now);
}

/// Of a request that was given up: its prefill side need not keep its KV once no flow reads it. `inclusive`: steps that
/// end at this very instant have been played.
void Serving::unpin(SequenceId id, bool inclusive) {
  const Sequence& sequence = sequences_[id];
  if (sequence.pinned_blocks == 0 || sequence.awaited > 0 || sequence.flows_left > 0) return;
  Instance& prefill = instance(sequence.prefill_instance);
  prefill.advance(engine_.now(), inclusive);
  prefill.release(id);
}

void Serving::count_given_up(SequenceId id, workloads::Ending how, SimTime when, std::uint32_t output_tokens) {
  const Sequence& sequence = sequences_[id];
  recorder_.given_up({.id = sequence.request.id,
                      .slo_class = sequence.request.slo_class,
                      .tenant = sequence.request.tenant,
                      .session = sequence.request.session,
                      .how = how == workloads::Ending::Cancelled  ? metrics::GaveUp::Cancelled
                             : how == workloads::Ending::Rejected ? metrics::GaveUp::Rejected
                                                                  : metrics::GaveUp::TimedOut,
                      .prompt_tokens = sequence.request.prompt_tokens,
                      .output_tokens = output_tokens,
                      .arrival = sequence.request.arrival,
                      .gone = when});
}

/// The slot is free when nothing names it any more.
void Serving::forget(SequenceId id) {
  const Sequence& sequence = sequences_[id];
  if (sequence.awaited == 0 && sequence.flows_left == 0 && sequence.copies_left == 0 &&
      sequence.state != SequenceState::Loading) {
    sequences_.remove(id);
  }
}

}  // namespace tokenyard::serving
