#include "models/base/errors.hpp"
#include "sim/serving/event_code.hpp"
#include "sim/serving/serving.hpp"

#include <algorithm>

// How KV caches go from the prefill to the decode side.

namespace tokenyard::serving {

/// `inclusive`: steps that end at this very instant have been played.
void Serving::choose_decode(SequenceId id, bool inclusive) {
  Sequence& sequence = sequences_[id];
  if (!sequence.decode_chosen) {
    const policy::Choice choice = choose(states_[1], sequence.request, inclusive);
    sequence.decode_instance = states_[1].instances[choice.instance]->settings().id;
  }
  Instance& decode = instance(sequence.decode_instance);
  decode.advance(engine_.now(), inclusive);
  sequence.decode_rank = decode.next_rank();
}

/// The prompt is computed and pinned: the decode side may now queue the request.
void Serving::handed_off(SequenceId id) {
  Sequence& sequence = sequences_[id];
  sequence.prefill_rank = sequence.rank;
  --sequence.awaited;
  if (sequence.given_up) {
    if (decode_first()) {
      forget_partner(id, true);
    } else {
      unpin(id, true);
      forget(id);
    }
    return;
  }
  sequence.handed_over = true;
  if (decode_first()) {
    if (sequence.flows_left == 0) deliver(id, true);
    return;
  }
  sequence.priority = urgency(pools_[1], sequence.request);
  if (!hand_off_->with_prefill) choose_decode(id, true);
  sequence.from_remote = true;
  sequence.kv_here = hand_off_->with_prefill && sequence.flows_left == 0;
  Instance& decode = instance(sequence.decode_instance);
  decode.advance(engine_.now(), true);
  decode.submit(id, sequence.decode_rank);
  if (sequence.kv_here) instance(sequence.prefill_instance).release(id);
  if (hand_off_->push && !hand_off_->with_prefill) send_prompt(id, sequence.request.prompt_tokens);
}

/// A chunk will be computed from `start` to `end`: what has not been sent of it yet follows layer by layer.
void Serving::on_chunk(SequenceId id, std::uint32_t computed, SimTime start, SimTime end) {
  if (hand_off_->decode_first) {
    send_chunk(id, computed, end);
    return;
  }
  Sequence& sequence = sequences_[id];
  if (computed <= sequence.kv_sent) return;  // computed again after a preemption
  const bool first = sequence.kv_sent == 0;
  if (first) {
    choose_decode(id, false);
    sequence.prefill_rank = sequence.rank;
  }
  const SimTime now = engine_.now();
  const Seconds setup = first ? hand_off_->setup : Seconds{};  // goes on while the chunk is computed
  const std::uint32_t tokens = computed - sequence.kv_sent;
  sequence.kv_sent = computed;
  const double last = 1.0 / hand_off_->layers;
  if (hand_off_->layers > 1) {
    send(id, tokens, 1.0 - last, std::max(setup, (start - now).seconds() + (end - start).seconds() * last));
  }
  send(id, tokens, last, std::max(setup, (end - now).seconds()));
}

/// `tokens` of a prompt that is computed, all that will be sent of it, in operations of at most chunk_tokens.
void Serving::send_prompt(SequenceId id, std::uint32_t tokens) {
  Sequence& sequence = sequences_[id];
  sequence.kv_sent = sequence.request.prompt_tokens;
  send(id, tokens, 1.0, hand_off_->setup);
  if (hand_off_->chunk_tokens == 0 || hand_off_->per_chunk == Seconds{}) return;
  const std::uint32_t operations = (tokens + hand_off_->chunk_tokens - 1) / hand_off_->chunk_tokens;
  ++sequence.flows_left;
  engine_.at(engine_.now() + SimTime::from(hand_off_->setup + hand_off_->per_chunk * operations),
             engine::rank_of_reaction(sequence.request.id.index()), *this, code(Kind::Flow, id.index()));
}

/// `share` of the KV of `tokens`, after `delay` and the wire's latency: one flow for each pair of domains, as the
/// shards of one side meet those of the other in turn.
void Serving::send(SequenceId id, std::uint32_t tokens, double share, Seconds delay) {
  Sequence& sequence = sequences_[id];
  const Pool& from_pool = pools_[0];
  const Pool& to_pool = pools_[1];
  const auto& from = from_pool.endpoints[sequence.prefill_instance.index()][sequence.prefill_rank];
  const auto& to =
      to_pool.endpoints[sequence.decode_instance.index() - from_pool.instances.size()][sequence.decode_rank];
  const std::size_t flows = std::max(from.size(), to.size());
  const Bytes size = hand_off_->bytes_per_token * static_cast<double>(tokens) * share /
                     (hand_off_->efficiency * static_cast<double>(flows));
  sequence.flows_left += static_cast<std::uint32_t>(flows);
  for (std::size_t i = 0; i < flows; ++i) {
    const EndpointId a = from[i % from.size()];
    const EndpointId b = to[i % to.size()];
    // At least a nanosecond, so that an end is never at the instant of its beginning.
    engine_.transfer(hand_off_->plane, a, b, size, std::max(delay + hand_off_->network.latency(a, b), Seconds{1e-9}),
                     *this, code(Kind::Flow, id.index()));
  }
}

void Serving::on_fetch(SequenceId id, SimTime now) {
  expect(now == engine_.now(), "a transfer starts at its own event");
  Sequence& sequence = sequences_[id];
  if (hand_off_->decode_first) {
    const SequenceId here{sequence.partner - 1};
    ++sequences_[here].awaited;
    engine_.at(now, engine::rank_of_reaction(sequence.request.id.index()), *this, code(Kind::Reserved, here.index()));
    return;
  }
  sequence.kv_wanted = true;
  if (!hand_off_->push) {
    send_prompt(id, sequence.fetched);
  } else if (sequence.kv_here) {
    ++sequence.awaited;
    engine_.at(now, engine::rank_of_reaction(sequence.request.id.index()), *this, code(Kind::There, id.index()));
  }
}

void Serving::flow_ended(SequenceId id) {
  Sequence& sequence = sequences_[id];
  if (--sequence.flows_left > 0) return;
  if (sequence.given_up) {
    if (decode_first()) {
      forget_partner(id, false);
      return;
    }
    unpin(id, false);
    if (sequence.state == SequenceState::Loading && sequence.awaited == 0) {
      kv_is_there(id, false);
    } else {
      forget(id);
    }
    return;
  }
  if (sequence.kv_sent < sequence.request.prompt_tokens) return;
  // The last layer's flow started when its step was to end; flows on the links since may have put that end off.
  if (!sequence.handed_over) return;
  if (decode_first()) {
    deliver(id, false);
    return;
  }
  Instance& prefill = instance(sequence.prefill_instance);
  prefill.advance(engine_.now(), false);
  prefill.release(id);
  if (sequence.kv_wanted) {
    kv_is_there(id, false);
  } else {
    sequence.kv_here = true;
  }
}

/// `inclusive`: steps that end at this very instant have been played.
void Serving::kv_is_there(SequenceId id, bool inclusive) {
  Instance& decode = instance(sequences_[id].decode_instance);
  decode.advance(engine_.now(), inclusive);
  decode.kv_arrived(id);
}

}  // namespace tokenyard::serving
