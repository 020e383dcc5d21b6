#include "topologies/make_topology.hpp"

#include "topologies/canvas.hpp"

#include <algorithm>
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

Drawn draw_plane(const PlaneSpec& plane, const TopologySpec& machine, TopologyBuilder& builder) {
  PlaneInfo info{.name = plane.name,
                 .efficiency = plane.efficiency,
                 .path_efficiency = plane.path_efficiency,
                 .in_network_reduction = plane.in_network_reduction,
                 .aside = plane.front_end || std::holds_alternative<HostWiring>(plane.wiring),
                 .front_end = plane.front_end};
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
    return {};
  }
  Drawn all;
  for (Canvas& canvas : sites) {
    canvas.first_domain = all.domains;
    const Drawn drawn = std::visit(
        [&](const auto& wiring) {
          if constexpr (std::is_same_v<std::decay_t<decltype(wiring)>, WanWiring>) {
            return Drawn{};  // drawn above, over all sites at once
          } else {
            return draw(wiring, canvas);
          }
        },
        plane.wiring);
    all.domains += drawn.domains;
    all.first.insert(all.first.end(), drawn.first.begin(), drawn.first.end());
    if (all.top.empty()) all.top = drawn.top;  // of the first site
  }
  return all;
}

/// The devices of a store, as far from a switch as chips are.
void draw_store(const StoreSpec& store, PlaneId on, const PlaneSpec& plane, const Drawn& drawn,
                TopologyBuilder& builder) {
  const BytesPerSecond port = store.link * store.links;
  const BytesPerSecond payload = port * plane.efficiency;
  const auto least = [&](BytesPerSecond medium) {
    return medium > BytesPerSecond{} ? std::min(medium, payload) : payload;
  };
  const StoreId id = builder.add_store({.name = store.name,
                                        .kind = store.kind,
                                        .plane = on,
                                        .devices = 0,
                                        .in_domains = !store.nodes.has_value(),
                                        .port = port,
                                        .read = least(store.read),
                                        .write = least(store.write),
                                        .latency = store.latency,
                                        .capacity = store.capacity});
  const CableSpec cable{.count = store.links, .rate = store.link, .latency = plane.latency / 2.0};
  if (store.nodes) {
    for (std::uint32_t i = 0; i < *store.nodes; ++i) builder.add_device(id, drawn.top, cable);
    return;
  }
  for (const std::vector<VertexId>& first : drawn.first) builder.add_device(id, first, cable);
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
  std::vector<Drawn> drawn;
  for (const PlaneSpec& plane : spec.planes) drawn.push_back(draw_plane(plane, spec, builder));
  for (const StoreSpec& store : spec.stores) {
    const std::size_t on = plane_of(store, spec);
    draw_store(store, PlaneId{static_cast<std::uint32_t>(on)}, spec.planes[on], drawn[on], builder);
  }
  return builder.build();
}

}  // namespace tokenyard::topologies
