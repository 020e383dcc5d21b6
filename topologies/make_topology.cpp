#include "topologies/make_topology.hpp"

#include "topologies/canvas.hpp"

#include <type_traits>
#include <utility>

namespace tokenyard::topologies {
namespace {

/// The NICs of every site under its gateway, the gateways under one core.
void draw_wan(const WanWiring& wiring, const std::vector<Canvas>& sites) {
  TopologyBuilder& builder = sites[0].builder;
  const PlaneId plane = sites[0].plane;
  const VertexId core = builder.add_shared_port(plane);  // the provider's network: no switch of ours
  for (std::uint32_t site = 0; site < sites.size(); ++site) {
    const Canvas& canvas = sites[site];
    const VertexId gateway = builder.add_switch(plane);
    for (const AttachedNode& node : canvas.nodes) {
      for (std::uint32_t i = 0; i < node.chips; ++i) {
        builder.connect(plane, canvas.chip(node, i), gateway,
                        {.count = node.links, .rate = canvas.link_of(node), .latency = canvas.lower()});
      }
    }
    builder.connect(plane, gateway, core,
                    {.count = 1,
                     .rate = wiring.uplink * (canvas.spec.in_service * canvas.trunk_factor(site)),
                     .latency = canvas.upper()});
  }
}

void draw_plane(const PlaneSpec& plane, const TopologySpec& machine, TopologyBuilder& builder) {
  PlaneInfo info{.name = plane.name,
                 .efficiency = plane.efficiency,
                 .path_efficiency = plane.path_efficiency,
                 .in_network_reduction = plane.in_network_reduction};
  const auto* wan = std::get_if<WanWiring>(&plane.wiring);
  if (wan != nullptr) {
    info.wide_area = true;
    // Latencies are one way: a round trip is two of them.
    info.flow_limit = wan->window * static_cast<double>(wan->streams) / (2.0 * plane.latency_across);
  }
  const PlaneId id = builder.add_plane(info);
  std::vector<Canvas> sites;
  for (auto& nodes : nodes_by_site(plane, machine)) sites.push_back({builder, id, plane, std::move(nodes)});
  if (wan != nullptr) {
    draw_wan(*wan, sites);
    return;
  }
  std::uint32_t domains = 0;
  for (Canvas& canvas : sites) {
    canvas.first_domain = domains;
    domains += std::visit(
        [&](const auto& wiring) {
          if constexpr (std::is_same_v<std::decay_t<decltype(wiring)>, WanWiring>) {
            return 0U;  // drawn above, over all sites at once
          } else {
            return draw(wiring, canvas);
          }
        },
        plane.wiring);
  }
}

}  // namespace

Topology make_topology(const TopologySpec& spec) {
  validate(spec);
  TopologyBuilder builder(spec.name);
  std::uint32_t node = 0;
  for (const NodeGroupSpec& group : spec.groups) {
    for (std::uint32_t i = 0; i < group.nodes; ++i, ++node) {
      for (std::uint32_t chip = 0; chip < spec.chips_per_node_of(group); ++chip) {
        builder.add_chip({.kind = group.chip, .node = node, .rack = node / spec.nodes_per_rack, .site = group.site});
      }
    }
  }
  for (const PlaneSpec& plane : spec.planes) draw_plane(plane, spec, builder);
  return builder.build();
}

}  // namespace tokenyard::topologies
