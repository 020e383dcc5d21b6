#pragma once

namespace simgrid::s4u {
class Engine;
}

namespace tokenyard::engine {

/// Starts SimGrid: plain max-min sharing (no TCP model), no output of its own, and the process's signal and
/// terminate handlers left as they were. Throws BugError when this process has started it before.
[[nodiscard]] simgrid::s4u::Engine& start_simgrid();

}  // namespace tokenyard::engine
