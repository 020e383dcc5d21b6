#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "topologies/topology.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tokenyard::engine {

/// Something that events are addressed to. `what` is the receiver's own code for the event.
class EventHandler {
 public:
  virtual ~EventHandler() = default;
  virtual void on_event(std::uint64_t what) = 0;
};

/// At one instant events happen in order of their rank, then in order of scheduling. Arrivals and ended flows come
/// before the ends of steps, so that a scheduler at that instant sees them; ties inside a kind are broken by index.
[[nodiscard]] constexpr std::uint64_t rank_of_arrival(std::uint32_t index) { return index; }
[[nodiscard]] constexpr std::uint64_t rank_of_flow(std::uint32_t index) { return (1ULL << 32) | index; }
[[nodiscard]] constexpr std::uint64_t rank_of_step(std::uint32_t index) { return (2ULL << 32) | index; }

/// Consequences of steps of this instant: after all of them.
[[nodiscard]] constexpr std::uint64_t rank_of_reaction(std::uint32_t index) { return (3ULL << 32) | index; }

/// An idle scheduler starts: last of all, so that whatever reaches it at this instant shares its first step.
[[nodiscard]] constexpr std::uint64_t rank_of_start(std::uint32_t index) { return (4ULL << 32) | index; }

/// Of the library this program runs with, "3.32".
[[nodiscard]] std::string simgrid_version();

/// One direction of the NICs of an endpoint, or of the trunk above a domain or a pod.
struct LinkPlace {
  enum class Of : std::uint8_t { Endpoint, Domain, Pod };
  Of of = Of::Endpoint;
  std::uint32_t index = 0;
  bool up = true;
};

/// What a flow is for; links count them apart.
enum class Traffic : std::uint8_t { HandOff, Collective, Tier, Request };

/// What flows did to a link (a direction of an endpoint's NICs or of a domain's trunk).
struct LinkUse {
  std::string plane;
  std::string link;  ///< "prefill-0.0 up", "domain 3 down"
  BytesPerSecond bandwidth;
  Bytes carried;  ///< of hand-offs
  Bytes tiers;    ///< of reads and writes of KV tiers
  Seconds busy;   ///< time with at least one flow on it
  LinkPlace place{};
  SimTime interval{};                  ///< of the series
  std::vector<double> per_interval{};  ///< bytes by interval, each flow's spread evenly over its time; to the last flow
  Bytes collectives{};                 ///< that it carried besides
  SimTime collective_interval{};       ///< of their series
  std::vector<double> collectives_per_interval{};
  SimTime tier_interval{};  ///< likewise of tiers
  std::vector<double> tiers_per_interval{};
  Bytes requests{};  ///< prompts from users and tokens to them
  SimTime request_interval{};
  std::vector<double> requests_per_interval{};
};

/// Told when flows begin and cease to share links: after their delay, and at their end before their handler.
class FlowWatch {
 public:
  virtual ~FlowWatch() = default;
  virtual void flow_begins(std::size_t plane, EndpointId from, EndpointId to) = 0;
  virtual void flow_ends(std::size_t plane, EndpointId from, EndpointId to) = 0;
};

/// Who says how flows share links; both do it max-min fairly and give the same ends, rounding aside.
enum class Solver : std::uint8_t {
  Flat,     ///< ours (FlatCarrier)
  SimGrid,  ///< the reference (SimGridCarrier). One engine per process: SimGrid's clock and registries are
            ///< process-wide, a second Engine that uses it throws BugError
};

/// The clock, the events and the flows of one run. The only door to SimGrid.
///
/// Events run from our own heap. Another clock, that of the flows, runs only while some are in flight; at the start of
/// the first of them the two are pinned together.
class Engine {
 public:
  /// One FlowNetwork per plane that carries flows; may be empty. Endpoints are numbered per plane. `interval`: of the
  /// series of LinkUse, doubled until a run has at most 4,096 of them.
  explicit Engine(const std::vector<topologies::FlowNetwork>& planes, SimTime interval = SimTime{1'000'000'000},
                  Solver solver = Solver::Flat);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] SimTime now() const;

  /// REQUIRES: when >= now(); handler outlives the event.
  void at(SimTime when, std::uint64_t rank, EventHandler& handler, std::uint64_t what);

  /// The same for something that only matters while other things happen, a time-out: when nothing but alarms is left,
  /// the run ends without them.
  void alarm(SimTime when, std::uint64_t rank, EventHandler& handler, std::uint64_t what);

  /// From a handler: this event does nothing, it was overtaken by others.
  void pass();
  /// When the last event came that did not pass.
  [[nodiscard]] SimTime last() const;

  /// Moves `size` bytes from one endpoint to another of plane `plane` (index into the constructor's list), after
  /// `delay` (software, wire latency; to the nearest ns). Flows share links max-min fairly. When the last byte has
  /// arrived, to the next whole ns and at least 1 ns after the first, `handler` gets `what` as an event of rank
  /// rank_of_flow(flow), flow being the number of this call. Parts of a byte count as a whole one.
  /// A flow from an endpoint to itself, or of 0 bytes, takes the delay alone, and no link sees it.
  /// REQUIRES: both endpoints on `plane`, with a trunk at both domains if these differ; handler outlives the flow.
  void transfer(std::size_t plane, EndpointId from, EndpointId to, Bytes size, Seconds delay, EventHandler& handler,
                std::uint64_t what, Traffic traffic = Traffic::HandOff);

  /// Bytes that came along evenly between two instants, so thinly that nobody noticed: they count for the links' bytes,
  /// slow no flow and keep no link busy. REQUIRES: as transfer(); began <= ended.
  void trickle(std::size_t plane, EndpointId from, EndpointId to, Bytes size, SimTime began, SimTime ended,
               Traffic traffic);

  /// From now on flows share so much of a link; what LinkUse calls its bandwidth stays. Flows on their way go on at
  /// their new rates. REQUIRES: the plane has that link, a domain with a trunk; bandwidth > 0.
  void set_bandwidth(std::size_t plane, const LinkPlace& link, BytesPerSecond bandwidth);

  /// Null: nobody. REQUIRES: outlives the run.
  void watch(FlowWatch* watch);

  /// Until nothing is left to happen, or stop() was called. Rethrows what left a handler. REQUIRES: not called before.
  void run();

  /// From a handler: no event after the current one; flows in flight are abandoned.
  void stop();

  [[nodiscard]] std::uint64_t events() const;  ///< handled so far
  [[nodiscard]] std::uint64_t flows() const;   ///< asked for so far: calls of transfer()

  /// One row per link and direction, planes in order, pods, domains (those with a trunk), endpoints, up before down.
  /// A flow counts for its links' busy time from its start, and for their bytes at its end.
  [[nodiscard]] std::vector<LinkUse> link_use() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tokenyard::engine
