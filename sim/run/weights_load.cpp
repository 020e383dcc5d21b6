#include "sim/run/weights_load.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>

namespace tokenyard {
namespace {

using topologies::StoreId;
using topologies::StoreInfo;
using topologies::StoreKind;
using topologies::StoreView;
using topologies::Topology;

std::vector<ChipId> all_chips(const std::vector<std::vector<PlacedInstance>>& placed) {
  std::vector<ChipId> chips;
  for (const std::vector<PlacedInstance>& instances : placed) {
    for (const PlacedInstance& instance : instances) {
      chips.insert(chips.end(), instance.chips.begin(), instance.chips.end());
    }
  }
  return chips;
}

Seconds time_of(Bytes bytes, const StoreView& view, const StoreInfo& store) {
  return 2.0 * view.latency + store.latency + bytes / view.read;
}

}  // namespace

std::optional<StoreId> weights_store(const Topology& topology, const config::Experiment& experiment,
                                     const std::vector<std::vector<PlacedInstance>>& placed) {
  const std::vector<ChipId> chips = all_chips(placed);
  const auto& wanted = experiment.planes.weights;
  for (std::uint32_t i = 0; i < topology.stores().size(); ++i) {
    const StoreInfo& store = topology.stores()[i];
    const std::string& plane = topology.planes()[store.plane.index()].name;
    if (store.kind != StoreKind::Pool || (wanted && plane != *wanted)) continue;
    if (topology.reaches(chips, StoreId{i})) return StoreId{i};
    if (!wanted) continue;
    for (const ChipId chip : chips) {
      const std::array<ChipId, 1> one{chip};
      if (topology.reaches(one, StoreId{i})) continue;
      experiment.source->fail("planes.weights", fmt::format("'{}' has no link for chip {} ({})", plane, chip.index(),
                                                            topology.place(chip).kind));
    }
  }
  if (!wanted) return std::nullopt;
  std::string pools;
  for (const StoreInfo& store : topology.stores()) {
    if (store.kind != StoreKind::Pool) continue;
    pools +=
        fmt::format("{}{} on {}", pools.empty() ? "" : ", ", store.name, topology.planes()[store.plane.index()].name);
  }
  experiment.source->fail("planes.weights", fmt::format("'{}' has no store of kind pool; {} has: {}", *wanted,
                                                        topology.name(), pools.empty() ? "none" : pools));
}

WeightsLoad weights_load(const Topology& topology, StoreId store,
                         const std::vector<std::vector<PlacedInstance>>& placed, const std::vector<Bytes>& weights,
                         std::size_t pool) {
  const StoreInfo& info = topology.stores()[store.index()];
  const std::vector<ChipId>& one = placed[pool][0].chips;
  Bytes all;
  for (std::size_t p = 0; p < placed.size(); ++p) {
    for (const PlacedInstance& instance : placed[p]) all += weights[p] * static_cast<double>(instance.chips.size());
  }
  return {.store = info.name,
          .plane = topology.planes()[info.plane.index()].name,
          .alone = time_of(weights[pool] * static_cast<double>(one.size()), topology.view_of_store(one, store), info),
          .together = time_of(all, topology.view_of_store(all_chips(placed), store), info)};
}

}  // namespace tokenyard
