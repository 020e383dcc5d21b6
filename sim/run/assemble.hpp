#pragma once

#include "models/cost/step_cost.hpp"
#include "sim/config/experiment.hpp"
#include "sim/metrics/summary.hpp"
#include "sim/policy/router.hpp"
#include "sim/run/kv_layout.hpp"
#include "sim/run/placement.hpp"
#include "sim/serving/serving.hpp"
#include "topologies/topology.hpp"
#include "workloads/request_source.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tokenyard {

/// Capacity of one instance of a pool.
struct Capacity {
  Bytes weights_per_chip;
  std::uint32_t blocks_per_rank = 0;
  KvLayout layout;

  /// Tokens that they hold of so many sequences of a rank, all of the same length.
  [[nodiscard]] std::uint64_t kv_tokens(std::uint64_t sequences) const {
    return layout.blocks.held_by(sequences, blocks_per_rank);
  }
};

/// KV blocks of an attention rank: floor((memory * utilisation - reserve - weights) * share of it / bytes of a block on
/// a chip). Throws UserError at the pool when the weights or one block do not fit; the message says how many bytes are
/// missing.
[[nodiscard]] Capacity capacity_of(const config::PoolSpec& pool, const models::LlmSpec& llm,
                                   const models::AcceleratorSpec& chip);

/// UserError at the pool's chip where the lines of `what` come to more than an hour, or to no number: a slip in a
/// figure of the chip or of a network; enough of such steps would leave simulated time.
void refuse_endless_step(const config::PoolSpec& pool, const std::string& what, std::span<const cost::CostLine> lines);

/// What the step cost of a pool's instances depends on.
[[nodiscard]] cost::StepCostSpec step_cost_spec(const config::Experiment& experiment, const config::PoolSpec& pool,
                                                const cost::NetworkFigures& network);

/// An experiment made ready to run: every part built, nothing played yet.
struct Assembly {
  topologies::Topology topology;
  std::vector<std::unique_ptr<cost::StepCost>> costs;             ///< by pool
  std::vector<std::unique_ptr<policy::Forecast>> forecasts;       ///< by pool, of routers that expect latencies
  std::vector<std::unique_ptr<policy::Router>> routers;           ///< by pool
  std::vector<std::unique_ptr<serving::Acceptance>> acceptances;  ///< of instances that verify drafts
  std::vector<std::unique_ptr<kv::TierStore>> shared_tiers;       ///< of pools that have one
  std::vector<serving::Pool> pools;
  std::vector<metrics::PoolFacts> facts;  ///< by pool
  std::vector<topologies::FlowNetwork>
      networks;  ///< none, the one that carries KV, or all that carry flows, that one first
  std::optional<serving::HandOff> hand_off;
  std::optional<serving::SharedLinks> links;   ///< of a mixed pool, where tiers meet its collectives
  bool collective_flows = false;               ///< collectives are flows on the networks
  std::vector<serving::Footprint> footprints;  ///< by instance, where flows meet collectives that are none
  std::unique_ptr<workloads::RequestSource> source;
  std::uint32_t concurrency = 0;  ///< closed loop; 0 = open
  std::vector<std::string> notes;
};

struct AssembleOptions {
  bool step_by_step = false;
};

/// Throws UserError with a place for everything that only shows when the parts meet: a model that does not fit, more
/// chips than there are, a chip without a kernel for the format, a plane that does not join both sides, a missing
/// trace.
[[nodiscard]] Assembly assemble(const config::Experiment& experiment, const AssembleOptions& options);

}  // namespace tokenyard
