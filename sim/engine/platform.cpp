#include "sim/engine/platform.hpp"

#include "models/base/errors.hpp"

#include <simgrid/s4u.hpp>

#include <string>

namespace tokenyard::engine {

namespace {

namespace sg = simgrid::s4u;

constexpr double kSpeed = 1e9;  // FLOP/s that nobody uses: no actor of ours computes
constexpr double kOpen = 1e18;  // B/s of a link that holds nobody up

sg::SplitDuplexLink* connect_host(sg::NetZone& star, sg::Host& host, const std::string& name,
                                  BytesPerSecond bandwidth) {
  sg::SplitDuplexLink* link = star.create_split_duplex_link(name, bandwidth.value());
  link->set_latency(0.0)->seal();
  star.add_route(host.get_netpoint(), nullptr, nullptr, nullptr, {{link, sg::LinkInRoute::Direction::UP}}, true);
  return link;
}

/// Where routes leave a zone. SimGrid 3.32 looks a gateway up among the children of its zone: beside hosts it may stand
/// by itself, beside zones (`of_zones`) it must be in one of its own, or routes take the first child's links.
simgrid::kernel::routing::NetPoint* add_gateway(sg::NetZone& zone, const std::string& id, bool of_zones) {
  if (!of_zones) return zone.create_router(id + ".gateway");
  sg::NetZone* gate = sg::create_star_zone(id + ".gate")->set_parent(&zone);
  auto* gateway = gate->create_router(id + ".gateway");
  gate->seal();
  sg::Link* open = zone.create_link(id + ".open", kOpen);
  open->set_sharing_policy(sg::Link::SharingPolicy::FATPIPE)->set_latency(0.0)->seal();
  zone.add_route(gate->get_netpoint(), nullptr, gateway, nullptr, {sg::LinkInRoute(open)}, true);
  return gateway;
}

/// A zone below `above`, joined to it by a trunk (and, between domains, through the limit of one flow); gives the
/// trunk, null if there is none.
sg::SplitDuplexLink* connect_zone(sg::NetZone& above, sg::NetZone& zone, const std::string& id, BytesPerSecond trunk,
                                  BytesPerSecond flow_limit, bool of_zones) {
  auto* gateway = add_gateway(zone, id, of_zones);
  zone.seal();
  if (trunk.value() <= 0.0) return nullptr;
  sg::SplitDuplexLink* link = above.create_split_duplex_link(id + ".trunk", trunk.value());
  link->set_latency(0.0)->seal();
  std::vector<sg::LinkInRoute> route{{link, sg::LinkInRoute::Direction::UP}};
  if (flow_limit.value() > 0.0) {
    sg::Link* limit = above.create_link(id + ".limit", flow_limit.value());
    limit->set_sharing_policy(sg::Link::SharingPolicy::FATPIPE)->set_latency(0.0)->seal();
    route.emplace_back(limit);
  }
  above.add_route(zone.get_netpoint(), nullptr, gateway, nullptr, route, true);
  return link;
}

/// Names are ours alone and unique in SimGrid's tables; people see those of link_use().
PlatformPlane build_plane(sg::NetZone& root, const topologies::FlowNetwork& plane, const std::string& name) {
  sg::NetZone* core = sg::create_star_zone(name)->set_parent(&root);
  std::vector<sg::NetZone*> pods;
  for (std::size_t p = 0; p < plane.pods.size(); ++p) {
    pods.push_back(sg::create_star_zone(name + ".p" + std::to_string(p))->set_parent(core));
  }
  const auto above = [&](const topologies::FlowDomain& domain) { return pods.empty() ? core : pods[domain.pod]; };
  std::vector<sg::NetZone*> leaves;
  for (const topologies::FlowDomain& domain : plane.domains) {
    leaves.push_back(sg::create_star_zone(name + ".d" + std::to_string(leaves.size()))->set_parent(above(domain)));
  }
  PlatformPlane built;
  for (std::size_t e = 0; e < plane.endpoints.size(); ++e) {
    const topologies::FlowEndpoint& endpoint = plane.endpoints[e];
    expect(endpoint.domain < leaves.size(), "a flow endpoint stands in a domain of its plane");
    expect(endpoint.bandwidth.value() > 0.0, "a flow endpoint has bandwidth");
    const std::string id = name + ".e" + std::to_string(e);
    sg::NetZone& leaf = *leaves[endpoint.domain];
    sg::Host* host = leaf.create_host(id, kSpeed)->seal();
    built.nics.push_back(connect_host(leaf, *host, id + ".nic", endpoint.bandwidth));
    if (endpoint.receive.value() > 0.0) built.nics.back()->get_link_down()->set_bandwidth(endpoint.receive.value());
    built.endpoints.push_back(host);
  }
  for (std::size_t d = 0; d < leaves.size(); ++d) {
    built.trunks.push_back(connect_zone(*above(plane.domains[d]), *leaves[d], name + ".d" + std::to_string(d),
                                        plane.domains[d].trunk, plane.flow_limit, false));
  }
  for (std::size_t p = 0; p < pods.size(); ++p) {
    built.pods.push_back(connect_zone(*core, *pods[p], name + ".p" + std::to_string(p), plane.pods[p].trunk, {}, true));
  }
  core->seal();
  return built;
}

}  // namespace

Platform build_platform(sg::Engine& engine, const std::vector<topologies::FlowNetwork>& planes) {
  static_cast<void>(engine);  // SimGrid's zones find it by themselves; taking it says that it must run
  sg::NetZone* root = sg::create_full_zone("tokenyard");
  Platform platform{.desk = root->create_host("desk", kSpeed)->seal(), .planes = {}};
  for (std::size_t p = 0; p < planes.size(); ++p) {
    platform.planes.push_back(build_plane(*root, planes[p], "p" + std::to_string(p)));
  }
  root->seal();
  return platform;
}

}  // namespace tokenyard::engine
