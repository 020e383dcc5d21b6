#pragma once

#include "topologies/plane_paths.hpp"
#include "topologies/topology.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenyard::topologies {

/// A direct cable to another chip (mesh wiring), as seen from one of its ends.
struct DirectLink {
  std::uint32_t to = 0;
  BytesPerSecond rate;
};

/// Chips that meet through their first switches, and what leads out of them.
struct LeafDomain {
  std::uint32_t chips = 0;
  BytesPerSecond trunk;  ///< wire rate of the cables that leave the domain, per direction
  std::uint32_t pod = 0;
  std::uint32_t first_chip = 0;
};

/// Leaf domains that meet below the core switches.
struct Pod {
  std::uint32_t chips = 0;
  BytesPerSecond trunk;  ///< wire rate of the cables to the core, per direction
};

/// What is kept of one plane's drawing.
struct PlaneGraph {
  PlaneInfo info;
  std::uint32_t vertices = 0;  ///< chips, then switches and shared ports
  std::uint32_t switches = 0;
  std::uint64_t cables = 0;
  std::vector<BytesPerSecond> port;   ///< by ChipId; 0 = no port
  std::vector<std::uint32_t> domain;  ///< by ChipId; meaningless without a port
  std::vector<LeafDomain> domains;
  std::vector<Pod> pods;                        ///< empty without a third tier
  std::vector<std::vector<DirectLink>> direct;  ///< by ChipId; empty when no two chips are cabled directly
  std::vector<DrawnCable> drawn;
  std::vector<DrawnDevice> devices;
  std::optional<TorusGrid> torus;
  PlanePaths paths;
};

/// Body of Topology; filled by TopologyBuilder.
struct Topology::Graph {
  std::string name;
  std::vector<ChipPlace> chips;
  std::vector<PlaneInfo> infos;
  std::vector<PlaneGraph> planes;
  PlaneId scale_out;
  std::optional<PlaneId> wide_area;
  std::vector<StoreInfo> stores;
};

/// Whether a pool stands above the plane's leaf domains or in several: then trunks lie between it and the chips.
[[nodiscard]] bool is_beyond(const PlaneGraph& plane, StoreId store);

/// Throws SpecError("plane", ...) unless the chip has a port there. REQUIRES (of whoever asks): chip and plane exist.
void require_port(const Topology& topology, const PlaneGraph& plane, ChipId chip);

}  // namespace tokenyard::topologies
