#pragma once

#include "models/base/units.hpp"
#include "sim/config/experiment.hpp"
#include "sim/run/placement.hpp"
#include "topologies/topology.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tokenyard {

/// How the weights of one pool's instances come to their chips, before anything is played.
struct WeightsLoad {
  std::string store;
  std::string plane;
  Seconds alone;     ///< of one instance while all others are silent
  Seconds together;  ///< of all instances of all pools at once
};

/// The pool of the machine (StoreKind::Pool) that weights are loaded from: the first on `planes.weights`, or the first
/// that all chips of the experiment reach; absent in a machine without one. Throws UserError at planes.weights where
/// that plane has no pool, or no link for a chip.
[[nodiscard]] std::optional<topologies::StoreId> weights_store(const topologies::Topology& topology,
                                                               const config::Experiment& experiment,
                                                               const std::vector<std::vector<PlacedInstance>>& placed);

/// Time of the weights of a pool's instance, every chip reading what it holds: first byte + bytes / rate, the rate of
/// the narrowest way for equal parts (Topology::view_of_store). `weights`: of a chip, by pool; of attention chips alone
/// where attention and FFN stand apart. Leaves out: the engine's own start, reading into host memory on the way, and
/// that chips of other pools hold more or less.
[[nodiscard]] WeightsLoad weights_load(const topologies::Topology& topology, topologies::StoreId store,
                                       const std::vector<std::vector<PlacedInstance>>& placed,
                                       const std::vector<Bytes>& weights, std::size_t pool);

}  // namespace tokenyard
