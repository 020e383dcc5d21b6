#include "sim/serving/serving.hpp"

#include "models/base/errors.hpp"
#include "sim/serving/event_code.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tokenyard::serving {
Serving::Serving(engine::Engine& engine, const std::vector<Pool>& pools, std::optional<HandOff> hand_off,
                 workloads::RequestSource& source, std::uint32_t concurrency, metrics::Recorder& recorder,
                 SimTime interval, Watch watch, SimTime last_arrival, const std::optional<SharedLinks>& links)
    : engine_(engine),
      pools_(pools),
      hand_off_(std::move(hand_off)),
      source_(source),
      concurrency_(concurrency),
      recorder_(recorder),
      watch_(std::move(watch)),
      last_arrival_(last_arrival) {
  expect(pools_.size() == (hand_off_ ? 2U : 1U), "one mixed pool, or a prefill and a decode pool");
  if (hand_off_ && !hand_off_->footprints.empty()) {
    contention_ = std::make_unique<Contention>(engine, hand_off_->plane, hand_off_->network, hand_off_->footprints);
  } else if (links) {
    contention_ = std::make_unique<Contention>(engine, links->plane, links->network, links->footprints);
  }
  if (contention_) engine.watch(contention_.get());
  std::vector<StepWiring> wirings;
  for (Pool& pool : pools_) std::move(pool.wirings.begin(), pool.wirings.end(), std::back_inserter(wirings));
  if (!wirings.empty()) step_flows_ = std::make_unique<StepFlows>(engine, std::move(wirings));
  add_tier_flows();
  for (Pool& pool : pools_) {
    PoolState& state = states_.emplace_back(PoolState{&pool, {}, {}});
    for (InstanceSettings& settings : pool.instances) {
      settings.contention = contention_.get();
      settings.flows = step_flows_.get();
      settings.tier_flows = pool.tier_ways.empty() ? nullptr : tier_flows_.get();
      expect(settings.id.index() == by_id_.size(), "instances are numbered in order of pools");
      meters_.emplace_back(recorder.warm_up(), interval);
      state.instances.push_back(
          std::make_unique<Instance>(settings, engine, sequences_, pool.rules, *pool.cost, meters_.back(), *this));
      state.views.push_back({.id = settings.id, .block_tokens = settings.block_tokens});
      by_id_.push_back(state.instances.back().get());
      if (contention_) contention_->join(settings.id, *by_id_.back());
    }
    if (!pool.router->wants_names()) continue;
    for (std::size_t i = 0; i < state.instances.size(); ++i) {
      state.instances[i]->on_names([router = pool.router, i](std::uint64_t name, bool here, SimTime when) {
        router->name_changed(i, name, here, when);
      });
    }
  }
}

void Serving::add_tier_flows() {
  std::vector<TierWays> ways;
  bool any = false;
  for (const Pool& pool : pools_) {
    any = any || !pool.tier_ways.empty();
    for (std::size_t i = 0; i < pool.instances.size(); ++i) {
      ways.push_back(pool.tier_ways.empty() ? TierWays{} : pool.tier_ways[i]);
    }
  }
  if (any) tier_flows_ = std::make_unique<TierFlows>(engine_, ways);
}

Serving::~Serving() = default;

void Serving::start() {
  if (source_.interactive()) {
    wait_for_due(false);
    return;
  }
  if (concurrency_ == 0) {
    draw_next();
    return;
  }
  for (std::uint32_t user = 0; user < concurrency_; ++user) {
    engine_.at(SimTime{}, engine::rank_of_arrival(user), *this, code(Kind::Arrival));
  }
}

void Serving::draw_next() {
  next_ = source_.next();
  if (next_) {
    engine_.at(next_->request.arrival, engine::rank_of_arrival(next_->request.id.index()), *this, code(Kind::Arrival));
  } else if (arrived_ > 0) {
    mark_last_arrival(false);
  }
}

/// Of an interactive source: an event for what is sent next. `reaction`: called for the end of a request.
void Serving::wait_for_due(bool reaction) {
  const std::optional<SimTime> due = source_.due();
  const SimTime now = engine_.now();
  if (!due || (waits_until_ && *waits_until_ <= *due)) return;
  waits_until_ = std::max(*due, now);
  const bool follows = reaction && *waits_until_ == now;  // after all steps of this instant
  engine_.at(*waits_until_, follows ? engine::rank_of_reaction(0) : engine::rank_of_arrival(0), *this,
             code(follows ? Kind::FollowUp : Kind::Arrival));
}

/// All that an interactive source sends by now. An event set before another was due earlier may find nothing.
void Serving::send_due(bool reaction) {
  const SimTime now = engine_.now();
  if (waits_until_ && *waits_until_ <= now) waits_until_.reset();
  for (auto due = source_.due(); due && *due <= now; due = source_.due()) {
    if (auto arrival = source_.next()) arrive(std::move(*arrival), reaction);
  }
  if (nothing_follows()) mark_last_arrival(reaction);
  wait_for_due(false);
}

/// An interactive source has sent its last request. Behind last_arrival_ nothing is sent; the first end after it is the
/// nearest instant that is played anyway.
bool Serving::nothing_follows() const {
  return engine_.now() > last_arrival_ || source_.exhausted() || (!source_.due() && ended_ == arrived_);
}

/// `inclusive`: steps that end at this very instant have been played.
void Serving::mark_last_arrival(bool inclusive) {
  if (steady_) return;
  const SimTime now = engine_.now();
  for (Instance* some : by_id_) some->advance(now, inclusive);
  steady_ = metrics::Steady{
      .end = now, .at_arrival = now == came_last_, .meters = {}, .ended_after_warm_up = recorder_.ended_after_warm_up};
  for (metrics::InstanceMeter& meter : meters_) steady_->meters.push_back(meter.sums_at(now));
}

void Serving::on_event(std::uint64_t what) {
  const SequenceId id{static_cast<std::uint32_t>(what)};
  switch (static_cast<Kind>(what >> 32)) {
    case Kind::FollowUp:
      send_due(true);
      break;
    case Kind::Arrival:
      if (source_.interactive()) {
        send_due(false);
        break;
      }
      if (concurrency_ == 0) {
        arrive(std::move(*next_), false);
        draw_next();
        break;
      }
      [[fallthrough]];  // a user of a closed loop sends its first request
    case Kind::Return:
      if (auto arrival = engine_.now() > last_arrival_ ? std::nullopt : source_.next()) {
        arrival->request.arrival = engine_.now();
        arrive(std::move(*arrival), static_cast<Kind>(what >> 32) == Kind::Return);
      } else {
        mark_last_arrival(static_cast<Kind>(what >> 32) == Kind::Return);
      }
      break;
    case Kind::Copied:
      copied(id);
      break;
    case Kind::Called:
      called(id);
      break;
    case Kind::Accepted:
      accepted(id);
      break;
    case Kind::HandedOff:
      handed_off(id);
      break;
    case Kind::Patience:
      patience_ends(id);
      break;
    case Kind::Flow:
      flow_ended(id);
      break;
    case Kind::Reserved:
      reserved(id);
      break;
    case Kind::There:
      --sequences_[id].awaited;
      kv_is_there(id, true);
      break;
  }
}

/// Lower is more urgent.
std::int32_t Serving::urgency(const Pool& pool, const workloads::Request& request) const {
  switch (pool.order) {
    case policy::QueueOrder::FirstCome:
      return 0;
    case policy::QueueOrder::Priority:
      return request.priority;
    case policy::QueueOrder::Deadline: {
      const metrics::SloTarget& target = recorder_.classes().at(request.slo_class.index());
      const std::int64_t ms = (request.arrival + SimTime::from(target.ttft)).ns() / 1'000'000;
      return static_cast<std::int32_t>(std::min<std::int64_t>(ms, INT32_MAX));  // 24 days
    }
  }
  return 0;
}

void Serving::on_done(SequenceId id, SimTime now) {
  expect(now == engine_.now(), "what others care about happens at its own event");
  Sequence& sequence = sequences_[id];
  if (hand_off_ && sequence.state == SequenceState::Pinned) {
    ++sequence.awaited;
    engine_.at(now, engine::rank_of_reaction(sequence.request.id.index()), *this, code(Kind::HandedOff, id.index()));
    return;
  }
  const RequestId request = sequence.request.id;
  const SimTime sent = now + sequence.last_sent;
  stream(sequence, sequence.fate.output_tokens);
  if (const auto gone = gone_before(sequence, sent)) {
    count_given_up(id, gone->how, gone->when, sequence.fate.output_tokens);
    sequences_.remove(id);
    ended(gone->how, request, gone->when);
  } else {
    record(id);
    ended(workloads::Ending::Answered, request, sent);
  }
}

/// So many tokens have gone to the user until now.
void Serving::stream(const Sequence& sequence, std::uint32_t tokens) {
  if (tokens == 0) return;
  const std::optional<RequestWay>& way = instance(sequence.decode_instance).settings().requests;
  if (!way) return;
  engine_.trickle(way->network, way->instance, way->users, way->output_token * static_cast<double>(tokens),
                  sequence.first_token, engine_.now(), engine::Traffic::Request);
}

/// Tells those who wait for the end of a request.
void Serving::ended(workloads::Ending how, RequestId request, SimTime when) {
  const SimTime now = engine_.now();
  ++ended_;
  if (source_.interactive()) {
    source_.on_end(request, when, how);
    if (!steady_ && nothing_follows()) {  // in an event of its own: the instance that calls is not done yet
      engine_.at(now, engine::rank_of_reaction(request.index()), *this, code(Kind::FollowUp));
    }
    wait_for_due(true);
  }
  if (concurrency_ > 0) {
    engine_.at(when, engine::rank_of_reaction(request.index()), *this, code(Kind::Return));
  }
  look_around(now);
}

void Serving::record(SequenceId id) {
  const Sequence& sequence = sequences_[id];
  metrics::RequestRecord record;
  record.id = sequence.request.id;
  record.slo_class = sequence.request.slo_class;
  record.prompt_tokens = sequence.request.prompt_tokens;
  record.output_tokens = sequence.fate.output_tokens;
  record.preemptions = sequence.preemptions;
  record.cached_tokens = sequence.cached;
  record.tenant = sequence.request.tenant;
  record.session = sequence.request.session;
  record.prefill_instance = sequence.prefill_instance;
  record.decode_instance = sequence.decode_instance;
  record.arrival = sequence.request.arrival;
  record.admitted = sequence.admitted;
  record.first_token = sequence.first_token + sequence.first_sent;
  record.last_token = sequence.last_token + sequence.last_sent;
  record.front_end = sequence.front_end + sequence.last_sent;
  record.queue = sequence.admitted - sequence.request.arrival - sequence.front_end;
  record.prefill = sequence.prefill_end - sequence.admitted - sequence.preempted_before_prompt;
  record.preempted = sequence.preempted_span;
  if (hand_off_ && !sequence.local) {
    record.kv_wait = sequence.fetch_start - sequence.prefill_end;
    record.kv_transfer = sequence.kv_arrived - sequence.fetch_start;
    record.decode_wait = sequence.decode_admitted - sequence.kv_arrived;
  }
  record.decode = record.latency() - record.front_end - record.queue - record.prefill - record.preempted -
                  record.kv_wait - record.kv_transfer - record.decode_wait;
  recorder_.request(record);
  if (record.arrival >= recorder_.warm_up()) instance(record.prefill_instance).measured(sequence);
  sequences_.remove(id);
}

void Serving::look_around(SimTime now) {
  if (watch_.progress) watch_.progress(now, recorder_.finished, arrived_);
  if (watch_.interrupted != nullptr && watch_.interrupted->load(std::memory_order_relaxed)) {
    stopped_ = true;
    engine_.stop();
  }
}

void Serving::finish() {
  const SimTime end = stopped_ ? engine_.now() : engine_.last();
  for (std::size_t i = 0; i < by_id_.size(); ++i) {
    if (stopped_) by_id_[i]->advance(end, false);
    by_id_[i]->finish(end);
  }
  expect(stopped_ || (ended_ == arrived_ && sequences_.live() == 0), "every request that arrived has ended");
  if (stopped_) return;
  for (const Instance* some : by_id_) expect(some->used_blocks() == 0, "no KV block is kept for a request that ended");
}

}  // namespace tokenyard::serving
