#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "sim/engine/byte_series.hpp"
#include "sim/engine/engine.hpp"
#include "sim/engine/plane_links.hpp"
#include "topologies/topology.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tokenyard::engine {

/// Adds up what flows do to the links of one plane.
class LinkMeter {
 public:
  /// `interval`: of the series of bytes.
  explicit LinkMeter(const topologies::FlowNetwork& plane, SimTime interval = SimTime{1'000'000'000});

  [[nodiscard]] const PlaneLinks& links() const { return links_; }

  /// A flow begins or ends at an instant; `began`: when it did. REQUIRES: links().connects(from, to); instants do not
  /// go back.
  void begin(EndpointId from, EndpointId to, SimTime at);
  void end(EndpointId from, EndpointId to, Bytes size, SimTime began, SimTime at, Traffic traffic = Traffic::HandOff);

  /// Bytes without a flow, evenly between two instants.
  void count(EndpointId from, EndpointId to, Bytes size, SimTime began, SimTime ended, Traffic traffic);

  /// Pods, domains (those with a trunk), then endpoints, each up then down. A flow in flight at `now` is busy time, but
  /// no bytes.
  [[nodiscard]] std::vector<LinkUse> rows(SimTime now) const;

 private:
  struct Counter {
    std::uint64_t flows = 0;  ///< in flight
    SimTime since;            ///< busy since then, if flows > 0
    SimTime busy;
    /// Of one kind of traffic.
    struct Carried {
      Bytes bytes;
      ByteSeries series;
      explicit Carried(SimTime interval) : series(interval) {}
    };
    Carried hand_offs;
    Carried collectives;
    Carried tiers;
    Carried requests;
    explicit Counter(SimTime interval)
        : hand_offs(interval), collectives(interval), tiers(interval), requests(interval) {}
    [[nodiscard]] Carried& of(Traffic traffic) {
      switch (traffic) {
        case Traffic::HandOff:
          return hand_offs;
        case Traffic::Collective:
          return collectives;
        case Traffic::Tier:
          return tiers;
        case Traffic::Request:
          break;
      }
      return requests;
    }
    void count(Bytes size, SimTime began, SimTime ended, Traffic traffic) {
      Carried& carried = of(traffic);
      carried.bytes += size;
      carried.series.add(began, ended, size.value());
    }
  };

  [[nodiscard]] std::string name(const LinkPlace& place) const;

  topologies::FlowNetwork plane_;
  PlaneLinks links_;
  std::vector<Counter> counters_;  ///< by number of the link
};

}  // namespace tokenyard::engine
