#pragma once

#include "sim/policy/router.hpp"

#include <memory>

namespace tokenyard::policy {

/// Mooncake's Conductor: the instance with the least expected time to first token. Of each instance that is
///
///   queue + prefill of what is missing, or, where the instance that holds most of the prompt holds more than
///   `copy_threshold` times as much, copy from there + queue + prefill of what is missing then.
///
/// Beginnings that many ask for spread that way. In a decode pool it is the instance with the shortest expected step.
/// Ties go to the lowest index. With `reject` Serving turns away what is expected to miss its TTFT or TPOT target.
///
/// Leaves out: decode load at the end of the prefill instead of now, which an earlier version of the paper predicts.
/// Source: Qin et al., Mooncake, FAST'25, algorithm 1.
[[nodiscard]] std::unique_ptr<Router> make_mooncake(const RouterSpec& spec, const Forecast& forecast);

}  // namespace tokenyard::policy
