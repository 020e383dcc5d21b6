#pragma once

#include "sim/config/experiment.hpp"
#include "sim/run/assemble.hpp"
#include "sim/run/placement.hpp"
#include "sim/run/tier_ways.hpp"

#include <optional>
#include <vector>

namespace tokenyard {

/// KV bytes of a token on all chips of an attention rank together. Stages share the layers among them, so their number
/// does not matter, though the fullest one may hold more than its share.
[[nodiscard]] Bytes kv_bytes_per_token(const models::LlmSpec& llm, models::ParallelPlan plan, models::Dtype kv);

/// Joins a prefill and a decode pool by the network that carries KV, with an endpoint for every attention rank of both.
/// `assembly` has its pools. `stores`: that its network holds
/// as well, where they stand on that plane. Throws UserError where no plane joins all chips.
void join_pools(const config::Experiment& experiment, const std::vector<std::vector<PlacedInstance>>& placed,
                const TierStores& stores, Assembly& assembly);

/// Networks for the tiers of caches and for the users (front_end_plane()), if they are on one, on the planes that have
/// none yet, and all their ways. Of a mixed pool whose collectives travel on one of these planes, that one is first.
/// `assembly` has its pools, joined.
void join_others(const config::Experiment& experiment, const std::vector<std::vector<PlacedInstance>>& placed,
                 const TierStores& stores, std::optional<PlaneId> users, Assembly& assembly);

/// With network.fidelity: flow: networks with an endpoint for every chip, on which hand-offs (of two pools),
/// collectives, tiers and calls are flows. `figures`: by pool. Throws UserError for what cannot be played so:
/// pipelines, two-batch overlap, hand-offs with the prefill.
void play_collectives(const config::Experiment& experiment, const std::vector<std::vector<PlacedInstance>>& placed,
                      const std::vector<cost::NetworkFigures>& figures, const TierStores& stores,
                      std::optional<PlaneId> users, Assembly& assembly);

}  // namespace tokenyard
