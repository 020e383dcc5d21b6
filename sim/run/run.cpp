#include "sim/run/run.hpp"

#include "models/base/errors.hpp"
#include "sim/engine/engine.hpp"
#include "sim/run/assemble.hpp"
#include "sim/serving/serving.hpp"

#include <algorithm>

namespace tokenyard {
namespace {

std::vector<metrics::SloTarget> slo_targets(const workloads::WorkloadSpec& workload) {
  std::vector<metrics::SloTarget> targets;
  for (const workloads::SloClass& slo : workload.classes) targets.push_back({slo.name, slo.ttft, slo.tpot});
  return targets;
}

std::vector<metrics::LinkFigures> link_figures(const engine::Engine& engine, SimTime end) {
  std::vector<metrics::LinkFigures> links;
  for (const engine::LinkUse& use : engine.link_use()) {
    const double capacity = use.bandwidth.value() * end.seconds().value();
    links.push_back({use.plane, use.link, use.bandwidth.value(), use.carried.value(), use.busy.value(),
                     capacity > 0.0 ? use.carried.value() / capacity : 0.0});
  }
  return links;
}

/// Share of the run that is done, from what the source knows of its end; 0 when it knows nothing.
double share_done(const workloads::RequestSource& source, SimTime now, std::uint64_t finished) {
  if (const auto expected = source.expected()) return static_cast<double>(finished) / static_cast<double>(*expected);
  if (const auto horizon = source.horizon()) return std::min(1.0, now.seconds() / horizon->seconds());
  return 0.0;
}

}  // namespace

void check(const config::Experiment& experiment) { (void)assemble(experiment, {}); }

Outcome run(const config::Experiment& experiment, const RunOptions& options) {
  Assembly assembly = assemble(experiment, {.step_by_step = options.step_by_step});
  engine::Engine engine{assembly.networks};
  auto recorder = std::make_unique<metrics::Recorder>(experiment.workload.warm_up, slo_targets(experiment.workload),
                                                      experiment.output.requests, experiment.output.steps);
  serving::Watch watch{.interrupted = options.interrupted};
  if (options.progress) {
    watch.progress = [&](SimTime now, std::uint64_t finished, std::uint64_t) {
      options.progress(now, share_done(*assembly.source, now, finished), finished);
    };
  }
  serving::Serving serving{engine, assembly.pools, assembly.hand_off, *assembly.source, assembly.concurrency,
                           *recorder, experiment.output.interval, std::move(watch)};
  serving.start();
  engine.run();
  serving.finish();

  const SimTime end = serving.complete() ? recorder->last_end : engine.now();
  Outcome outcome{.summary = metrics::summarize(experiment.name, *recorder, serving.meters(), assembly.facts,
                                                link_figures(engine, end), end),
                  .end = end,
                  .events = engine.events(),
                  .flows = engine.flows()};
  outcome.summary.complete = serving.complete();
  outcome.summary.requests_arrived = serving.arrived();
  outcome.summary.chips_idle = assembly.topology.chip_count() - outcome.summary.chips;
  outcome.summary.notes = assembly.notes;
  if (serving.complete() && recorder->finished == 0) {
    throw UserError(experiment.file.string() + ": workload: no request arrived; lengthen the duration or window");
  }
  if (serving.complete() && recorder->measured == 0) {
    throw UserError(experiment.file.string() + ": workload.warm_up: all " + std::to_string(recorder->finished) +
                    " requests arrived during warm-up; shorten it");
  }
  outcome.meters = serving.meters();
  outcome.recorder = std::move(recorder);
  return outcome;
}

}  // namespace tokenyard
