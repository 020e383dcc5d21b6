#include "sim/engine/simgrid_carrier.hpp"

#include "models/base/errors.hpp"
#include "sim/engine/platform.hpp"
#include "sim/engine/simgrid_settings.hpp"

#include <simgrid/s4u.hpp>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace tokenyard::engine {

namespace {

namespace sg = simgrid::s4u;

/// The longest sleep at once. SimGrid adds a span to its clock; for a long span the sum may round past the date that
/// it looks for, which it then never finds. In steps of this size the sum is exact, or far below kFlowPrecision.
constexpr double kLongestSleep_s = 1000.0;

constexpr unsigned kWorkerStack_KiB = 64;        // sendto and nothing of ours
constexpr unsigned kDriverStack_KiB = 8 * 1024;  // handlers run on it: what a main thread has

/// Our clock beside SimGrid's.
struct Pin {
  SimTime ours;
  double theirs_s = 0.0;

  [[nodiscard]] double theirs_at(SimTime time) const {
    return theirs_s + static_cast<double>((time - ours).ns()) * 1e-9;
  }

  /// The first of our instants at which a stop of SimGrid's clock would see the flow that ended at `clock_s` as ended.
  /// The same comparison as SimGrid's own, so that a flow's end does not depend on who else stops the clock.
  [[nodiscard]] SimTime end_of_flow(double clock_s) const {
    const double precision_s = kFlowPrecision.value();
    const double span_ns = (clock_s - theirs_s - precision_s) * 1e9;
    SimTime end = ours + SimTime{static_cast<std::int64_t>(std::ceil(span_ns))};
    const SimTime tick{1};
    while (clock_s - theirs_at(end) >= precision_s) {
      end += tick;
    }
    while (end > ours && clock_s - theirs_at(end - tick) < precision_s) {
      end -= tick;
    }
    return end;
  }
};

}  // namespace

struct SimGridCarrier::Crew {
  struct Worker {
    sg::SemaphorePtr work = sg::Semaphore::create(0);
    sg::Host* from = nullptr;
    sg::Host* to = nullptr;
    std::uint64_t bytes = 0;
    std::uint32_t flow = 0;
  };

  sg::Engine& simgrid;
  Platform platform;
  Pin pin;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<Worker*> idle;
  std::vector<EndedFlow> ended;
  sg::SemaphorePtr bell = sg::Semaphore::create(0);  ///< rung when a flow has ended and the driver waits
  bool driver_waits = false;

  explicit Crew(const std::vector<topologies::FlowNetwork>& planes)
      : simgrid(start_simgrid()), platform(build_platform(simgrid, planes)) {}

  Worker& take() {
    if (idle.empty()) {
      Worker* worker = workers.emplace_back(std::make_unique<Worker>()).get();
      sg::ActorPtr actor = sg::Actor::init("flow", platform.desk);
      actor->set_stacksize(kWorkerStack_KiB);
      // A daemon: SimGrid ends it, silently, when the driver has ended.
      actor->start([this, worker] { carry(*worker); })->daemonize();
      return *worker;
    }
    Worker* worker = idle.back();
    idle.pop_back();
    return *worker;
  }

  [[noreturn]] void carry(Worker& worker) {
    while (true) {
      worker.work->acquire();
      sg::Comm::sendto(worker.from, worker.to, worker.bytes);
      ended.push_back({.flow = worker.flow, .at = pin.end_of_flow(sg::Engine::get_clock())});
      idle.push_back(&worker);
      if (driver_waits) {
        driver_waits = false;
        bell->release();
      }
    }
  }
};

SimGridCarrier::SimGridCarrier(const std::vector<topologies::FlowNetwork>& planes)
    : crew_(std::make_unique<Crew>(planes)) {}
SimGridCarrier::~SimGridCarrier() = default;

void SimGridCarrier::run(std::function<void()> events) {
  std::exception_ptr error;
  sg::ActorPtr driver = sg::Actor::init("events", crew_->platform.desk);
  driver->set_stacksize(kDriverStack_KiB);
  driver->start([&events, &error] {
    try {
      events();
    } catch (...) {  // must not cross SimGrid's stacks
      error = std::current_exception();
    }
  });
  crew_->simgrid.run();
  if (error) {
    std::rethrow_exception(std::exchange(error, nullptr));
  }
}

void SimGridCarrier::start(std::uint32_t flow, std::size_t plane, EndpointId from, EndpointId to, std::uint64_t bytes,
                           SimTime now) {
  if (idle()) {
    crew_->pin = {.ours = now, .theirs_s = sg::Engine::get_clock()};
  }
  ++in_flight_;
  const std::vector<sg::Host*>& endpoints = crew_->platform.planes[plane].endpoints;
  Crew::Worker& worker = crew_->take();
  worker.from = endpoints[from.index()];
  worker.to = endpoints[to.index()];
  worker.bytes = bytes;
  worker.flow = flow;
  worker.work->release();
}

void SimGridCarrier::set_bandwidth(std::size_t plane, const LinkPlace& link, BytesPerSecond bandwidth) {
  const PlatformPlane& links = crew_->platform.planes[plane];
  const auto& of = link.of == LinkPlace::Of::Endpoint ? links.nics
                   : link.of == LinkPlace::Of::Domain ? links.trunks
                                                      : links.pods;
  sg::SplitDuplexLink& both = *of[link.index];
  (link.up ? both.get_link_up() : both.get_link_down())->set_bandwidth(bandwidth.value());
}

bool SimGridCarrier::wait(SimTime until, std::vector<EndedFlow>& ended) {
  expect(!idle(), "somebody waits for flows only while there are some");
  const double clock_s = sg::Engine::get_clock();
  const double until_s = crew_->pin.theirs_at(until);
  if (crew_->ended.empty() && clock_s < until_s) {
    crew_->driver_waits = true;
    const bool timed_out = crew_->bell->acquire_timeout(std::min(until_s - clock_s, kLongestSleep_s));
    crew_->driver_waits = false;
    if (timed_out) {
      // Flows that end at this very instant: their workers may stand behind us in SimGrid's list.
      sg::this_actor::yield();
    }
  }
  in_flight_ -= crew_->ended.size();
  ended.swap(crew_->ended);
  crew_->ended.clear();
  return sg::Engine::get_clock() >= until_s;
}

}  // namespace tokenyard::engine
