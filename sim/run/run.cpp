#include "sim/run/run.hpp"

#include "models/base/errors.hpp"
#include "sim/engine/engine.hpp"
#include "sim/run/accuracy.hpp"
#include "sim/run/assemble.hpp"
#include "sim/run/link_records.hpp"
#include "sim/serving/serving.hpp"

#include <algorithm>
#include <utility>

namespace tokenyard {
namespace {

std::vector<metrics::SloTarget> slo_targets(const workloads::WorkloadSpec& workload) {
  std::vector<metrics::SloTarget> targets;
  for (const workloads::SloClass& slo : workload.classes) targets.push_back({slo.name, slo.ttft, slo.tpot, slo.e2e});
  return targets;
}

/// Counts the requests that are longer than the model's context on their way through. They are played all the same: of
/// a trace that another model wrote it is the load that counts, but the reader must know.
class ContextWatch final : public workloads::RequestSource {
 public:
  ContextWatch(workloads::RequestSource& source, std::uint64_t max_context) : source_(source), max_(max_context) {}
  [[nodiscard]] std::optional<workloads::Arrival> next() override {
    auto arrival = source_.next();
    if (arrival && std::uint64_t{arrival->request.prompt_tokens} + arrival->fate.output_tokens > max_) ++longer_;
    return arrival;
  }
  [[nodiscard]] std::optional<std::uint64_t> expected() const override { return source_.expected(); }
  [[nodiscard]] std::optional<SimTime> horizon() const override { return source_.horizon(); }
  [[nodiscard]] bool interactive() const override { return source_.interactive(); }
  [[nodiscard]] std::optional<SimTime> due() const override { return source_.due(); }
  void on_end(RequestId request, SimTime now, workloads::Ending how) override { source_.on_end(request, now, how); }
  [[nodiscard]] bool exhausted() const override { return source_.exhausted(); }
  [[nodiscard]] std::uint64_t longer() const { return longer_; }

 private:
  workloads::RequestSource& source_;
  std::uint64_t max_;
  std::uint64_t longer_ = 0;
};

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
  engine::Engine engine{assembly.networks, experiment.output.interval,
                        experiment.network.simgrid ? engine::Solver::SimGrid : engine::Solver::Flat};
  auto recorder = std::make_unique<metrics::Recorder>(
      experiment.workload.warm_up, slo_targets(experiment.workload),
      options.keep_records && experiment.output.requests && options.requests == nullptr,
      options.keep_records && experiment.output.steps);
  if (options.requests != nullptr) recorder->tell(*options.requests);
  serving::Watch watch{.interrupted = options.interrupted};
  if (options.progress) {
    watch.progress = [&](SimTime now, std::uint64_t finished, std::uint64_t) {
      options.progress(now, share_done(*assembly.source, now, finished), finished);
    };
  }
  ContextWatch source{*assembly.source, experiment.llm.max_context};
  serving::Serving serving{engine,
                           assembly.pools,
                           assembly.hand_off,
                           source,
                           assembly.concurrency,
                           *recorder,
                           experiment.output.interval,
                           std::move(watch),
                           experiment.workload.duration.value_or(SimTime::never()),
                           assembly.links};
  experiment.source->located([&] {  // what only shows on the way, such as a request that no KV cache can hold
    serving.start();
    engine.run();
  });
  serving.finish();

  // A front end may still send when the last step has ended, and a step for nobody may end after the last token.
  const SimTime end = serving.complete() ? std::max(recorder->last_end, engine.last()) : engine.now();
  Outcome outcome{.summary = metrics::summarize(experiment.name, *recorder, serving.meters(), assembly.facts,
                                                link_records(engine, assembly, serving.meters(), end), end,
                                                serving.steady() ? &*serving.steady() : nullptr),
                  .end = end,
                  .events = engine.events(),
                  .flows = engine.flows()};
  outcome.summary.complete = serving.complete();
  outcome.summary.requests_arrived = serving.arrived();
  outcome.summary.chips_idle = assembly.topology.chip_count() - outcome.summary.chips;
  outcome.summary.confidence = confidence_of_run(experiment, outcome.summary);
  outcome.summary.notes = assembly.notes;
  for (std::string& note : assembly.source->notes()) outcome.summary.notes.push_back(std::move(note));
  if (source.longer() > 0) {
    outcome.summary.notes.push_back(std::to_string(source.longer()) + " requests are longer than the context of " +
                                    experiment.llm.name + ", " + std::to_string(experiment.llm.max_context) +
                                    " tokens; an engine would refuse them, here they run");
  }
  if (recorder->gone.requests() > 0) {
    outcome.summary.notes.push_back("latencies are of the requests that finished; " +
                                    std::to_string(recorder->gone.requests()) + " were given up by their users");
  }
  if (serving.complete() && serving.arrived() == 0) {
    experiment.source->fail("workload.duration", "no request arrived; lengthen it");
  }
  if (serving.complete() && recorder->measured + recorder->gone_after_warm_up.requests() == 0) {
    experiment.source->fail("workload.warm_up", "all " + std::to_string(serving.arrived()) +
                                                    " requests arrived during warm-up; shorten it");
  }
  outcome.meters = serving.meters();
  outcome.recorder = std::move(recorder);
  return outcome;
}

}  // namespace tokenyard
