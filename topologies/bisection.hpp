#pragma once

#include "topologies/topology.hpp"

#include <span>

namespace tokenyard::topologies {

/// What can flow from one half of the chips to the other over a plane, per direction, wire rate: the maximum flow over
/// its cables (push-relabel, Boost.Graph) from the lower numbered half to the rest; of a torus the least over the
/// halvings along each of its even dimensions. Of a plane that does not join its chips: of those that its first chip
/// reaches. Chips are numbered node by node, domain by domain, so that this is the narrowest halving of every wiring
/// here whose numbers of domains and pods are even (tests compare it with the closed forms). Rates are taken in whole
/// bytes a second. 0 when the first chip reaches no other.
[[nodiscard]] BytesPerSecond bisection(const Topology& topology, PlaneId plane);

/// What can flow from some chips to others over a plane, likewise; chips that are in neither set pass on what comes, as
/// those of a torus do. 0 when no way leads there. REQUIRES: no chip is in both sets, neither is empty.
[[nodiscard]] BytesPerSecond flow_between(const Topology& topology, PlaneId plane, std::span<const ChipId> from,
                                          std::span<const ChipId> to);

}  // namespace tokenyard::topologies
