#pragma once

#include "topologies/topology.hpp"

#include <cstddef>
#include <vector>

namespace simgrid::s4u {
class Engine;
class Host;
}  // namespace simgrid::s4u

namespace tokenyard::engine {

/// What SimGrid made of our planes.
struct Platform {
  simgrid::s4u::Host* desk;                                 ///< where actors live that are on no network
  std::vector<std::vector<simgrid::s4u::Host*>> endpoints;  ///< [plane][EndpointId]
};

/// One star per domain (in one per pod) in one star per plane: endpoint - its NICs - domain - trunk - (pod - trunk -)
/// core. A limit on single flows between domains is a link at each trunk that is not shared. Other links are
/// split-duplex and have no latency: SimGrid would share bandwidth in inverse proportion to it. A trunk of 0 is left
/// out. REQUIRES: bandwidths of endpoints > 0, domains of endpoints exist.
[[nodiscard]] Platform build_platform(simgrid::s4u::Engine& engine, const std::vector<topologies::FlowNetwork>& planes);

}  // namespace tokenyard::engine
