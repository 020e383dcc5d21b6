#include "sim/serving/event_code.hpp"
#include "sim/serving/serving.hpp"

#include <algorithm>

// Hand-off in which the decode side comes first (HandOff::decode_first): a request waits there for room for its prompt
// before the prefill side may start it, and its KV goes over chunk by chunk.
//
// Meanwhile it stands in two schedulers, so it is two sequences that know each other: one on the prefill side, gone
// when its KV has arrived, and one on the decode side, which is what the user waits for and of which the record is
// written.

namespace tokenyard::serving {

/// A scheduler may have the request now. `inclusive`: steps that end at this very instant have been played.
void Serving::reserve(SequenceId id, bool inclusive) {
  const SequenceId there = sequences_.add(sequences_[id].request, sequences_[id].fate);
  Sequence& here = sequences_[id];
  Sequence& decoding = sequences_[there];
  here.partner = there.index() + 1;
  here.reserving = true;
  decoding.partner = id.index() + 1;
  decoding.prefill_instance = here.prefill_instance;
  decoding.front_end = here.front_end;
  decoding.priority = urgency(pools_[1], decoding.request);
  decoding.from_remote = true;
  decoding.handed_over = true;
  decoding.decode_instance = here.decode_instance;
  decoding.decode_chosen = here.decode_chosen;
  choose_decode(there, inclusive);
  here.decode_instance = decoding.decode_instance;
  here.decode_rank = decoding.decode_rank;
  set_alarm(there);
  Instance& decode = instance(decoding.decode_instance);
  decode.advance(engine_.now(), inclusive);
  decode.submit(there, decoding.decode_rank);
}

/// The decode side has room for it: the prefill side gets it.
void Serving::reserved(SequenceId id) {
  Sequence& here = sequences_[id];
  --here.awaited;
  here.reserving = false;
  if (here.given_up) {
    forget_partner(id, true);
    return;
  }
  Instance& prefill = instance(here.prefill_instance);
  prefill.advance(engine_.now(), true);
  prefill.submit(id);
}

/// A chunk will be computed by `end`: its full pages go over then, and of the last chunk everything.
void Serving::send_chunk(SequenceId id, std::uint32_t computed, SimTime end) {
  Sequence& here = sequences_[id];
  const std::uint32_t page = instance(here.prefill_instance).settings().block_tokens;
  const std::uint32_t until = computed < here.request.prompt_tokens ? computed / page * page : computed;
  if (until <= here.kv_sent) return;
  const Seconds setup = here.kv_sent == 0 ? hand_off_->setup : Seconds{};
  here.prefill_rank = here.rank;
  const std::uint32_t tokens = until - here.kv_sent;
  here.kv_sent = until;
  send(id, tokens, 1.0, (end - engine_.now()).seconds() + setup);
}

/// Prompt and KV are through: what is left of the request is on the decode side.
void Serving::deliver(SequenceId id, bool inclusive) {
  const SequenceId there{sequences_[id].partner - 1};
  const Sequence& here = sequences_[id];
  Sequence& decoding = sequences_[there];
  decoding.partner = 0;
  decoding.admitted = here.admitted;
  decoding.ever_admitted = true;
  decoding.prefill_end = here.prefill_end;
  decoding.prompt_done = true;
  decoding.fetch_start = here.prefill_end;
  decoding.cached = here.cached;
  decoding.cached_in_tiers = here.cached_in_tiers;
  decoding.preemptions = here.preemptions;
  decoding.preempted_span = here.preempted_span;
  decoding.preempted_before_prompt = here.preempted_before_prompt;
  Instance& prefill = instance(here.prefill_instance);
  prefill.advance(engine_.now(), inclusive);
  prefill.release(id);
  sequences_.remove(id);
  kv_is_there(there, inclusive);
}

/// Of a request whose user has gone, on the prefill side.
void Serving::give_up_prefill(SequenceId id) {
  Sequence& here = sequences_[id];
  here.given_up = true;
  if (!here.reserving && here.state != SequenceState::Pinned) {
    Instance& prefill = instance(here.prefill_instance);
    prefill.advance(engine_.now(), true);
    prefill.cancel(id);
  }
  forget_partner(id, true);
}

/// Once nothing is on its way any more its slot is free, and so are the blocks that the decode side has kept for it.
void Serving::forget_partner(SequenceId id, bool inclusive) {
  if (sequences_[id].awaited > 0 || sequences_[id].flows_left > 0) return;
  unpin(id, inclusive);
  const std::uint32_t partner = sequences_[id].partner;
  sequences_.remove(id);
  if (partner > 0) kv_is_there(SequenceId{partner - 1}, inclusive);
}

}  // namespace tokenyard::serving
