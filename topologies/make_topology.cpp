#include "topologies/make_topology.hpp"

#include "topologies/topology_builder.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::topologies {
namespace {

/// Everything a wiring needs to draw one plane.
struct Canvas {
  TopologyBuilder& builder;
  PlaneId plane;
  const PlaneSpec& spec;
  std::vector<AttachedNode> nodes;
  std::uint32_t chips_per_node;

  [[nodiscard]] VertexId chip(const AttachedNode& node, std::uint32_t place) const {
    return VertexId{node.first_chip + place};  // chips are the first vertices of every plane
  }
  /// A path inside a domain is two cables: chip, switch, chip.
  [[nodiscard]] Seconds lower() const { return spec.latency / 2.0; }
  /// A path across adds two cables: first switch, spine, first switch.
  [[nodiscard]] Seconds upper() const { return (spec.latency_across - spec.latency) / 2.0; }
};

void draw(const MeshWiring&, const Canvas& canvas) {
  for (const AttachedNode& node : canvas.nodes) {
    for (std::uint32_t i = 0; i < canvas.chips_per_node; ++i) {
      for (std::uint32_t j = i + 1; j < canvas.chips_per_node; ++j) {
        canvas.builder.connect(canvas.plane, canvas.chip(node, i), canvas.chip(node, j),
                               {.count = node.links, .rate = canvas.spec.link, .latency = canvas.spec.latency});
      }
    }
  }
}

void draw(const SwitchedWiring& wiring, const Canvas& canvas) {
  const std::size_t per_domain = wiring.nodes_per_domain;
  const bool joined = wiring.spines > 0 && canvas.nodes.size() > per_domain;
  std::vector<std::vector<VertexId>> spines(joined ? wiring.switches : 0);
  for (std::vector<VertexId>& of_sub_plane : spines) {
    for (std::uint32_t i = 0; i < wiring.spines; ++i) of_sub_plane.push_back(canvas.builder.add_switch(canvas.plane));
  }
  for (std::size_t first = 0; first < canvas.nodes.size(); first += per_domain) {
    const std::size_t end = std::min(first + per_domain, canvas.nodes.size());
    for (std::uint32_t s = 0; s < wiring.switches; ++s) {
      const VertexId meeting = canvas.builder.add_switch(canvas.plane);
      std::uint32_t links_below = 0;
      for (std::size_t n = first; n < end; ++n) {
        const AttachedNode& node = canvas.nodes[n];
        // 18 links over 4 switches: the first two switches get 5, the others 4.
        const std::uint32_t links = node.links / wiring.switches + (s < node.links % wiring.switches ? 1 : 0);
        links_below += links * canvas.chips_per_node;
        for (std::uint32_t i = 0; i < canvas.chips_per_node; ++i) {
          canvas.builder.connect(canvas.plane, canvas.chip(node, i), meeting,
                                 {.count = links, .rate = canvas.spec.link, .latency = canvas.lower()});
        }
      }
      if (!joined) continue;
      const BytesPerSecond below = canvas.spec.link * links_below;
      for (const VertexId spine : spines[s]) {
        canvas.builder.connect(
            canvas.plane, meeting, spine,
            {.count = 1, .rate = below / (wiring.oversubscription * wiring.spines), .latency = canvas.upper()});
      }
    }
  }
}

/// Cables from `leaf` dealt out over the spines, the first spines first, so that any two leaves share one.
void join_leaf(const Canvas& canvas, VertexId leaf, std::uint32_t cables, const std::vector<VertexId>& spines) {
  const auto count = static_cast<std::uint32_t>(spines.size());
  for (std::uint32_t i = 0; i < std::min(cables, count); ++i) {
    canvas.builder.connect(
        canvas.plane, leaf, spines[i],
        {.count = cables / count + (i < cables % count ? 1 : 0), .rate = canvas.spec.link, .latency = canvas.upper()});
  }
}

void draw(const LeafSpineWiring& wiring, const Canvas& canvas) {
  const LeafSpineSize size = size_of(wiring, canvas.nodes, canvas.chips_per_node);
  const std::uint32_t leaves_per_block = wiring.rails ? canvas.chips_per_node : 1;
  std::vector<VertexId> leaves;
  std::vector<std::uint32_t> links_below(size.leaves, 0);
  for (std::uint32_t i = 0; i < size.leaves; ++i) leaves.push_back(canvas.builder.add_switch(canvas.plane));
  for (std::uint32_t n = 0; n < canvas.nodes.size(); ++n) {
    const AttachedNode& node = canvas.nodes[n];
    for (std::uint32_t i = 0; i < canvas.chips_per_node; ++i) {
      const std::uint32_t leaf = n / size.nodes_per_leaf * leaves_per_block + (wiring.rails ? i : 0);
      links_below[leaf] += node.links;
      canvas.builder.connect(canvas.plane, canvas.chip(node, i), leaves[leaf],
                             {.count = node.links, .rate = canvas.spec.link, .latency = canvas.lower()});
    }
  }
  if (size.leaves < 2) return;
  std::vector<std::uint32_t> links_above;
  std::uint32_t all_above = 0;
  for (const std::uint32_t below : links_below) {
    // Whole cables, rounded up; the tiny allowance keeps 48 / 3 = 16 from becoming 17 in floating point.
    links_above.push_back(static_cast<std::uint32_t>(std::ceil(below / wiring.oversubscription - 1e-9)));
    all_above += links_above.back();
  }
  std::vector<VertexId> spines;
  for (std::uint32_t ports = 0; ports < all_above; ports += wiring.spine_radix) {
    spines.push_back(canvas.builder.add_switch(canvas.plane));
  }
  for (std::uint32_t i = 0; i < size.leaves; ++i) join_leaf(canvas, leaves[i], links_above[i], spines);
}

void draw(const SharedPortWiring&, const Canvas& canvas) {
  const VertexId core = canvas.builder.add_switch(canvas.plane);
  for (const AttachedNode& node : canvas.nodes) {
    const VertexId port = canvas.builder.add_shared_port(canvas.plane);
    for (std::uint32_t i = 0; i < canvas.chips_per_node; ++i) {
      canvas.builder.connect(canvas.plane, canvas.chip(node, i), port,
                             {.count = 1, .rate = canvas.spec.link, .latency = canvas.lower()});
    }
    canvas.builder.connect(canvas.plane, port, core,
                           {.count = node.links, .rate = canvas.spec.link, .latency = canvas.upper()});
  }
}

}  // namespace

Topology make_topology(const TopologySpec& spec) {
  validate(spec);
  TopologyBuilder builder(spec.name);
  std::uint32_t node = 0;
  for (const NodeGroupSpec& group : spec.groups) {
    for (std::uint32_t i = 0; i < group.nodes; ++i, ++node) {
      for (std::uint32_t chip = 0; chip < spec.chips_per_node; ++chip) {
        builder.add_chip({.kind = group.chip, .node = node, .rack = node / spec.nodes_per_rack});
      }
    }
  }
  for (const PlaneSpec& plane : spec.planes) {
    const PlaneId id = builder.add_plane(
        {.name = plane.name, .domains = 0, .efficiency = plane.efficiency, .path_efficiency = plane.path_efficiency});
    const Canvas canvas{builder, id, plane, attached_nodes(plane, spec), spec.chips_per_node};
    std::visit([&](const auto& wiring) { draw(wiring, canvas); }, plane.wiring);
  }
  return builder.build();
}

}  // namespace tokenyard::topologies
