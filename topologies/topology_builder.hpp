#pragma once

#include "topologies/topology.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::topologies {

/// Where a cable ends: a chip, a switch or a port that several chips share. Valid on the plane that made it; a chip is
/// valid on all planes.
using VertexId = Id<struct VertexTag>;

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

  /// The plane is a torus (`grid` without places): distances are counted from the chips' places instead of searched.
  /// REQUIRES: every chip with a cable has a place; all calls have the same grid.
  void place_in_torus(PlaneId plane, const TorusGrid& grid, VertexId chip, const TorusPlace& place);

  /// Stores are numbered in order of this call; `info.devices` counts add_device().
  StoreId add_store(StoreInfo info);
  /// A device of the store, its `cable.count` links dealt out over `above`, vertices of the store's plane; a vertex
  /// that none comes to is left out. REQUIRES: above not empty.
  void add_device(StoreId store, const std::vector<VertexId>& above, const CableSpec& cable);

  /// Derives domains, trunks, ports and paths. Throws SpecError("planes", ...) when no plane joins all chips of every
  /// site, and when two planes have one name. Leaves the builder empty.
  [[nodiscard]] Topology build();

 private:
  struct Plane {
    PlaneInfo info;
    std::uint32_t vertices = 0;
    std::uint32_t switches = 0;
    std::vector<DrawnCable> cables;
    std::optional<TorusGrid> torus;
    std::vector<DrawnDevice> devices;
  };
  std::string name_;
  std::vector<ChipPlace> chips_;
  std::vector<Plane> planes_;
  std::vector<StoreInfo> stores_;
};

}  // namespace tokenyard::topologies
