#pragma once

#include "sim/config/experiment.hpp"
#include "sim/metrics/recorder.hpp"
#include "sim/metrics/summary.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace tokenyard {

struct RunOptions {
  bool step_by_step = false;                       ///< one event a step instead of runs; same results
  const std::atomic<bool>* interrupted = nullptr;  ///< set it to end the run early, with what was measured so far
  /// Called on arrivals and ends of requests: simulated time, share of the work done (0 when the source
  /// does not know its end), requests done.
  std::function<void(SimTime now, double share, std::uint64_t finished)> progress;
  /// Is told of requests as they end; the recorder then keeps no records of them.
  metrics::RequestListener* requests = nullptr;
  bool keep_records = true;  ///< of requests and steps, as far as the experiment asks for them
};

/// What a run gives.
struct Outcome {
  metrics::Summary summary;
  std::unique_ptr<metrics::Recorder> recorder;  ///< records of requests and steps, as far as the experiment keeps them
  std::deque<metrics::InstanceMeter> meters;    ///< by instance, pools in order
  SimTime end;
  std::uint64_t events = 0;
  std::uint64_t flows = 0;
};

/// Builds and checks everything, plays nothing: what `tokenyard check` does. Throws UserError.
void check(const config::Experiment& experiment);

/// Plays the experiment once. ONE RUN PER PROCESS (see engine::Engine). Throws UserError.
[[nodiscard]] Outcome run(const config::Experiment& experiment, const RunOptions& options);

}  // namespace tokenyard
