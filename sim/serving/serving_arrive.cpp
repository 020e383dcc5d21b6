#include "models/base/errors.hpp"
#include "sim/serving/event_code.hpp"
#include "sim/serving/serving.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

// A request comes: where it goes, whether it is let in, what is copied for it first.

namespace tokenyard::serving {

void Serving::arrive(workloads::Arrival arrival, bool reaction) {
  ++arrived_;
  came_last_ = engine_.now();
  const SequenceId id = sequences_.add(std::move(arrival.request), std::move(arrival.fate));
  std::optional<policy::Choice> decode;
  if (hand_off_ && (hand_off_->non_cached_tokens > 0 || pools_[1].router->expects())) {
    decode = choose(states_[1], sequences_[id].request, reaction);
  }
  Sequence& sequence = sequences_[id];
  sequence.local = decode && hand_off_->non_cached_tokens > 0 &&
                   sequence.request.prompt_tokens - decode->cached < hand_off_->non_cached_tokens;
  PoolState& pool = states_[sequence.local ? 1 : 0];
  const policy::Choice choice = sequence.local ? *decode : choose(pool, sequence.request, reaction);
  Instance& first = *pool.instances[choice.instance];
  sequence.prefill_instance = first.settings().id;
  sequence.decode_instance = first.settings().id;
  sequence.expected_prefill = choice.prefill;
  if (decode) {
    sequence.decode_instance = states_[1].instances[decode->instance]->settings().id;
    sequence.decode_chosen = true;
  }
  refuse_endless(sequence);
  if (is_late(sequence, choice) || (decode && is_late(sequence, *decode))) {
    reject(id);
    return;
  }
  first.advance(engine_.now(), reaction);
  sequence.handed_over = sequence.local;
  sequence.priority = urgency(*pool.pool, sequence.request);
  if (const std::optional<RequestWay>& way = first.settings().requests) {
    sequence.in_front_end = true;
    ++sequence.awaited;
    engine_.transfer(way->network, way->users, way->instance,
                     way->prompt_token * static_cast<double>(sequence.request.prompt_tokens),
                     std::max(way->latency, Seconds{1e-9}), *this, code(Kind::Called, id.index()),
                     engine::Traffic::Request);
  } else {
    accept(id);
  }
  if (choice.copy_from) copy_beginning(id, *choice.copy_from, reaction);
  if (sequence.on_hold()) {
    first.hold(id);
  } else if (decode_first() && !sequence.local) {
    reserve(id, reaction);
  } else {
    first.submit(id);
  }
  if (sequences_[id].partner == 0) set_alarm(id);
  look_around(engine_.now());
}

/// One that no instance of some pool could ever hold.
void Serving::refuse_endless(const Sequence& sequence) const {
  for (const PoolState& state : states_) {
    const InstanceSettings& settings = state.instances[0]->settings();
    // The last output token is handed out, never computed: it takes no place in the cache.
    // Drafts do: those being verified, and as many ahead.
    const std::uint64_t ahead = settings.acceptance == nullptr ? 0 : 2 * settings.acceptance->drafts();
    const std::uint64_t tokens =
        ahead + (state.pool->role == Role::Prefill
                     ? sequence.request.prompt_tokens
                     : std::uint64_t{sequence.request.prompt_tokens} + sequence.fate.output_tokens - 1);
    const auto longest = policy::longest_prompt(state.pool->rules);
    if (longest && sequence.request.prompt_tokens > *longest) {
      throw SpecError("workload", "request " + std::to_string(sequence.request.id.index()) + " has a prompt of " +
                                      std::to_string(sequence.request.prompt_tokens) +
                                      " tokens; without chunked prefill the engine of pool '" + state.pool->name +
                                      "' takes at most max_num_tokens (" + std::to_string(*longest) +
                                      "): raise it, or set enable_chunked_prefill");
    }
    const std::uint64_t room = policy::longest_request(state.pool->rules, settings.blocks_per_rank, settings.layout());
    const std::uint64_t reserved = policy::reserved_beside_prompt(state.pool->rules);
    if (state.pool->role == Role::Decode && sequence.request.prompt_tokens + reserved > room) {
      throw SpecError("workload", "request " + std::to_string(sequence.request.id.index()) + " (" +
                                      std::to_string(sequence.request.prompt_tokens) +
                                      " prompt tokens) can never run in pool '" + state.pool->name +
                                      "': its KV cache holds " + std::to_string(room) + " tokens, of which " +
                                      std::to_string(reserved) +
                                      " stay reserved; use more or larger chips an instance, or lower "
                                      "engine.num_reserved_decode_tokens");
    }
    if (tokens > room) {
      throw SpecError("workload",
                      "request " + std::to_string(sequence.request.id.index()) + " (" +
                          std::to_string(sequence.request.prompt_tokens) + " prompt + " +
                          std::to_string(sequence.fate.output_tokens) + " output tokens) can never run in pool '" +
                          state.pool->name + "': its KV cache holds " + std::to_string(room) +
                          " tokens; use more or larger chips an instance, a smaller KV format, or limit the lengths");
    }
  }
}

/// Whether it is expected to miss a target of its class, where a router turns such requests away.
bool Serving::is_late(const Sequence& sequence, const policy::Choice& choice) const {
  if (!pools_[0].rejects) return false;
  const metrics::SloTarget& target = recorder_.classes().at(sequence.request.slo_class.index());
  return (choice.expected_ttft && *choice.expected_ttft > SimTime::from(target.ttft)) ||
         (choice.expected_tpot && *choice.expected_tpot > SimTime::from(target.tpot));
}

void Serving::reject(SequenceId id) {
  const SimTime now = engine_.now();
  const RequestId request = sequences_[id].request.id;
  count_given_up(id, workloads::Ending::Rejected, now, 0);
  sequences_.remove(id);
  ended(workloads::Ending::Rejected, request, now);
}

/// The blocks that instance `from` of the first pool has and the request's own has not go there, as flows; what is read
/// is what stands there now. `inclusive`: steps that end at this very instant have been played.
void Serving::copy_beginning(SequenceId id, std::size_t from, bool inclusive) {
  Instance& source = *states_[0].instances[from];
  Instance& target = instance(sequences_[id].prefill_instance);
  source.advance(engine_.now(), inclusive);
  const Instance::Beginning there = source.longest_beginning(id);
  Sequence& sequence = sequences_[id];
  const std::uint32_t rank = target.next_rank();
  const std::uint32_t block = target.settings().block_tokens;
  const std::uint32_t here = target.beginning_at(id, rank);
  if (there.blocks <= here) return;
  sequence.rank = rank;
  sequence.copied_blocks = there.blocks;
  const auto& senders = pools_[0].endpoints[from][there.rank];
  const auto& receivers = pools_[0].endpoints[sequence.prefill_instance.index()][rank];
  const std::size_t flows = std::max(senders.size(), receivers.size());
  const Bytes size = hand_off_->prefill_bytes_per_token * static_cast<double>((there.blocks - here) * block) /
                     (hand_off_->efficiency * static_cast<double>(flows));
  sequence.copies_left = static_cast<std::uint32_t>(flows);
  for (std::size_t i = 0; i < flows; ++i) {
    const EndpointId a = senders[i % senders.size()];
    const EndpointId b = receivers[i % receivers.size()];
    engine_.transfer(hand_off_->plane, a, b, size,
                     std::max(hand_off_->setup + hand_off_->network.latency(a, b), Seconds{1e-9}), *this,
                     code(Kind::Copied, id.index()));
  }
}

void Serving::copied(SequenceId id) {
  Sequence& sequence = sequences_[id];
  if (--sequence.copies_left > 0) return;
  Instance& first = instance(sequence.prefill_instance);
  first.advance(engine_.now(), false);
  if (!sequence.given_up) first.adopt(id);
  let_in(id, false);
}

/// The front end of its instance has a call.
void Serving::accept(SequenceId id) {
  Sequence& sequence = sequences_[id];
  const SimTime due = instance(sequence.prefill_instance).accept(id);
  if (due == engine_.now()) return;
  sequence.in_front_end = true;
  ++sequence.awaited;
  engine_.at(due, engine::rank_of_arrival(sequence.request.id.index()), *this, code(Kind::Accepted, id.index()));
}

/// A call has come over the network.
void Serving::called(SequenceId id) {
  Sequence& sequence = sequences_[id];
  sequence.in_front_end = false;
  --sequence.awaited;
  if (!sequence.given_up) accept(id);
  let_in(id, false);
}

/// The front end is through with a call.
void Serving::accepted(SequenceId id) {
  Sequence& sequence = sequences_[id];
  sequence.in_front_end = false;
  --sequence.awaited;
  let_in(id, false);
}

/// A call that nothing holds back any more goes to its scheduler. `inclusive`: steps that end at this very instant have
/// been played.
void Serving::let_in(SequenceId id, bool inclusive) {
  const Sequence& sequence = sequences_[id];
  if (sequence.on_hold()) return;
  Instance& first = instance(sequence.prefill_instance);
  if (sequence.given_up) {
    first.drop_held(id);
    forget(id);
    return;
  }
  first.advance(engine_.now(), inclusive);
  if (decode_first() && !sequence.local) {
    first.drop_held(id);
    reserve(id, inclusive);
  } else {
    first.submit_held(id);
  }
}

policy::Choice Serving::choose(PoolState& pool, const workloads::Request& request, bool inclusive) {
  const SimTime now = engine_.now();
  policy::Router& router = *pool.pool->router;
  if (router.needs_load(now)) {
    for (std::size_t i = 0; i < pool.instances.size(); ++i) {
      pool.instances[i]->advance(now, inclusive);
      pool.views[i] = pool.instances[i]->view();
      if (router.expects()) pool.views[i].queued_prefill = pool.instances[i]->queued_prefill();
    }
  }
  return router.choose(request, pool.views, now);
}

}  // namespace tokenyard::serving
