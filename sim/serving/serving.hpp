#pragma once

#include "models/cost/step_cost.hpp"
#include "sim/engine/engine.hpp"
#include "sim/metrics/instance_meter.hpp"
#include "sim/metrics/recorder.hpp"
#include "sim/metrics/summary.hpp"
#include "sim/policy/router.hpp"
#include "sim/serving/contention.hpp"
#include "sim/serving/instance.hpp"
#include "sim/serving/sequence.hpp"
#include "sim/serving/step_flows.hpp"
#include "sim/serving/step_forecast.hpp"
#include "sim/serving/tier_flows.hpp"
#include "topologies/topology.hpp"
#include "workloads/request_source.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::serving {

enum class Role : std::uint8_t { Mixed, Prefill, Decode };

/// Instances of one kind behind one router.
struct Pool {
  std::string name;
  Role role = Role::Mixed;
  policy::QueueOrder order = policy::QueueOrder::FirstCome;  ///< of the queues of its ranks
  policy::RulesSpec rules;
  const cost::StepCost* cost = nullptr;
  policy::Router* router = nullptr;
  bool rejects = false;  ///< of the pool that requests come to: those expected to miss a target are turned away
  std::vector<InstanceSettings> instances;
  /// Flow endpoints by instance, and lane by lane by attention rank; empty unless KV is handed off.
  std::vector<std::vector<std::vector<EndpointId>>> endpoints;
  /// By instance: its collectives are flows. Empty: they are a part of a step's price, of all pools or of none.
  std::vector<StepWiring> wirings{};
  std::vector<TierWays> tier_ways{};  ///< by instance; empty: no tier of its caches is on the machine's links
};

/// How a KV cache travels from a prefill to a decode instance.
///
/// Pull: the flows start when the decode side has blocks for the request. Push: when the prompt is computed, into a
/// buffer of the decode side that is not counted in its blocks, all of it, whatever the decode side has in its prefix
/// cache; the prefill side's blocks are free when the flows have ended. With the prefill (a push): the KV of every
/// chunk follows its step layer by layer. A layer's KV could leave as soon as it is computed; of L layers all but the
/// last are one flow that starts when the first is done, at 1/L of the step, and the last is another that starts at its
/// end. So the step's end is never overtaken, and a network slower than the prefill is busy from the first layer on; in
/// between the flow may run ahead of layers by what the network is faster. The decode instance and rank are chosen when
/// the first chunk starts.
///
/// Decode side first (SGLang): a request queues there as soon as it comes, and on the prefill side once it has blocks;
/// the full pages of every chunk leave when it is computed, with the last one everything.
struct HandOff {
  std::size_t plane = 0;            ///< index of the engine's flow network
  Bytes bytes_per_token;            ///< that land on the decode side, all its chips together
  Bytes prefill_bytes_per_token{};  ///< of a beginning copied between prefill instances: on all chips of a rank
  Seconds setup;                    ///< software, once a request
  double efficiency = 1.0;          ///< share of a flow's rate (payload) that the connector reaches
  bool push = false;
  bool with_prefill = false;  ///< then also push
  bool decode_first = false;  ///< then neither of them
  std::uint32_t layers = 1;   ///< of the model
  /// A prompt of which the decode instance lacks fewer tokens, as far as the decode pool's router knows, is computed
  /// there; 0: none.
  std::uint32_t non_cached_tokens = 0;
  std::uint32_t chunk_tokens = 0;  ///< after the prefill: tokens that one operation carries; 0 = all
  Seconds per_chunk;  ///< from one operation to the next; the last byte comes no sooner than the last operation
  topologies::FlowNetwork network;      ///< of that plane, for the wire's latency
  std::vector<Footprint> footprints{};  ///< by instance: collectives that share its links; empty: none do
};

/// Of a prefill pool whose ranks have so many endpoints each.
[[nodiscard]] inline StepForecast::Copies copies_of(const HandOff& hand_off, std::size_t endpoints) {
  return {
      .setup = hand_off.setup,
      .per_token = hand_off.prefill_bytes_per_token,
      .rate = hand_off.network.endpoints.front().bandwidth * (hand_off.efficiency * static_cast<double>(endpoints))};
}

/// What a run is watched by. All may be empty.
struct Watch {
  const std::atomic<bool>* interrupted = nullptr;
  std::function<void(SimTime now, std::uint64_t finished, std::uint64_t arrived)> progress;
};

/// The front door: takes requests from the source, routes them, moves KV between instances, writes records.
class Serving final : public engine::EventHandler, public InstanceListener {
 public:
  /// `pools`: one Mixed, or one Prefill and one Decode (then with `hand_off`). `concurrency` > 0: a closed loop of that
  /// many users, who ask nothing more after `last_arrival` (an open loop's source ends by itself). An interactive
  /// source is told of every end and may send more in answer. Everything passed by reference or pointer outlives the
  /// object. `interval`: of the instances' time series. `links`: of a mixed pool, where KV tiers meet its collectives.
  Serving(engine::Engine& engine, const std::vector<Pool>& pools, std::optional<HandOff> hand_off,
          workloads::RequestSource& source, std::uint32_t concurrency, metrics::Recorder& recorder, SimTime interval,
          Watch watch, SimTime last_arrival = SimTime::never(), const std::optional<SharedLinks>& links = {});
  ~Serving() override;

  /// Schedules the first arrivals; engine.run() then plays the run. Both throw SpecError("workload", ...) for a request
  /// that no instance's KV cache can hold.
  void start();
  /// After engine.run(): books what is in flight when the run was stopped, ends the meters.
  void finish();

  [[nodiscard]] bool complete() const { return !stopped_; }
  [[nodiscard]] std::uint64_t arrived() const { return arrived_; }
  /// Meters by instance, pools in order.
  [[nodiscard]] const std::deque<metrics::InstanceMeter>& meters() const { return meters_; }

  /// What held at the last arrival; absent when the run was stopped before it.
  [[nodiscard]] const std::optional<metrics::Steady>& steady() const { return steady_; }

  void on_event(std::uint64_t what) override;
  void on_done(SequenceId id, SimTime now) override;
  void on_fetch(SequenceId id, SimTime now) override;
  void on_chunk(SequenceId id, std::uint32_t computed, SimTime start, SimTime end) override;
  void on_gone(SequenceId id) override { forget(id); }
  void on_step(const metrics::StepRecord& step) override { recorder_.step(step); }

 private:
  struct PoolState {
    const Pool* pool;
    std::vector<std::unique_ptr<Instance>> instances;
    std::vector<policy::InstanceView> views;
  };

  void add_tier_flows();
  void draw_next();
  void wait_for_due(bool reaction);
  void send_due(bool reaction);
  [[nodiscard]] bool nothing_follows() const;
  void mark_last_arrival(bool inclusive);
  void arrive(workloads::Arrival arrival, bool reaction);
  void refuse_endless(const Sequence& sequence) const;
  [[nodiscard]] bool is_late(const Sequence& sequence, const policy::Choice& choice) const;
  void reject(SequenceId id);
  void copy_beginning(SequenceId id, std::size_t from, bool inclusive);
  void copied(SequenceId id);
  void accept(SequenceId id);
  void called(SequenceId id);
  void accepted(SequenceId id);
  void let_in(SequenceId id, bool inclusive);
  policy::Choice choose(PoolState& pool, const workloads::Request& request, bool inclusive);
  void choose_decode(SequenceId id, bool inclusive);
  void handed_off(SequenceId id);
  void reserve(SequenceId id, bool inclusive);
  void reserved(SequenceId id);
  void send_chunk(SequenceId id, std::uint32_t computed, SimTime end);
  void deliver(SequenceId id, bool inclusive);
  void give_up_prefill(SequenceId id);
  void forget_partner(SequenceId id, bool inclusive);
  [[nodiscard]] bool decode_first() const { return hand_off_ && hand_off_->decode_first; }
  void send_prompt(SequenceId id, std::uint32_t tokens);
  void send(SequenceId id, std::uint32_t tokens, double share, Seconds delay);
  void flow_ended(SequenceId id);
  void kv_is_there(SequenceId id, bool inclusive);
  void stream(const Sequence& sequence, std::uint32_t tokens);
  void ended(workloads::Ending how, RequestId request, SimTime when);
  void set_alarm(SequenceId id);
  void patience_ends(SequenceId id);
  struct Gone {
    SimTime when;
    workloads::Ending how;
  };
  [[nodiscard]] static std::optional<Gone> gone_before(const Sequence& sequence, SimTime sent);
  void give_up(SequenceId id, workloads::Ending how);
  void count_given_up(SequenceId id, workloads::Ending how, SimTime when, std::uint32_t output_tokens);
  void unpin(SequenceId id, bool inclusive);
  void forget(SequenceId id);
  void record(SequenceId id);
  void look_around(SimTime now);
  [[nodiscard]] std::int32_t urgency(const Pool& pool, const workloads::Request& request) const;
  [[nodiscard]] Instance& instance(InstanceId id) { return *by_id_[id.index()]; }

  engine::Engine& engine_;
  std::vector<Pool> pools_;
  std::optional<HandOff> hand_off_;
  workloads::RequestSource& source_;
  std::uint32_t concurrency_;
  metrics::Recorder& recorder_;
  Watch watch_;
  SimTime last_arrival_;

  std::unique_ptr<Contention> contention_;
  std::unique_ptr<StepFlows> step_flows_;
  std::unique_ptr<TierFlows> tier_flows_;
  SequenceTable sequences_;
  std::deque<metrics::InstanceMeter> meters_;
  std::vector<PoolState> states_;
  std::vector<Instance*> by_id_;
  std::optional<workloads::Arrival> next_;
  std::optional<SimTime> waits_until_;  ///< an interactive source: the event set for what is due next
  std::optional<metrics::Steady> steady_;
  std::uint64_t arrived_ = 0;
  SimTime came_last_;  // the last of these
  std::uint64_t ended_ = 0;
  bool stopped_ = false;
};

}  // namespace tokenyard::serving
