#include "sim/run/tier_ways.hpp"

#include "models/base/errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace tokenyard {
namespace {

using topologies::StoreId;
using topologies::StoreInfo;
using topologies::StoreKind;
using topologies::StoreView;
using topologies::Topology;

StoreKind kind_of(kv::TierKind tier) {
  return tier == kv::TierKind::Host ? StoreKind::Host : tier == kv::TierKind::Nvme ? StoreKind::Nvme : StoreKind::Pool;
}

std::string names(const Topology& topology) {
  std::string all;
  for (const StoreInfo& store : topology.stores()) {
    all += fmt::format("{}{} ({} on {})", all.empty() ? "" : ", ", store.name, topologies::name(store.kind),
                       topology.planes()[store.plane.index()].name);
  }
  return all.empty() ? "none" : all;
}

/// The first chip of the instances that does not reach the store.
std::optional<ChipId> beyond_reach(const Topology& topology, const std::vector<PlacedInstance>& instances,
                                   StoreId store) {
  for (const PlacedInstance& instance : instances) {
    if (topology.reaches(instance.chips, store)) continue;
    for (const ChipId chip : instance.chips) {
      const std::array<ChipId, 1> one{chip};
      if (!topology.reaches(one, store)) return chip;
    }
  }
  return std::nullopt;
}

/// One tier of one pool, and where its mistakes are told.
struct Asked {
  const Topology& topology;
  const config::Experiment& experiment;
  const config::PoolSpec& pool;
  const std::vector<PlacedInstance>& instances;
  const kv::TierSpec& tier;
  std::string key;

  [[noreturn]] void fail(const char* field, const std::string& why) const { pool.source->fail(key + field, why); }

  [[nodiscard]] bool right_kind(StoreId store) const {
    return topology.stores()[store.index()].kind == kind_of(tier.kind);
  }
  [[nodiscard]] bool right_plane(StoreId store) const {
    return !experiment.planes.offload ||
           topology.planes()[topology.stores()[store.index()].plane.index()].name == *experiment.planes.offload;
  }

  [[nodiscard]] StoreId named() const {
    const auto& stores = topology.stores();
    const auto found =
        std::find_if(stores.begin(), stores.end(), [&](const StoreInfo& one) { return one.name == *tier.store; });
    if (found == stores.end()) {
      fail(".store", fmt::format("{} has no store '{}'; it has: {}", topology.name(), *tier.store, names(topology)));
    }
    const StoreId store{static_cast<std::uint32_t>(found - stores.begin())};
    if (!right_kind(store)) {
      fail(".store", fmt::format("'{}' is of kind {}, the tier of kind {}; {} has: {}", found->name,
                                 topologies::name(found->kind), kv::name(tier.kind), topology.name(), names(topology)));
    }
    require_way(store, ".store");
    return store;
  }

  void require_way(StoreId store, const char* field) const {
    const StoreInfo& info = topology.stores()[store.index()];
    if (const auto chip = beyond_reach(topology, instances, store)) {
      fail(field,
           fmt::format("chip {} ({}) has no link to '{}' on '{}'; name another `store`, or take a plane that has",
                       chip->index(), topology.place(*chip).kind, info.name,
                       topology.planes()[info.plane.index()].name));
    }
  }

  [[nodiscard]] std::optional<StoreId> first() const {
    std::optional<StoreId> some;
    for (std::uint32_t i = 0; i < topology.stores().size(); ++i) {
      const StoreId store{i};
      if (!right_kind(store) || !right_plane(store)) continue;
      if (!some) some = store;
      if (!beyond_reach(topology, instances, store)) return store;
    }
    if (!some && experiment.planes.offload) {
      experiment.source->fail("planes.offload",
                              fmt::format("'{}' has no store of kind {}; {} has: {}", *experiment.planes.offload,
                                          kv::name(tier.kind), topology.name(), names(topology)));
    }
    if (some) require_way(*some, "");
    return some;
  }
};

std::optional<StoreId> store_of(const Asked& asked) {
  const kv::TierSpec& tier = asked.tier;
  const std::optional<StoreId> store = tier.store ? asked.named() : asked.first();
  const auto given = [](const auto& value) { return value.value() > 0.0; };
  if (store) {
    const StoreInfo& info = asked.topology.stores()[store->index()];
    for (const char* const field : {".read", ".write"}) {
      if (!given(field == std::string(".read") ? tier.read : tier.write)) continue;
      asked.fail(field, fmt::format("stands beside '{}' of {}, whose links carry the blocks; leave it out, or take the "
                                    "store away: topology.stores.{}: ~",
                                    info.name, asked.topology.name(), info.name));
    }
    return store;
  }
  const std::string missing = fmt::format("required: {} has no store of kind {}; it has: {}", asked.topology.name(),
                                          kv::name(tier.kind), names(asked.topology));
  if (!given(tier.capacity)) asked.fail(".capacity", missing);
  if (!given(tier.read)) asked.fail(".read", missing);
  if (!given(tier.write)) asked.fail(".write", missing);
  return store;
}

std::size_t place_of(kv::TierKind kind) { return static_cast<std::size_t>(kind); }

/// From asking to the first byte, software left out.
Seconds before_read(const StoreView& view, const StoreInfo& store) { return 2.0 * view.latency + store.latency; }

}  // namespace

TierStores tier_stores(const Topology& topology, const config::Experiment& experiment,
                       const std::vector<std::vector<PlacedInstance>>& placed) {
  TierStores all;
  for (std::size_t p = 0; p < experiment.pools.size(); ++p) {
    const config::PoolSpec& pool = experiment.pools[p];
    auto& stores = all.emplace_back();
    if (!pool.engine.tiers) continue;
    for (std::size_t i = 0; i < pool.engine.tiers->tiers.size(); ++i) {
      const kv::TierSpec& tier = pool.engine.tiers->tiers[i];
      stores[place_of(tier.kind)] =
          store_of({topology, experiment, pool, placed[p], tier, fmt::format("engine.cache.tiers.{}", i)});
    }
  }
  return all;
}

std::vector<StoreId> stores_on(const Topology& topology, const TierStores& stores, PlaneId plane) {
  std::vector<StoreId> here;
  for (const auto& of_pool : stores) {
    for (const std::optional<StoreId>& store : of_pool) {
      if (!store || topology.stores()[store->index()].plane != plane) continue;
      if (std::find(here.begin(), here.end(), *store) == here.end()) here.push_back(*store);
    }
  }
  return here;
}

std::vector<PlaneId> planes_of(const Topology& topology, const TierStores& stores) {
  std::vector<PlaneId> planes;
  for (const auto& of_pool : stores) {
    for (const std::optional<StoreId>& store : of_pool) {
      if (!store) continue;
      const PlaneId plane = topology.stores()[store->index()].plane;
      if (std::find(planes.begin(), planes.end(), plane) == planes.end()) planes.push_back(plane);
    }
  }
  return planes;
}

kv::TiersSpec tiers_of(const Topology& topology, const config::PoolSpec& pool, const PlacedInstance& instance,
                       const TierStores::value_type& stores) {
  kv::TiersSpec tiers = *pool.engine.tiers;
  for (kv::TierSpec& tier : tiers.tiers) {
    const std::optional<StoreId>& store = stores[place_of(tier.kind)];
    if (!store) continue;
    const StoreInfo& info = topology.stores()[store->index()];
    const Seconds software = tier.latency;
    tier.on_links = true;
    for (std::uint32_t rank = 0; rank < pool.plan.attention_data; ++rank) {
      const StoreView view = topology.view_of_store(instance.kv_chips(pool.plan, rank), *store);
      tier.read = rank == 0 ? view.read : std::min(tier.read, view.read);
      tier.write = rank == 0 ? view.write : std::min(tier.write, view.write);
      tier.latency = std::max(tier.latency, software + before_read(view, info));
    }
    if (tier.capacity.value() <= 0.0) tier.capacity = topology.view_of_store(instance.chips, *store).capacity;
  }
  return tiers;
}

serving::TierWays tier_ways(const Topology& topology, const config::PoolSpec& pool, const PlacedInstance& instance,
                            const TierStores::value_type& stores, const std::vector<topologies::FlowNetwork>& networks,
                            Bytes block, const FindEndpoints& find) {
  serving::TierWays ways;
  for (std::uint32_t rank = 0; rank < pool.plan.attention_data; ++rank) {
    auto& of_rank = ways.emplace_back();
    const std::vector<ChipId> chips = instance.kv_chips(pool.plan, rank);
    for (const kv::TierSpec& tier : pool.engine.tiers->tiers) {
      const std::optional<StoreId>& store = stores[place_of(tier.kind)];
      if (!store) continue;
      const StoreInfo& info = topology.stores()[store->index()];
      const StoreView view = topology.view_of_store(chips, *store);
      const RankEndpoints at = find(info.plane, rank);
      const topologies::FlowNetwork& network = networks.at(at.network);
      const auto flows = std::find_if(network.stores.begin(), network.stores.end(),
                                      [&](const topologies::FlowStore& one) { return one.store == *store; });
      expect(flows != network.stores.end(), "the network has the stores of its plane");
      serving::TierWay way{.network = at.network,
                           .legs = {},
                           .before_read = tier.latency + before_read(view, info),
                           .before_write = tier.latency + view.latency,
                           .read = view.read,
                           .block = block};
      for (const auto& [endpoint, count] : at.endpoints) {
        const std::uint32_t domain = network.endpoints[endpoint.index()].domain;
        const auto device = info.kind == StoreKind::Pool
                                ? flows->endpoints.begin()
                                : std::find_if(flows->endpoints.begin(), flows->endpoints.end(), [&](EndpointId one) {
                                    return network.endpoints[one.index()].domain == domain;
                                  });
        expect(device != flows->endpoints.end(), "a leaf domain with chips has a device of the store");
        way.legs.push_back({.store = *device,
                            .chips = endpoint,
                            .share = static_cast<double>(count) / static_cast<double>(chips.size())});
      }
      of_rank[place_of(tier.kind)] = std::move(way);
    }
  }
  // Lanes share the chips of a rank.
  const std::size_t ranks = ways.size();
  for (std::size_t more = ranks; more < ranks * pool.lanes(); ++more) ways.push_back(ways[more - ranks]);
  return ways;
}

}  // namespace tokenyard
