#pragma once

#include "sim/config/experiment.hpp"
#include "sim/metrics/scoreboard.hpp"
#include "sim/metrics/summary.hpp"
#include "sim/validate/point.hpp"

#include <atomic>
#include <optional>
#include <string>

namespace tokenyard::validate {

/// What a run gives for a point.
struct Prediction {
  metrics::Summary summary;
  double makespan_s = 0;           ///< first arrival to last token
  double mean_batch = 0;           ///< requests in a batch of an instance of the pool that decodes
  double mean_prompt = 0;          ///< tokens
  double queue_share_of_ttft = 0;  ///< mean time in the queue over mean TTFT
  metrics::StepShares shares;      ///< of the step that pool runs at its mean batch and context
  std::string engine_kind;         ///< whose rules formed the steps
  std::string format;              ///< of the weights that lead the steps
  bool moe = false;
  bool split = false;         ///< prefill and decode apart
  double highest_rate = 0;    ///< requests/s, of a point with a search (highest_rate.hpp)
  bool kernel_tables = true;  ///< whether the chip's coefficients were fitted on measured kernels
};

/// Plays the experiment. ONE A PROCESS.
[[nodiscard]] Prediction predict(const config::Experiment& experiment, const std::atomic<bool>* interrupted);

/// As text, and back, exactly.
[[nodiscard]] std::string to_text(const Prediction& prediction);
[[nodiscard]] Prediction from_text(const std::string& text);

/// The figure; nothing when the run has none (no request with two tokens has a TPOT).
[[nodiscard]] std::optional<double> figure_of(const Prediction& prediction, metrics::Metric metric,
                                              Statistic statistic);

}  // namespace tokenyard::validate
