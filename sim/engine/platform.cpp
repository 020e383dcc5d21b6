#include "sim/engine/platform.hpp"

#include "models/base/errors.hpp"

#include <simgrid/s4u.hpp>

#include <string>

namespace tokenyard::engine {

namespace {

namespace sg = simgrid::s4u;

constexpr double kSpeed = 1e9;  // FLOP/s that nobody uses: no actor of ours computes

void connect(sg::NetZone& star, simgrid::kernel::routing::NetPoint* point, simgrid::kernel::routing::NetPoint* gateway,
             const std::string& name, BytesPerSecond bandwidth) {
  sg::SplitDuplexLink* link = star.create_split_duplex_link(name, bandwidth.value());
  link->set_latency(0.0)->seal();
  star.add_route(point, nullptr, gateway, nullptr, {{link, sg::LinkInRoute::Direction::UP}}, true);
}

/// Names are ours alone and unique in SimGrid's tables; people see those of link_use().
std::vector<sg::Host*> build_plane(sg::NetZone& root, const topologies::FlowNetwork& plane, const std::string& name) {
  sg::NetZone* core = sg::create_star_zone(name)->set_parent(&root);
  std::vector<sg::NetZone*> leaves;
  for (std::size_t d = 0; d < plane.domains.size(); ++d) {
    leaves.push_back(sg::create_star_zone(name + ".d" + std::to_string(d))->set_parent(core));
  }
  std::vector<sg::Host*> hosts;
  for (std::size_t e = 0; e < plane.endpoints.size(); ++e) {
    const topologies::FlowEndpoint& endpoint = plane.endpoints[e];
    expect(endpoint.domain < leaves.size(), "a flow endpoint stands in a domain of its plane");
    expect(endpoint.bandwidth.value() > 0.0, "a flow endpoint has bandwidth");
    const std::string id = name + ".e" + std::to_string(e);
    sg::NetZone& leaf = *leaves[endpoint.domain];
    sg::Host* host = leaf.create_host(id, kSpeed)->seal();
    connect(leaf, host->get_netpoint(), nullptr, id + ".nic", endpoint.bandwidth);
    hosts.push_back(host);
  }
  for (std::size_t d = 0; d < leaves.size(); ++d) {
    const std::string id = name + ".d" + std::to_string(d);
    auto* gateway = leaves[d]->create_router(id + ".gateway");
    leaves[d]->seal();
    if (plane.domains[d].trunk.value() > 0.0) {
      connect(*core, leaves[d]->get_netpoint(), gateway, id + ".trunk", plane.domains[d].trunk);
    }
  }
  core->seal();
  return hosts;
}

}  // namespace

Platform build_platform(sg::Engine& engine, const std::vector<topologies::FlowNetwork>& planes) {
  static_cast<void>(engine);  // SimGrid's zones find it by themselves; taking it says that it must run
  sg::NetZone* root = sg::create_full_zone("tokenyard");
  Platform platform{.desk = root->create_host("desk", kSpeed)->seal(), .endpoints = {}};
  for (std::size_t p = 0; p < planes.size(); ++p) {
    platform.endpoints.push_back(build_plane(*root, planes[p], "p" + std::to_string(p)));
  }
  root->seal();
  return platform;
}

}  // namespace tokenyard::engine
