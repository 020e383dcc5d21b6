#pragma once

#include "sim/validate/mlperf_rows.hpp"

#include <optional>
#include <string>

namespace tokenyard::validate {

/// What the 99th percentiles of a valid run of Server or Interactive may be, in s.
struct MlperfLimits {
  double ttft = 0;
  double tpot = 0;
};

/// The row's own (ttft_limit_ms and tpot_limit_ms: what its log names as ttft_latency and tpot_latency), else those of
/// the model. Sources: loadgen/mlperf.conf of mlcommons/inference at 982b2063 (Llama-2-70B, Mixtral, Llama-3.1-405B's
/// Server); the logs of v5.1 (Llama-3.1-8B, Llama-3.1-405B's Interactive), all of which name the same. nullopt: a model
/// or scenario that has none here.
[[nodiscard]] std::optional<MlperfLimits> mlperf_limits(const MlperfRow& row, const std::string& llm);

}  // namespace tokenyard::validate
