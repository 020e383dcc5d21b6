#pragma once

#include "sim/engine/end_heap.hpp"
#include "sim/engine/flow_carrier.hpp"
#include "sim/engine/max_min.hpp"
#include "sim/engine/plane_links.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::engine {

/// Carries flows by itself: rates by MaxMin, bytes that are left brought up to date when a flow's rate changes, ends in
/// a heap. What starts, ends or changes at one instant is shared out once. Its clock counts nanoseconds and is pinned
/// anew every hour of busy network, so that it always resolves far less than kFlowPrecision.
class FlatCarrier final : public FlowCarrier {
 public:
  explicit FlatCarrier(const std::vector<topologies::FlowNetwork>& planes);

  void run(std::function<void()> events) override { events(); }
  void start(std::uint32_t flow, std::size_t plane, EndpointId from, EndpointId to, std::uint64_t bytes,
             SimTime now) override;
  void set_bandwidth(std::size_t plane, const LinkPlace& link, BytesPerSecond bandwidth) override;
  [[nodiscard]] bool wait(SimTime until, std::vector<EndedFlow>& ended) override;

 private:
  struct Plane {
    PlaneLinks links;
    std::uint32_t first_link = 0;  ///< in MaxMin
    double limit = 0.0;            ///< B/ns of one flow between two domains
  };
  struct Flow {
    double bytes = 0.0;  ///< left at `since_ns`
    double since_ns = 0.0;
    double rate = 0.0;  ///< B/ns since then
  };

  void share();
  void pin(SimTime now);

  std::vector<Plane> planes_;
  MaxMin sharing_;
  std::vector<Flow> flows_;
  EndHeap ends_;
  SimTime pin_;  ///< where the clock counts from
  double clock_ns_ = 0.0;
};

}  // namespace tokenyard::engine
