#include "sim/run/join_pools.hpp"

#include "models/base/errors.hpp"
#include "sim/run/chip_networks.hpp"
#include "sim/run/instance_network.hpp"
#include "sim/run/request_ways.hpp"
#include "sim/run/shared_links.hpp"
#include "topologies/bisection.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

namespace tokenyard {
namespace {

/// What keeps `plane` from joining all of the chips; absent where it does.
std::optional<std::string> gap_between(const topologies::Topology& topology, const std::vector<ChipId>& chips,
                                       PlaneId plane) {
  for (const ChipId chip : chips) {
    if (topology.port(chip, plane) > BytesPerSecond{}) continue;
    return "has no link for chip " + std::to_string(chip.index()) + " (" + topology.place(chip).kind + ")";
  }
  const topologies::GroupView view = topology.view(chips, plane);
  if (view.domains == 1 || view.uplink > BytesPerSecond{}) return {};
  const auto other = std::find_if(chips.begin(), chips.end(), [&](ChipId chip) {
    return topology.domain(chip, plane) != topology.domain(chips.front(), plane);
  });
  return "does not join chip " + std::to_string(chips.front().index()) + " to chip " + std::to_string(other->index());
}

/// The plane that carries KV: the one asked for, or the scale-up plane if it joins all chips of both sides, else
/// scale-out, else, between sites, the wide-area plane.
PlaneId kv_plane(const config::Experiment& experiment, const topologies::Topology& topology,
                 const std::vector<ChipId>& chips) {
  if (const auto& wanted = experiment.kv_transfer.plane) {
    const auto plane = std::find_if(topology.planes().begin(), topology.planes().end(),
                                    [&](const topologies::PlaneInfo& one) { return one.name == *wanted; });
    std::string all;
    for (const topologies::PlaneInfo& one : topology.planes()) all += (all.empty() ? "" : ", ") + one.name;
    const auto refuse = [&](const std::string& why) { experiment.source->fail(experiment.kv_transfer.plane_key, why); };
    if (plane == topology.planes().end()) refuse(topology.name() + " has no plane '" + *wanted + "'; it has: " + all);
    const PlaneId id{static_cast<std::uint32_t>(plane - topology.planes().begin())};
    if (const auto gap = gap_between(topology, chips, id)) {
      refuse("'" + *wanted + "' " + *gap + ", and so not all chips of both pools; planes: " + all);
    }
    return id;
  }
  if (!gap_between(topology, chips, topology.scale_up())) return topology.scale_up();
  return topology.one_site(chips) ? topology.scale_out() : topology.wide_area().value_or(topology.scale_out());
}

using Placed = std::vector<std::vector<PlacedInstance>>;

std::vector<ChipId> chips_with_kv(const Placed& placed) {
  std::vector<ChipId> all;
  for (const std::vector<PlacedInstance>& instances : placed) {
    for (const PlacedInstance& instance : instances) {
      all.insert(all.end(), instance.chips.begin(), instance.chips.end());
    }
  }
  return all;
}

/// Lanes share the chips of a rank. `of_rank`: endpoints of an attention rank of an instance, by pool, instance, rank.
template <class OfRank>
void set_endpoints(const config::Experiment& experiment, const Placed& placed, OfRank of_rank, Assembly& assembly) {
  for (std::size_t p = 0; p < placed.size(); ++p) {
    for (std::size_t i = 0; i < placed[p].size(); ++i) {
      auto& ranks = assembly.pools[p].endpoints.emplace_back();
      for (std::uint32_t lane = 0; lane < experiment.pools[p].lanes(); ++lane) {
        for (std::uint32_t rank = 0; rank < experiment.pools[p].plan.attention_data; ++rank) {
          ranks.push_back(of_rank(p, i, rank));
        }
      }
    }
  }
}

/// What a connector reaches of the rate that flows share. `kv_transfer.efficiency` is of the wire, protocol included,
/// as it was fitted; the plane's own share is in the network's rates.
double connector_share(const config::Experiment& experiment, const topologies::Topology& topology,
                       const topologies::FlowNetwork& network) {
  const double payload = topology.planes()[topology.plane(network.plane).index()].efficiency;
  return std::min(experiment.kv_transfer.efficiency / payload, 1.0);
}

serving::HandOff make_hand_off(const config::Experiment& experiment, const topologies::Topology& topology,
                               const topologies::FlowNetwork& network) {
  const config::PoolSpec& decode = experiment.pools[1];
  // One chip alone holds every head once.
  const models::ParallelPlan landing = experiment.kv_transfer.replicas_once ? models::ParallelPlan{} : decode.plan;
  return {.plane = 0,
          .bytes_per_token = kv_bytes_per_token(experiment.llm, landing, decode.precision.kv),
          .prefill_bytes_per_token =
              kv_bytes_per_token(experiment.llm, experiment.pools[0].plan, experiment.pools[0].precision.kv),
          .setup = experiment.kv_transfer.setup,
          .efficiency = connector_share(experiment, topology, network),
          .push = experiment.kv_transfer.push,
          .with_prefill = experiment.kv_transfer.with_prefill,
          .decode_first = experiment.kv_transfer.decode_first,
          .layers = experiment.llm.layers,
          .non_cached_tokens = experiment.kv_transfer.non_cached_tokens,
          .chunk_tokens = experiment.kv_transfer.chunk_tokens,
          .per_chunk = experiment.kv_transfer.per_chunk,
          .network = network};
}

/// Ways of the tiers of all instances. `find`: endpoints of a rank, by pool, instance, plane and rank.
template <class Find>
void set_ways(const config::Experiment& experiment, const Placed& placed, const TierStores& stores, Find find,
              Assembly& assembly) {
  for (std::size_t p = 0; p < placed.size(); ++p) {
    const auto& of_pool = stores[p];
    if (std::none_of(of_pool.begin(), of_pool.end(), [](const auto& store) { return store.has_value(); })) continue;
    for (std::size_t i = 0; i < placed[p].size(); ++i) {
      assembly.pools[p].tier_ways.push_back(tier_ways(
          assembly.topology, experiment.pools[p], placed[p][i], of_pool, assembly.networks, assembly.facts[p].kv_block,
          [&](PlaneId plane, std::uint32_t rank) { return find(p, i, plane, rank); }));
    }
  }
}

/// Whether collectives of the only pool travel on the plane.
bool shares_with_collectives(const config::Experiment& experiment, const Placed& placed,
                             const topologies::Topology& topology, PlaneId plane) {
  return std::any_of(placed[0].begin(), placed[0].end(), [&](const PlacedInstance& instance) {
    return share_of_plane(topology, instance, experiment.planes, plane).any();
  });
}

/// In a torus caches of all prefill instances cross the same cables on their way to the decode pool: its endpoints get
/// a domain of their own, joined by what can flow from one pool to the other. `prefill_groups` come first, all others
/// are of the decode side, FFN included. REQUIRES: one slice holds both pools.
void part_pools_of_torus(const topologies::Topology& topology, PlaneId plane, const Placed& placed,
                         std::size_t prefill_groups, topologies::FlowNetwork& network) {
  if (topology.torus(plane) == nullptr) return;
  const std::uint32_t slice = network.endpoints[0].domain;
  const BytesPerSecond between =
      topologies::flow_between(topology, plane, chips_with_kv({placed[0]}), chips_with_kv({placed[1]})) *
      topology.planes()[plane.index()].efficiency;
  const auto decode = static_cast<std::uint32_t>(network.domains.size());
  network.domains.push_back({.name = network.domains[slice].name + " decode side", .trunk = between});
  network.domains[slice].trunk = between;
  for (std::size_t group = prefill_groups; group < network.of_group.size(); ++group) {
    for (const EndpointId endpoint : network.of_group[group]) network.endpoints[endpoint.index()].domain = decode;
  }
}

void refuse_as_flows(const config::Experiment& experiment) {
  const auto refuse = [](const config::PoolSpec& pool, const char* key, const std::string& what) {
    pool.source->fail(key, what + "; `network.fidelity: flow` plays computation and collectives in turns: take `step`");
  };
  for (const config::PoolSpec& pool : experiment.pools) {
    if (pool.plan.pipeline > 1) refuse(pool, "parallel.pipeline", "steps in a pipeline overlap");
    if (pool.engine.two_batch.decode || pool.engine.two_batch.prefill) {
      refuse(pool, "engine.two_batch_overlap", "half batches compute beside the exchange");
    }
  }
  if (experiment.kv_transfer.with_prefill) {
    experiment.source->fail("kv_transfer.when",
                            "with_prefill sends by the time at which a step will end, which is not known before with "
                            "`network.fidelity: flow`; take after_prefill, or `step`");
  }
  if (experiment.kv_transfer.decode_first) {
    experiment.source->fail("network.fidelity",
                            "flow cannot be: SGLang sends a chunk's KV at the end of its step, which is not known "
                            "before; take step");
  }
}

}  // namespace

Bytes kv_bytes_per_token(const models::LlmSpec& llm, models::ParallelPlan plan, models::Dtype kv) {
  plan.pipeline = 1;
  return models::kv_bytes_per_token_per_chip(llm, plan, kv) * static_cast<double>(plan.rank_chips());
}

void join_pools(const config::Experiment& experiment, const Placed& placed, const TierStores& stores,
                Assembly& assembly) {
  const PlaneId plane = kv_plane(experiment, assembly.topology, chips_with_kv(placed));
  const auto groups = kv_groups(assembly.topology, plane, experiment, placed);
  topologies::FlowNetwork network = experiment.source->located(
      [&] { return assembly.topology.flow_network(plane, groups, stores_on(assembly.topology, stores, plane)); });
  part_pools_of_torus(assembly.topology, plane, placed, placed[0].size() * experiment.pools[0].plan.attention_data,
                      network);
  set_endpoints(
      experiment, placed,
      [&](std::size_t p, std::size_t i, std::uint32_t rank) {
        const std::size_t before = p == 0 ? 0 : placed[0].size() * experiment.pools[0].plan.attention_data;
        return network.of_group.at(before + i * experiment.pools[p].plan.attention_data + rank);
      },
      assembly);
  serving::HandOff hand_off = make_hand_off(experiment, assembly.topology, network);
  const std::vector<serving::Footprint> shared = footprints(assembly.topology, plane, network, experiment, placed);
  const bool any = std::any_of(shared.begin(), shared.end(), [](const auto& one) { return one.on_plane.any(); });
  if (experiment.network.contention && any) hand_off.footprints = shared;
  assembly.footprints = shared;
  assembly.hand_off = std::move(hand_off);
  for (serving::InstanceSettings& prefill : assembly.pools[0].instances) {
    prefill.tell_chunks = experiment.kv_transfer.with_prefill || experiment.kv_transfer.decode_first;
  }
  assembly.networks.push_back(network);
}

void join_others(const config::Experiment& experiment, const Placed& placed, const TierStores& stores,
                 std::optional<PlaneId> users, Assembly& assembly) {
  const topologies::Topology& topology = assembly.topology;
  std::vector<PlaneId> planes = planes_of(topology, stores);
  if (users && std::find(planes.begin(), planes.end(), *users) == planes.end()) planes.push_back(*users);
  const auto uses = [&](std::size_t pool, PlaneId plane) {
    return plane == users || std::any_of(stores[pool].begin(), stores[pool].end(), [&](const auto& store) {
             return store && topology.stores()[store->index()].plane == plane;
           });
  };
  const bool mixed = placed.size() == 1;
  if (mixed) {
    std::stable_partition(planes.begin(), planes.end(),
                          [&](PlaneId plane) { return shares_with_collectives(experiment, placed, topology, plane); });
  }
  std::vector<PlaneId> known;  // of each network
  for (const topologies::FlowNetwork& network : assembly.networks) known.push_back(topology.plane(network.plane));
  for (const PlaneId plane : planes) {
    if (std::find(known.begin(), known.end(), plane) != known.end()) continue;
    Placed there = placed;  // of others the chips may have no link
    for (std::size_t p = 0; p < placed.size(); ++p) {
      if (!uses(p, plane)) there[p].clear();
    }
    const topologies::FlowNetwork network =
        topology.flow_network(plane, kv_groups(topology, plane, experiment, there), stores_on(topology, stores, plane));
    if (mixed && assembly.networks.empty() && shares_with_collectives(experiment, placed, topology, plane)) {
      const auto shared = footprints(topology, plane, network, experiment, placed);
      assembly.footprints = shared;
      if (experiment.network.contention) assembly.links = serving::SharedLinks{0, network, shared};
    }
    known.push_back(plane);
    assembly.networks.push_back(network);
  }
  const bool joined = assembly.hand_off.has_value();
  const auto find = [&](std::size_t p, std::size_t i, PlaneId plane, std::uint32_t rank) {
    RankEndpoints at;
    at.network = static_cast<std::size_t>(std::find(known.begin(), known.end(), plane) - known.begin());
    const topologies::FlowNetwork& network = assembly.networks[at.network];
    // Groups stand in order of pools, instances and ranks; those of the network that hand-offs use are all there.
    std::size_t group = i * experiment.pools[p].plan.attention_data + rank;
    if (p == 1 && ((joined && at.network == 0) || uses(0, plane))) {
      group += placed[0].size() * experiment.pools[0].plan.attention_data;
    }
    std::map<std::uint32_t, std::uint32_t> chips;  // by domain, as the endpoints of the group
    for (const ChipId chip : placed[p][i].kv_chips(experiment.pools[p].plan, rank)) {
      ++chips[topology.domain(chip, plane)];
    }
    std::size_t next = 0;
    for (const auto& [domain, count] : chips) at.endpoints.emplace_back(network.of_group.at(group).at(next++), count);
    return at;
  };
  set_ways(experiment, placed, stores, find, assembly);
  if (!users) return;
  join_users(
      experiment, placed, *users,
      [&](std::size_t p, std::size_t i) {
        const RankEndpoints at = find(p, i, *users, 0);
        return InstanceEndpoint{at.network, at.endpoints.at(0).first};  // of the lowest domain: its first chip's
      },
      assembly);
}

void play_collectives(const config::Experiment& experiment, const Placed& placed,
                      const std::vector<cost::NetworkFigures>& figures, const TierStores& stores,
                      std::optional<PlaneId> users, Assembly& assembly) {
  refuse_as_flows(experiment);
  assembly.collective_flows = true;
  ChipNetworks networks(assembly.topology, placed, stores);
  if (placed.size() == 2) {
    const PlaneId plane = kv_plane(experiment, assembly.topology, chips_with_kv(placed));
    const std::size_t kv = networks.on(plane);
    expect(kv == 0, "hand-offs use the first network");
    set_endpoints(
        experiment, placed,
        [&](std::size_t p, std::size_t i, std::uint32_t rank) {
          std::vector<EndpointId> endpoints;
          for (const ChipId chip : placed[p][i].kv_chips(experiment.pools[p].plan, rank)) {
            endpoints.push_back(networks.endpoint(kv, chip));
          }
          return endpoints;
        },
        assembly);
    assembly.hand_off = make_hand_off(experiment, assembly.topology, networks.networks()[kv]);
  }
  const std::uint32_t rounds = experiment.network.rounds > 0 ? experiment.network.rounds : experiment.llm.layers;
  for (std::size_t p = 0; p < placed.size(); ++p) {
    for (const PlacedInstance& instance : placed[p]) {
      assembly.pools[p].wirings.push_back(experiment.source->located([&] {
        return step_wiring(networks, assembly.topology, instance, experiment.pools[p].plan, experiment.planes,
                           figures[p], rounds);
      }));
    }
  }
  for (const PlaneId plane : planes_of(assembly.topology, stores)) (void)networks.on(plane);
  if (users) (void)networks.on(*users);
  assembly.networks = networks.networks();
  set_ways(
      experiment, placed, stores,
      [&](std::size_t p, std::size_t i, PlaneId plane, std::uint32_t rank) {
        RankEndpoints at{.network = networks.on(plane), .endpoints = {}};
        for (const ChipId chip : placed[p][i].kv_chips(experiment.pools[p].plan, rank)) {
          at.endpoints.emplace_back(networks.endpoint(at.network, chip), 1U);
        }
        return at;
      },
      assembly);
  if (!users) return;
  join_users(
      experiment, placed, *users,
      [&](std::size_t p, std::size_t i) {
        const std::size_t network = networks.on(*users);
        return InstanceEndpoint{network, networks.endpoint(network, placed[p][i].chips[0])};
      },
      assembly);
}

}  // namespace tokenyard
