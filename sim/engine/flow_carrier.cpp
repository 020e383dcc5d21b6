#include "sim/engine/flow_carrier.hpp"

#include "models/base/errors.hpp"
#include "sim/engine/flat_carrier.hpp"
#include "sim/engine/simgrid_carrier.hpp"

#include <cmath>
#include <cstdint>

namespace tokenyard::engine {

SimTime instant_after(SimTime from, double nanoseconds) {
  const double end_ns = static_cast<double>(SimTime::never().ns() - from.ns());
  if (!(nanoseconds < end_ns)) {
    throw UserError(
        "network: a transfer would end behind the 292 years that simulated time holds; take quicker links or less to "
        "send");
  }
  return from + SimTime{static_cast<std::int64_t>(std::ceil(nanoseconds))};
}

std::unique_ptr<FlowCarrier> make_carrier(Solver solver, const std::vector<topologies::FlowNetwork>& planes) {
  if (solver == Solver::SimGrid) return std::make_unique<SimGridCarrier>(planes);
  return std::make_unique<FlatCarrier>(planes);
}

}  // namespace tokenyard::engine
