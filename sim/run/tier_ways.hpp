#pragma once

#include "models/base/ids.hpp"
#include "sim/config/experiment.hpp"
#include "sim/kv/tiers.hpp"
#include "sim/run/placement.hpp"
#include "sim/serving/tier_flows.hpp"
#include "topologies/topology.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace tokenyard {

/// Stores of the machine behind the tiers of every pool's caches: by pool, then by kind of tier. Absent: the pool has
/// no such tier, or the machine has no such store and the tier a link of its own.
using TierStores = std::vector<std::array<std::optional<topologies::StoreId>, kv::kTiers>>;

/// A tier takes the store that it names, or the first of its kind, on `planes.offload` where that is given, that the
/// chips of all instances reach. Throws UserError: nobody has such a store; chips do not reach it; rates are given
/// though there is a store, or missing though there is none.
[[nodiscard]] TierStores tier_stores(const topologies::Topology& topology, const config::Experiment& experiment,
                                     const std::vector<std::vector<PlacedInstance>>& placed);

/// The stores among these that stand on a plane, each once.
[[nodiscard]] std::vector<topologies::StoreId> stores_on(const topologies::Topology& topology, const TierStores& stores,
                                                         PlaneId plane);
/// Planes of all of them, in order of pools and tiers, each once.
[[nodiscard]] std::vector<PlaneId> planes_of(const topologies::Topology& topology, const TierStores& stores);

/// The tiers of an instance's caches with what the machine says of them: capacity, and the latency and rates of the
/// narrowest way to one of its attention ranks alone on idle links. `stores`: of its pool.
[[nodiscard]] kv::TiersSpec tiers_of(const topologies::Topology& topology, const config::PoolSpec& pool,
                                     const PlacedInstance& instance, const TierStores::value_type& stores);

/// Endpoints of an attention rank on the engine's network of a plane, each with the chips of the rank that it stands
/// for.
struct RankEndpoints {
  std::size_t network = 0;
  std::vector<std::pair<EndpointId, std::uint32_t>> endpoints;
};
using FindEndpoints = std::function<RankEndpoints(PlaneId plane, std::uint32_t rank)>;

/// Ways of an instance's tiers that have stores, lane by lane by attention rank. `networks`: of the engine, each with
/// the stores of its plane. `block`: bytes of a KV block on all chips of a rank.
[[nodiscard]] serving::TierWays tier_ways(const topologies::Topology& topology, const config::PoolSpec& pool,
                                          const PlacedInstance& instance, const TierStores::value_type& stores,
                                          const std::vector<topologies::FlowNetwork>& networks, Bytes block,
                                          const FindEndpoints& find);

}  // namespace tokenyard
