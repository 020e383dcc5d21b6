#pragma once

#include "models/base/units.hpp"

namespace simgrid::s4u {
class Engine;
}

namespace tokenyard::engine {

/// Flows that SimGrid sees end less than this after an instant that it stops at end at that instant. Far below our
/// nanosecond, and above what rounding adds to a clock of up to some 10^4 seconds of busy network.
inline constexpr Seconds kFlowPrecision{1e-11};

/// Starts SimGrid: plain max-min sharing (no TCP model), no output of its own, and the process's signal and
/// terminate handlers left as they were. Throws BugError when this process has started it before.
[[nodiscard]] simgrid::s4u::Engine& start_simgrid();

}  // namespace tokenyard::engine
