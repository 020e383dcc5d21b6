#pragma once

#include "topologies/topology.hpp"

#include <cstddef>
#include <vector>

namespace simgrid::s4u {
class Engine;
class Host;
class SplitDuplexLink;
}  // namespace simgrid::s4u

namespace tokenyard::engine {

/// What SimGrid made of one plane.
struct PlatformPlane {
  std::vector<simgrid::s4u::Host*> endpoints;          ///< by EndpointId
  std::vector<simgrid::s4u::SplitDuplexLink*> nics;    ///< likewise
  std::vector<simgrid::s4u::SplitDuplexLink*> trunks;  ///< by domain; null without one
  std::vector<simgrid::s4u::SplitDuplexLink*> pods;    ///< trunks by pod, likewise
};

/// What it made of all.
struct Platform {
  simgrid::s4u::Host* desk;           ///< where actors live that are on no network
  std::vector<PlatformPlane> planes;  ///< in the order given
};

/// One star per domain (in one per pod) in one star per plane: endpoint - its NICs - domain - trunk - (pod - trunk -)
/// core. A limit on single flows between domains is a link at each trunk that is not shared. Other links are
/// split-duplex and have no latency: SimGrid would share bandwidth in inverse proportion to it. A trunk of 0 is left
/// out. REQUIRES: bandwidths of endpoints > 0, domains of endpoints exist.
[[nodiscard]] Platform build_platform(simgrid::s4u::Engine& engine, const std::vector<topologies::FlowNetwork>& planes);

}  // namespace tokenyard::engine
