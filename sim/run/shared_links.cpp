#include "sim/run/shared_links.hpp"

#include "models/base/errors.hpp"
#include "sim/run/instance_network.hpp"

#include <algorithm>
#include <cstddef>
#include <map>

namespace tokenyard {

bool has_ffn_on(const topologies::Topology& topology, const PlacedInstance& instance, PlaneId plane) {
  return !instance.ffn.empty() && std::all_of(instance.ffn.begin(), instance.ffn.end(), [&](ChipId chip) {
    return topology.port(chip, plane) > BytesPerSecond{};
  });
}

std::vector<std::vector<ChipId>> kv_groups(const topologies::Topology& topology, PlaneId plane,
                                           const config::Experiment& experiment,
                                           const std::vector<std::vector<PlacedInstance>>& placed) {
  std::vector<std::vector<ChipId>> groups;
  for (std::size_t p = 0; p < placed.size(); ++p) {
    const models::ParallelPlan& plan = experiment.pools[p].plan;
    for (const PlacedInstance& instance : placed[p]) {
      for (std::uint32_t rank = 0; rank < plan.attention_data; ++rank) groups.push_back(instance.kv_chips(plan, rank));
    }
  }
  for (const std::vector<PlacedInstance>& instances : placed) {
    for (const PlacedInstance& instance : instances) {
      if (has_ffn_on(topology, instance, plane)) groups.push_back(instance.ffn);
    }
  }
  return groups;
}

std::vector<serving::Footprint> footprints(const topologies::Topology& topology, PlaneId plane,
                                           const topologies::FlowNetwork& network, const config::Experiment& experiment,
                                           const std::vector<std::vector<PlacedInstance>>& placed) {
  std::vector<serving::Footprint> all;
  std::size_t group = 0;
  const auto add_nics = [&](const std::vector<ChipId>& of, bool ffn, serving::Footprint& footprint) {
    std::map<std::uint32_t, std::uint32_t> chips;  // by domain, as the endpoints of the group
    for (const ChipId chip : of) ++chips[topology.domain(chip, plane)];
    const std::vector<EndpointId>& endpoints = network.of_group.at(group++);
    expect(endpoints.size() == chips.size(), "a group has an endpoint in each of its domains");
    std::size_t next = 0;
    for (const auto& [domain, count] : chips) footprint.nics.push_back({endpoints[next++], count, ffn});
  };
  for (std::size_t p = 0; p < placed.size(); ++p) {
    const models::ParallelPlan& plan = experiment.pools[p].plan;
    for (const PlacedInstance& instance : placed[p]) {
      serving::Footprint& footprint = all.emplace_back();
      footprint.on_plane = share_of_plane(topology, instance, experiment.planes, plane);
      for (std::uint32_t rank = 0; rank < plan.attention_data; ++rank) {
        add_nics(instance.kv_chips(plan, rank), false, footprint);
      }
    }
  }
  std::size_t number = 0;
  for (const std::vector<PlacedInstance>& instances : placed) {
    for (const PlacedInstance& instance : instances) {
      serving::Footprint& footprint = all[number++];
      if (!has_ffn_on(topology, instance, plane)) continue;
      add_nics(instance.ffn, true, footprint);
      footprint.ffn_share = static_cast<double>(instance.chips.size()) / static_cast<double>(instance.ffn.size());
    }
  }
  return all;
}

}  // namespace tokenyard
