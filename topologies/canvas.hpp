#pragma once

#include "topologies/spec.hpp"
#include "topologies/topology_builder.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::topologies {

/// Everything a wiring needs to draw one plane in one site.
struct Canvas {
  TopologyBuilder& builder;
  PlaneId plane;
  const PlaneSpec& spec;
  std::vector<AttachedNode> nodes;  ///< of the site
  std::uint32_t first_domain = 0;   ///< leaf domains of this plane in earlier sites

  [[nodiscard]] VertexId chip(const AttachedNode& node, std::uint32_t place) const {
    return VertexId{node.first_chip + place};  // chips are the first vertices of every plane
  }
  /// A path inside a domain is two cables: chip, switch, chip.
  [[nodiscard]] Seconds lower() const { return spec.latency / 2.0; }
  /// A path across adds two cables: first switch, spine, first switch.
  [[nodiscard]] Seconds upper() const { return (spec.latency_across - spec.latency) / 2.0; }
  /// A path between pods adds two more: spine, core, spine.
  [[nodiscard]] Seconds top() const { return (spec.latency_pods - spec.latency_across) / 2.0; }

  /// Rate of a link that works, and of one of a node or above the first switches of a domain (of this site).
  [[nodiscard]] BytesPerSecond link() const { return spec.link * spec.in_service; }
  [[nodiscard]] BytesPerSecond link_of(const AttachedNode& node) const {
    double factor = 1.0;
    for (const Degraded& part : spec.degraded) {
      if (part.node == node.node) factor *= part.factor;
    }
    return link() * factor;
  }
  [[nodiscard]] double trunk_factor(std::uint32_t domain) const {
    double factor = 1.0;
    for (const Degraded& part : spec.degraded) {
      if (part.domain == first_domain + domain) factor *= part.factor;
    }
    return factor;
  }
};

/// What a wiring drew in one site, and where stores can be attached to it.
struct Drawn {
  std::uint32_t domains = 0;                   ///< leaf domains
  std::vector<std::vector<VertexId>> first{};  ///< their first switches; empty: it has none
  std::vector<VertexId> top{};                 ///< what joins all of them; empty: nothing does
};

// One overload a wiring. draw_switched.cpp:
Drawn draw(const SwitchedWiring& wiring, const Canvas& canvas);
Drawn draw(const LeafSpineWiring& wiring, const Canvas& canvas);
Drawn draw(const SharedPortWiring& wiring, const Canvas& canvas);
Drawn draw(const HostWiring& wiring, const Canvas& canvas);
// draw_direct.cpp:
Drawn draw(const MeshWiring& wiring, const Canvas& canvas);
Drawn draw(const TorusWiring& wiring, const Canvas& canvas);
Drawn draw(const DragonflyWiring& wiring, const Canvas& canvas);

}  // namespace tokenyard::topologies
