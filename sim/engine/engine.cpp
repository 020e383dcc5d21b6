#include "sim/engine/engine.hpp"

#include "models/base/errors.hpp"
#include "sim/engine/event_queue.hpp"
#include "sim/engine/flow_carrier.hpp"
#include "sim/engine/link_meter.hpp"
#include "sim/engine/plane_links.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tokenyard::engine {

namespace {

/// Event code of "the flow in this slot has ended"; the slot alone: its delay is over.
constexpr std::uint64_t kEnded = std::uint64_t{1} << 32U;

/// A flow from transfer() until its end is handled.
struct Flow {
  std::size_t plane = 0;
  EndpointId from;
  EndpointId to;
  Bytes size;
  std::uint64_t rank = 0;
  SimTime started;
  EventHandler* handler = nullptr;
  std::uint64_t what = 0;
  Traffic traffic = Traffic::HandOff;
};

}  // namespace

/// Handles two events of every flow itself: its delay is over, its last byte has arrived.
struct Engine::Impl final : EventHandler {
  Impl(const std::vector<topologies::FlowNetwork>& planes, SimTime interval, Solver solver)
      : carrier(make_carrier(solver, planes)) {
    for (const topologies::FlowNetwork& plane : planes) meters.emplace_back(plane, interval);
  }

  std::unique_ptr<FlowCarrier> carrier;
  std::vector<LinkMeter> meters;  ///< by plane

  EventQueue queue;
  SimTime now;
  bool ran = false;
  bool stopped = false;
  bool passed = false;  ///< the event being handled
  SimTime last;         ///< of those that did not
  std::uint64_t events = 0;
  std::uint64_t delays_over = 0;  ///< events of our own
  std::uint32_t flows = 0;
  FlowWatch* watch = nullptr;
  std::vector<Flow> slots;  ///< some are free
  std::vector<std::uint32_t> free_slots;
  std::vector<EndedFlow> ended;  ///< kept for its memory

  std::uint32_t keep(const Flow& flow) {
    if (free_slots.empty()) {
      slots.push_back(flow);
      return static_cast<std::uint32_t>(slots.size() - 1);
    }
    const std::uint32_t slot = free_slots.back();
    free_slots.pop_back();
    slots[slot] = flow;
    return slot;
  }

  void on_event(std::uint64_t what) override {
    const auto slot = static_cast<std::size_t>(what & (kEnded - 1));
    if (what >= kEnded) {
      const Flow flow = slots[slot];
      free_slots.push_back(static_cast<std::uint32_t>(slot));
      if (watch != nullptr) watch->flow_ends(flow.plane, flow.from, flow.to);
      flow.handler->on_event(flow.what);
      return;
    }
    ++delays_over;
    Flow& flow = slots[slot];
    flow.started = now;
    carrier->start(static_cast<std::uint32_t>(slot), flow.plane, flow.from, flow.to,
                   static_cast<std::uint64_t>(std::ceil(flow.size.value())), now);
    meters[flow.plane].begin(flow.from, flow.to, now);
    if (watch != nullptr) watch->flow_begins(flow.plane, flow.from, flow.to);
  }

  void land(const EndedFlow& end) {
    const Flow& flow = slots[end.flow];
    // However few its bytes, a flow takes time: what it starts at its end cannot precede what began with it.
    const SimTime at = std::max(end.at, flow.started + SimTime{1});
    meters[flow.plane].end(flow.from, flow.to, flow.size, flow.started, at, flow.traffic);
    queue.push(at, flow.rank, *this, kEnded | end.flow);
  }

  /// The flows' clock comes to the next event, unless flows end before, which then become events themselves.
  bool catch_up() {
    ended.clear();
    const SimTime next = queue.empty() ? SimTime::never() : queue.next_time();
    const bool there = carrier->wait(next, ended);
    for (const EndedFlow& flow : ended) {
      land(flow);
    }
    return there && ended.empty();
  }

  void drive() {
    while (!stopped) {
      if (!carrier->idle() && !catch_up()) {
        continue;
      }
      if (carrier->idle() && queue.only_alarms()) {
        return;
      }
      const Event event = queue.pop();
      now = event.time;
      ++events;
      passed = false;
      event.handler->on_event(event.what);
      if (!passed) last = now;
    }
  }
};

Engine::Engine(const std::vector<topologies::FlowNetwork>& planes, SimTime interval, Solver solver)
    : impl_(std::make_unique<Impl>(planes, interval, solver)) {}
Engine::~Engine() = default;

SimTime Engine::now() const { return impl_->now; }

void Engine::at(SimTime when, std::uint64_t rank, EventHandler& handler, std::uint64_t what) {
  expect(when >= impl_->now, "an event is not scheduled in the past");
  impl_->queue.push(when, rank, handler, what);
}

void Engine::alarm(SimTime when, std::uint64_t rank, EventHandler& handler, std::uint64_t what) {
  expect(when >= impl_->now, "an alarm is not set in the past");
  impl_->queue.push(when, rank, handler, what, true);
}

void Engine::transfer(std::size_t plane, EndpointId from, EndpointId to, Bytes size, Seconds delay,
                      EventHandler& handler, std::uint64_t what, Traffic traffic) {
  expect(plane < impl_->meters.size(), "a flow runs on a plane of this engine");
  expect(impl_->meters[plane].links().connects(from, to), "a flow between two domains has a trunk at both");
  expect(size.value() >= 0.0 && delay.value() >= 0.0, "a flow has a size and a delay of 0 or more");
  expect(impl_->flows < std::numeric_limits<std::uint32_t>::max(), "flows can be numbered in 32 bits");
  const std::uint64_t rank = rank_of_flow(impl_->flows++);
  const SimTime start = impl_->now + SimTime::from(delay);
  if (from == to || size.value() == 0.0) {
    impl_->queue.push(start, rank, handler, what);
    return;
  }
  const std::uint32_t slot = impl_->keep({.plane = plane,
                                          .from = from,
                                          .to = to,
                                          .size = size,
                                          .rank = rank,
                                          .started = start,
                                          .handler = &handler,
                                          .what = what,
                                          .traffic = traffic});
  impl_->queue.push(start, rank, *impl_, slot);
}

void Engine::trickle(std::size_t plane, EndpointId from, EndpointId to, Bytes size, SimTime began, SimTime ended,
                     Traffic traffic) {
  expect(plane < impl_->meters.size(), "bytes come along on a plane of this engine");
  expect(impl_->meters[plane].links().connects(from, to), "bytes between two domains cross a trunk of both");
  impl_->meters[plane].count(from, to, size, began, ended, traffic);
}

void Engine::pass() { impl_->passed = true; }
SimTime Engine::last() const { return impl_->last; }

void Engine::set_bandwidth(std::size_t plane, const LinkPlace& link, BytesPerSecond bandwidth) {
  expect(plane < impl_->meters.size() && bandwidth.value() > 0.0, "flows have some of a link of this engine");
  const PlaneLinks& links = impl_->meters[plane].links();
  expect(links.bandwidth(links.number(link)).value() > 0.0, "a link of the plane");
  impl_->carrier->set_bandwidth(plane, link, bandwidth);
}

void Engine::watch(FlowWatch* watch) { impl_->watch = watch; }

void Engine::run() {
  expect(!impl_->ran, "an engine runs once");
  impl_->ran = true;
  impl_->carrier->run([this] { impl_->drive(); });
}

void Engine::stop() { impl_->stopped = true; }

std::uint64_t Engine::events() const { return impl_->events - impl_->delays_over; }
std::uint64_t Engine::flows() const { return impl_->flows; }

std::vector<LinkUse> Engine::link_use() const {
  std::vector<LinkUse> use;
  for (const LinkMeter& meter : impl_->meters) {
    const std::vector<LinkUse> rows = meter.rows(impl_->now);
    use.insert(use.end(), rows.begin(), rows.end());
  }
  return use;
}

}  // namespace tokenyard::engine
