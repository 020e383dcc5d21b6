#include "sim/engine/flow_carrier.hpp"

#include "sim/engine/flat_carrier.hpp"
#include "sim/engine/simgrid_carrier.hpp"

namespace tokenyard::engine {

std::unique_ptr<FlowCarrier> make_carrier(Solver solver, const std::vector<topologies::FlowNetwork>& planes) {
  if (solver == Solver::SimGrid) return std::make_unique<SimGridCarrier>(planes);
  return std::make_unique<FlatCarrier>(planes);
}

}  // namespace tokenyard::engine
