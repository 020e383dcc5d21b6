#pragma once

#include "sim/engine/flow_carrier.hpp"

#include <memory>
#include <vector>

namespace tokenyard::engine {

/// Carries flows with SimGrid, and keeps the two clocks together.
///
/// SimGrid's clock is a double in seconds that runs only while flows are in flight; each time a first flow takes off,
/// the two clocks are pinned together anew.
///
/// SimGrid tells of an ended flow only to whoever waits for it. So each flow in flight has a worker actor that does;
/// workers are made on demand and used again.
class SimGridCarrier final : public FlowCarrier {
 public:
  /// Throws BugError when this process has started SimGrid before: its clock and registries are process-wide.
  explicit SimGridCarrier(const std::vector<topologies::FlowNetwork>& planes);
  ~SimGridCarrier() override;

  void run(std::function<void()> events) override;
  void start(std::uint32_t flow, std::size_t plane, EndpointId from, EndpointId to, std::uint64_t bytes,
             SimTime now) override;
  void set_bandwidth(std::size_t plane, const LinkPlace& link, BytesPerSecond bandwidth) override;
  [[nodiscard]] bool wait(SimTime until, std::vector<EndedFlow>& ended) override;

 private:
  struct Crew;
  std::unique_ptr<Crew> crew_;
};

}  // namespace tokenyard::engine
