#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "sim/engine/engine.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace tokenyard::engine {

/// Flows that end less than this after an instant end at that instant. Far below our nanosecond, and above what
/// rounding adds to a clock of up to some 10^4 seconds of busy network.
inline constexpr Seconds kFlowPrecision{1e-11};

/// The instant `nanoseconds` behind `from`, rounded up. Throws UserError where simulated time does not reach so far.
[[nodiscard]] SimTime instant_after(SimTime from, double nanoseconds);

/// A flow whose last byte has arrived.
struct EndedFlow {
  std::uint32_t flow;
  SimTime at;
};

/// Carries flows over the links of some planes, which they share max-min fairly, and says when they end: at the first
/// whole nanosecond that is not before the computed end (kFlowPrecision forgiven). In between its clock is a double
/// that counts from when the first of the flows in flight took off.
class FlowCarrier {
 public:
  FlowCarrier() = default;
  virtual ~FlowCarrier() = default;
  FlowCarrier(const FlowCarrier&) = delete;
  FlowCarrier& operator=(const FlowCarrier&) = delete;

  [[nodiscard]] bool idle() const { return in_flight_ == 0; }

  /// Plays `events`, which calls what follows, from wherever this carrier needs to be called from.
  virtual void run(std::function<void()> events) = 0;

  /// REQUIRES: the plane leads from one endpoint to the other, which are two; whole bytes > 0; no flow of that number
  /// in flight; when !idle(), wait(now) has returned true.
  virtual void start(std::uint32_t flow, std::size_t plane, EndpointId from, EndpointId to, std::uint64_t bytes,
                     SimTime now) = 0;

  /// From now on. REQUIRES: the plane has that link, a domain with a trunk; bandwidth > 0; as start().
  virtual void set_bandwidth(std::size_t plane, const LinkPlace& link, BytesPerSecond bandwidth) = 0;

  /// Goes on to `until`, or until flows end, whichever is first; true when `until` has come and every flow that ends
  /// by then is in `ended`. May return false without any. REQUIRES: !idle(); `ended` is empty.
  [[nodiscard]] virtual bool wait(SimTime until, std::vector<EndedFlow>& ended) = 0;

 protected:
  std::uint64_t in_flight_ = 0;
};

/// REQUIRES: bandwidths of endpoints > 0, domains of endpoints exist.
[[nodiscard]] std::unique_ptr<FlowCarrier> make_carrier(Solver solver,
                                                        const std::vector<topologies::FlowNetwork>& planes);

}  // namespace tokenyard::engine
