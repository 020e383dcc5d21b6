#pragma once

#include "models/base/ids.hpp"
#include "models/base/units.hpp"
#include "sim/engine/engine.hpp"
#include "topologies/topology.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tokenyard::engine {

/// The links that a flow crosses, by number: NICs, then trunks of domains, then of pods.
struct Route {
  static constexpr std::size_t kMost = 6;
  std::array<std::uint32_t, kMost> links{};
  std::uint32_t count = 0;

  [[nodiscard]] const std::uint32_t* begin() const { return links.data(); }
  [[nodiscard]] const std::uint32_t* end() const { return links.data() + count; }
  void add(std::uint32_t link) { links[count++] = link; }
};

/// Numbers from 0 for the directions of one plane's links: pods, domains, endpoints, each up before down.
class PlaneLinks {
 public:
  explicit PlaneLinks(const topologies::FlowNetwork& plane);

  [[nodiscard]] std::uint32_t count() const { return 2 * (pods_ + domains_ + endpoints_); }
  /// REQUIRES: the plane has what the link is of.
  [[nodiscard]] std::uint32_t number(const LinkPlace& place) const;
  [[nodiscard]] LinkPlace place(std::uint32_t number) const;
  /// Per direction; 0 for the trunk of a domain that nothing lies beyond.
  [[nodiscard]] BytesPerSecond bandwidth(std::uint32_t number) const { return bandwidths_[number]; }

  /// Whether flows can go from one endpoint to the other. REQUIRES: both exist.
  [[nodiscard]] bool connects(EndpointId from, EndpointId to) const;
  /// REQUIRES: connects(from, to).
  [[nodiscard]] Route route(EndpointId from, EndpointId to) const;

 private:
  std::uint32_t pods_;
  std::uint32_t domains_;
  std::uint32_t endpoints_;
  std::vector<BytesPerSecond> bandwidths_;  ///< by number
  std::vector<std::uint32_t> domain_of_;    ///< by endpoint
  std::vector<std::uint32_t> pod_of_;       ///< by domain
};

}  // namespace tokenyard::engine
