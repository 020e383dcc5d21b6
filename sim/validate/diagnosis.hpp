#pragma once

#include "sim/metrics/scoreboard.hpp"
#include "sim/validate/prediction.hpp"

#include <string>

namespace tokenyard::validate {

/// The likeliest reason of a large error, as far as the prediction can tell; empty while TPOT is within 0.1 and TTFT
/// within 0.25. Of TPOT first: speculation where the measured figure is below the time to stream a dense model's
/// weights, or beats the kernel sum more than 1.5 times at 16 users or fewer (newer fused kernels do that too); else
/// the part that leads the predicted step. Then of TTFT: queueing where that is more than half of it, else prefill and
/// front end.
[[nodiscard]] std::string suspected(const metrics::ScoredPoint& point, const Prediction& prediction);

}  // namespace tokenyard::validate
