#pragma once

#include "sim/claims/claim.hpp"

#include <atomic>
#include <map>
#include <string>

namespace tokenyard::claims {

struct Figure {
  double value = 0;
  double error = 0;  ///< |ln(simulated / measured)| to be expected: see errors_of()
};

/// What an ask gave.
struct Answer {
  std::map<std::string, Figure> figures;  ///< by path
  std::string confidence;  ///< one line of how far its latencies are to be trusted; empty: nothing modelled
};

/// Errors to be expected of the latencies of a run.
struct LatencyErrors {
  double ttft = 0;
  double tpot = 0;
};

/// The p90 of |ln(simulated / measured)| of the measured points nearest to the run (metrics::confidence_of); where its
/// chip has none, the p90 of all measured points of its kind (dense or MoE, together or P/D; else dense or MoE),
/// weighted by their numbers. Half of the points are better than about 0.4 of it.
[[nodiscard]] LatencyErrors errors_of(const config::Experiment& experiment, const metrics::Summary& summary);

/// Plays, prices or counts it. ONE A PROCESS. Figures of a run are those of summary.json (report::flat_figures); of an
/// explained step, by pool: step_s, parts.NAME (s; blanks are '_'), weights_per_chip_bytes, kv_blocks_per_rank,
/// kv_tokens_per_rank, traffic_bytes and bytes_per_chip_s (their time at the peak of the memory); of a machine: chips,
/// nodes, racks, peak_FORMAT_flop_per_s, memory_bytes, memory_bandwidth_bytes_per_s, power_w, and by plane
/// injection_bytes_per_s, port_bytes_per_s, bisection_bytes_per_s. Latencies, rates, busy shares and energy carry the
/// errors of errors_of(), time to the first token that of TTFT; counts and bytes carry none. Throws UserError.
[[nodiscard]] Answer answer(const Ask& ask, const std::atomic<bool>* interrupted);

/// Across the boundary of a process.
[[nodiscard]] std::string to_text(const Answer& answer);
[[nodiscard]] Answer from_text(const std::string& text);

}  // namespace tokenyard::claims
