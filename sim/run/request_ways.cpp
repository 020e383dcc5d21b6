#include "sim/run/request_ways.hpp"

#include "models/base/errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace tokenyard {
namespace {

using topologies::FlowNetwork;
using topologies::Topology;

/// One way from the users to a chip.
Seconds latency_of(const Topology& topology, PlaneId plane, ChipId chip) {
  const topologies::PlaneInfo& info = topology.planes()[plane.index()];
  const std::uint32_t domain = topology.domain(chip, plane);
  for (std::uint32_t i = 0; i < topology.chip_count(); ++i) {
    const ChipId other{i};
    if (other == chip || topology.port(other, plane) <= BytesPerSecond{}) continue;
    const std::uint32_t there = topology.domain(other, plane);
    if (info.domains > 1 && there == domain) continue;
    if (info.pods > 1 && topology.pod(there, plane) == topology.pod(domain, plane)) continue;
    return topology.latency(chip, other, plane);
  }
  return {};
}

/// A port of every node that has the first chip of an instance, efficiency included.
BytesPerSecond ports(const Topology& topology, PlaneId plane, const std::vector<std::vector<PlacedInstance>>& placed) {
  BytesPerSecond sum;
  std::set<std::uint32_t> nodes;
  for (const std::vector<PlacedInstance>& instances : placed) {
    for (const PlacedInstance& instance : instances) {
      const ChipId chip = instance.chips[0];
      if (nodes.insert(topology.place(chip).node).second) sum += topology.port(chip, plane);
    }
  }
  return sum * topology.planes()[plane.index()].efficiency;
}

/// Beyond all domains, or in the only one.
EndpointId add_users(bool beyond, BytesPerSecond bandwidth, FlowNetwork& network) {
  std::uint32_t domain = 0;
  if (beyond) {
    topologies::FlowDomain own{.name = "domain users", .trunk = bandwidth};
    if (!network.pods.empty()) {
      own.pod = static_cast<std::uint32_t>(network.pods.size());
      network.pods.push_back({.name = "pod users", .trunk = bandwidth});
    }
    domain = static_cast<std::uint32_t>(network.domains.size());
    network.domains.push_back(std::move(own));
  }
  network.endpoints.push_back({.name = "users", .domain = domain, .bandwidth = bandwidth});
  return EndpointId{static_cast<std::uint32_t>(network.endpoints.size() - 1)};
}

}  // namespace

std::optional<PlaneId> front_end_plane(const Topology& topology, const config::Experiment& experiment,
                                       const std::vector<std::vector<PlacedInstance>>& placed) {
  if (!experiment.planes.front_end) return std::nullopt;
  const PlaneId plane = topology.plane(*experiment.planes.front_end);
  const topologies::PlaneInfo& info = topology.planes()[plane.index()];
  for (std::size_t p = 0; p < placed.size(); ++p) {
    for (std::size_t i = 0; i < placed[p].size(); ++i) {
      const auto fail = [&](ChipId chip, const char* why) {
        experiment.source->fail(
            "planes.front_end",
            fmt::format("users do not reach instance {} of pool '{}': {} chip {} ({}); take a plane that leads out, "
                        "such as '{}'",
                        i, experiment.pools[p].name, fmt::format(fmt::runtime(why), info.name), chip.index(),
                        topology.place(chip).kind, topology.planes()[topology.front_end().index()].name));
      };
      for (const ChipId chip : placed[p][i].chips) {
        if (topology.port(chip, plane) <= BytesPerSecond{}) fail(chip, "'{}' has no link for");
      }
      const ChipId first = placed[p][i].chips[0];
      const bool beyond = topology.trunk(topology.domain(first, plane), plane) > BytesPerSecond{};
      // A scale-out network of one leaf has a port for users as well; a scale-up one does not.
      const bool beside = info.domains == 1 && (info.front_end || plane == topology.scale_out());
      if (!beyond && !beside) fail(first, "'{}' ends in the domain of");
    }
  }
  return plane;
}

void join_users(const config::Experiment& experiment, const std::vector<std::vector<PlacedInstance>>& placed,
                PlaneId plane, const FindInstance& find, Assembly& assembly) {
  const Topology& topology = assembly.topology;
  const config::RequestTransferSpec& spec = experiment.request_transfer;
  const std::size_t number = find(0, 0).network;
  const bool beyond = topology.trunk(topology.domain(placed[0][0].chips[0], plane), plane) > BytesPerSecond{};
  const EndpointId users =
      add_users(beyond, spec.bandwidth.value_or(ports(topology, plane, placed)), assembly.networks.at(number));
  // Those who look at its flows know the users too.
  if (assembly.hand_off && assembly.hand_off->plane == number) assembly.hand_off->network = assembly.networks[number];
  if (assembly.links && assembly.links->plane == number) assembly.links->network = assembly.networks[number];
  for (std::size_t p = 0; p < placed.size(); ++p) {
    for (std::size_t i = 0; i < placed[p].size(); ++i) {
      const InstanceEndpoint at = find(p, i);
      expect(at.network == number, "all instances stand on the one network of a plane");
      serving::InstanceSettings& instance = assembly.pools[p].instances[i];
      instance.requests = serving::RequestWay{.network = number,
                                              .users = users,
                                              .instance = at.endpoint,
                                              .latency = latency_of(topology, plane, placed[p][i].chips[0]),
                                              .prompt_token = spec.prompt_token,
                                              .output_token = spec.output_token};
      instance.front_end.way_back = SimTime::from(instance.requests->latency);
    }
  }
}

}  // namespace tokenyard
