#pragma once

#include "topologies/topology.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tokenyard::topologies {

/// Where a cable ends: a chip, a switch or a port that several chips share. Valid on the plane that made it; a chip is
/// valid on all planes.
using VertexId = Id<struct VertexTag>;

/// `count` alike cables side by side.
struct CableSpec {
  std::uint32_t count = 1;
  BytesPerSecond rate;  ///< of one, per direction
  Seconds latency;      ///< one way, its share of the devices at its ends included
};

/// Draws a machine cable by cable; the only way to a Topology.
/// All chips come before the first plane: chips are the first vertices of every plane.
class TopologyBuilder {
 public:
  explicit TopologyBuilder(std::string name);

  /// Chips are numbered in order of this call. REQUIRES: no plane yet.
  VertexId add_chip(ChipPlace place);
  /// Planes are numbered in order of this call. `info.domains` is ignored: it is derived.
  PlaneId add_plane(PlaneInfo info);
  VertexId add_switch(PlaneId plane);
  /// A device of a node through which several chips reach the plane; not counted as a switch.
  VertexId add_shared_port(PlaneId plane);
  /// REQUIRES: both ends exist on the plane and differ; count >= 1; rate > 0.
  void connect(PlaneId plane, VertexId a, VertexId b, const CableSpec& cable);

  /// Derives domains, trunks, ports and paths. Throws SpecError("planes", ...) when no plane joins all chips, and when
  /// two planes have one name. Leaves the builder empty.
  [[nodiscard]] Topology build();

 private:
  struct Drawn {
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    CableSpec cable;
  };
  struct Plane {
    PlaneInfo info;
    std::uint32_t vertices = 0;
    std::uint32_t switches = 0;
    std::vector<Drawn> cables;
  };
  std::string name_;
  std::vector<ChipPlace> chips_;
  std::vector<Plane> planes_;
};

}  // namespace tokenyard::topologies
