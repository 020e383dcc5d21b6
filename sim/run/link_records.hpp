#pragma once

#include "models/base/sim_time.hpp"
#include "sim/engine/engine.hpp"
#include "sim/metrics/instance_meter.hpp"
#include "sim/metrics/summary.hpp"
#include "sim/run/assemble.hpp"

#include <deque>
#include <vector>

namespace tokenyard {

/// What every link carried: KV flows as the engine counted them, and collectives by what the steps of instances sent in
/// each interval of the time series (cost::StepCost::bytes(), spread evenly over an instance's chips), or as flows
/// where they are such. First the links of the planes that carry flows, in the engine's order, then for every other
/// plane with collectives a row for the ports of each instance, "POOL NUMBER ports". `end`: of the run. Left out: on
/// trunks, collectives count where an instance stands in several domains of the plane, all that leaves a scale-up
/// domain; on trunks of pods none.
[[nodiscard]] std::vector<metrics::LinkFigures> link_records(const engine::Engine& engine, const Assembly& assembly,
                                                             const std::deque<metrics::InstanceMeter>& meters,
                                                             SimTime end);

}  // namespace tokenyard
