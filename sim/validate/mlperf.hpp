#pragma once

#include "sim/files/csv_table.hpp"
#include "sim/validate/point.hpp"

namespace tokenyard::validate {

/// Log summaries of MLPerf Inference's LLM results, a run a row: version, submitter, system, model, scenario,
/// loadgen_scenario, valid, samples_per_s, tokens_per_s, target_qps, ttft_limit_ms, tpot_limit_ms, and lat_, ttft_ and
/// tpot_ with mean_ms, p50_ms and p99_ms. Needed: system, model, scenario, loadgen_scenario, valid, samples_per_s,
/// tokens_per_s. A round's summary of results is read as well (mlperf_rows.hpp): its Offline rows are played, the
/// others do not tell when samples came.
///
/// Offline, all samples at the start: one copy of the model with more requests waiting than it has slots, whose output
/// tokens/s of a chip are compared after the batch has filled; copies share nothing. Server and Interactive: Poisson at
/// target_qps over all copies, each request to the one with the fewest tokens outstanding; mean, median and 99th
/// percentile of TTFT, TPOT and latency are three points. Their tokens/s are not compared: they follow from target_qps.
/// These runs stand at 90 to 98 % of what Offline reaches, where a rate that is 10 % off makes times that are several
/// times off; so a fourth point plays one copy at the load that was measured, a closed loop of target_qps * mean
/// latency requests (Little's law), and compares tokens/s of a chip and the mean TPOT: the time of steps without the
/// queue.
///
/// A fifth point asks for the benchmark's own metric: the highest rate within the scenario's limits of the 99th
/// percentiles (mlperf_limits.hpp, highest_rate.hpp), beside target_qps; both are told as output tokens/s of a chip,
/// rate times mean answer. A trial has arrivals for four times the longest that a mean answer may take (TPOT's limit
/// times its tokens), and for 50 times the limit of TTFT, so that 2 % of them too many keep the last waiting for so
/// long. Rows whose 99th percentiles are below half of both limits did not run at their highest rate and are trapped.
///
/// Layouts, limits and lengths: mlperf_recipes.hpp; the mean answer is the row's tokens_per_s over samples_per_s. The
/// engine is TensorRT-LLM's C++ executor: no graphs (use_graphs), launches of a stream, no step composed while another
/// runs (enable_trt_overlap is off by default and was removed), norms by themselves (no reduce_fusion), tokens in and
/// out, no front end. A run is bounded (240 s of arrivals, 2,000 to 100,000 requests; Offline eight times the slots)
/// where theirs are 10 to 40 minutes. Refused: other chips, runs that are INVALID, scenarios of one stream, models and
/// layouts that are not known.
[[nodiscard]] MeasuredSet read_mlperf(const files::CsvTable& table);

}  // namespace tokenyard::validate
