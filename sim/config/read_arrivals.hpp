#pragma once

#include "sim/config/yaml_map.hpp"
#include "workloads/spec.hpp"

namespace tokenyard::config {

/// When requests arrive: the mapping `arrivals` of a synthetic workload and the `scale` beside it. Throws UserError
/// with the place of what is wrong, as all readers here.
[[nodiscard]] workloads::ArrivalSpec read_arrivals(YamlMap& workload);

/// Arrivals that a trace gets instead of its own: a mapping of section "workload.arrivals", without closed loops.
[[nodiscard]] workloads::ArrivalSpec read_arrivals_of_trace(YamlMap map);

/// How the rate changes with time: a mapping of section "workload.curve".
[[nodiscard]] workloads::RateCurve read_curve(YamlMap map);

}  // namespace tokenyard::config
