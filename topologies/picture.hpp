#pragma once

#include "topologies/topology.hpp"

#include <string>

namespace tokenyard::topologies {

/// The whole drawing in Graphviz's language: a subgraph a plane, a vertex for every chip and switch, an edge for every
/// bundle of cables with its rate. For `dot -Tsvg` or a graph viewer.
[[nodiscard]] std::string dot(const Topology& topology);

/// A picture of every plane: chips below, first switches, spines and core switches above, and the cables between them.
/// A tier of more than 96 chips or 32 switches is cut off there; its label says how many there are.
[[nodiscard]] std::string svg(const Topology& topology);

}  // namespace tokenyard::topologies
