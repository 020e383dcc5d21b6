#pragma once

#include "models/cost/step_cost.hpp"
#include "models/device/accelerator.hpp"
#include "sim/config/experiment.hpp"
#include "sim/metrics/step_sheet.hpp"
#include "sim/run/weights_load.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard {

/// A step to take apart: what every attention rank computes in it.
struct StepQuestion {
  std::uint32_t decodes = 32;    ///< sequences that decode, on a rank that decodes
  std::uint32_t context = 1024;  ///< tokens each of them has in its cache, the new one included
  std::uint32_t prompt = 1024;   ///< tokens of one whole prompt, on a rank that only prefills
  std::uint32_t chunk = 0;       ///< of a prompt beside the decodes, on a rank of a mixed pool
};

/// Where the time of that step goes in one pool.
struct PoolStep {
  std::string pool;
  std::string what;                   ///< "32 decodes at 1,024 tokens on each of 8 ranks"
  std::vector<cost::CostLine> lines;  ///< in order of the pass; they add up to the step
  SimTime step;                       ///< its price in a run: also at least the host's time
  SimTime in_a_row;                   ///< of one behind many like it, whose chips cannot keep their clocks
  Bytes traffic;                      ///< memory read on all chips
  std::uint32_t blocks_per_rank = 0;  ///< KV blocks that fit
  std::uint64_t kv_tokens = 0;        ///< that fit into these
  std::uint64_t kv_tokens_asked = 0;  ///< that the step's requests have on a rank
  Bytes weights_per_chip;
  std::optional<WeightsLoad> load{};           ///< absent in a machine without a pool to load them from
  std::vector<models::AcceleratorSpec> chips;  ///< those of its FFN, where they stand apart, behind the others
};

/// The same as results tell it.
[[nodiscard]] metrics::StepSheet sheet_of(const PoolStep& step);

/// As StepQuestion says, less where the model's context or an engine's batch is smaller.
[[nodiscard]] StepQuestion usual_question(const config::Experiment& experiment);

/// Throws UserError, with the option of `tokenyard explain`, for a step that no pool could ever run: one without a
/// token, contexts beyond the model's, more requests or tokens than an engine runs, a chunk beside decodes under rules
/// that do not mix them, or a chunk or a `prompt_given` that no pool takes. explain() prices what has a token and is
/// not longer than a step all the same.
void refuse_impossible(const config::Experiment& experiment, const StepQuestion& question, bool prompt_given);

/// Mixed and decode pools decode, mixed ones with a chunk beside it where one is asked for, prefill pools compute a
/// prompt. One entry a pool. Throws UserError like run().
[[nodiscard]] std::vector<PoolStep> explain(const config::Experiment& experiment, const StepQuestion& question);

}  // namespace tokenyard
