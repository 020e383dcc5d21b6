#pragma once

#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace simgrid::s4u {
class Host;
}

namespace tokenyard::engine {

/// A flow whose last byte has arrived.
struct EndedFlow {
  std::uint32_t flow;
  SimTime at;
};

/// Carries flows with SimGrid, and keeps the two clocks together.
///
/// SimGrid's clock is a double in seconds that runs only while flows are in flight; each time a first flow takes off,
/// the two clocks are pinned together anew. A flow ends at the first whole nanosecond that is not before the end
/// SimGrid computes (kFlowPrecision forgiven).
///
/// SimGrid tells of an ended flow only to whoever waits for it. So each flow in flight has a worker actor that does;
/// workers are made on demand and used again.
///
/// start() and wait() only from the actor that runs the events.
class FlowCarrier {
 public:
  explicit FlowCarrier(simgrid::s4u::Host& desk);
  ~FlowCarrier();
  FlowCarrier(const FlowCarrier&) = delete;
  FlowCarrier& operator=(const FlowCarrier&) = delete;

  [[nodiscard]] bool idle() const { return in_flight_ == 0; }

  /// REQUIRES: whole bytes > 0; when !idle(), wait(now) has returned true.
  void start(std::uint32_t flow, simgrid::s4u::Host& from, simgrid::s4u::Host& to, std::uint64_t bytes, SimTime now);

  /// Lets SimGrid's clock run to `until`, or until flows end, whichever is first; true when it has come to `until` and
  /// every flow that ends by then is in `ended`. May return false without any. REQUIRES: !idle().
  [[nodiscard]] bool wait(SimTime until, std::vector<EndedFlow>& ended);

 private:
  struct Crew;
  std::unique_ptr<Crew> crew_;
  std::uint64_t in_flight_ = 0;
};

}  // namespace tokenyard::engine
