#pragma once

#include "topologies/spec.hpp"
#include "topologies/topology.hpp"

namespace tokenyard::topologies {

/// Draws the machine that `spec` describes. A latency of the spec is spread evenly over the cables of its path, so that
/// the shortest path between two chips of a domain, and of two domains, has the latency that the spec names.
/// Throws SpecError as validate() does.
[[nodiscard]] Topology make_topology(const TopologySpec& spec);

}  // namespace tokenyard::topologies
