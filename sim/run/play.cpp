#include "sim/run/play.hpp"

#include "models/base/errors.hpp"
#include "sim/config/experiment.hpp"
#include "sim/engine/engine.hpp"
#include "sim/files/output_folder.hpp"
#include "sim/log/progress.hpp"
#include "sim/report/csv.hpp"
#include "sim/report/json.hpp"
#include "sim/report/manifest.hpp"
#include "sim/report/request_rows.hpp"
#include "sim/run/run.hpp"

#include <sys/resource.h>

#include <chrono>
#include <optional>
#include <ostream>

namespace tokenyard {
namespace {

std::uint64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // Linux counts KiB
}

void write_results(const config::Experiment& experiment, const Outcome& outcome, const PlayOptions& options,
                   std::chrono::duration<double> wall_time, files::OutputFolder& folder) {
  std::vector<std::string> names{"summary.json", "timeseries.csv", "links.csv", "scenario.resolved.yaml"};
  report::write_summary(outcome.summary, folder.file("summary.json"));
  std::vector<metrics::PoolFacts> facts;
  for (const metrics::PoolFigures& pool : outcome.summary.pools) facts.push_back(pool.facts);
  report::write_timeseries(facts, outcome.meters, outcome.end, folder.file("timeseries.csv"));
  report::write_links(outcome.summary.links, folder.file("links.csv"));
  folder.file("scenario.resolved.yaml") << experiment.resolved;
  if (experiment.output.requests) names.emplace_back("requests.csv");  // written on the way
  if (experiment.output.steps) {
    report::write_steps(outcome.recorder->steps(), folder.file("steps.csv"));
    names.emplace_back("steps.csv");
  }
  report::write_manifest({.simgrid_version = engine::simgrid_version(),
                          .scenario_hash = report::fnv1a_64(experiment.resolved),
                          .arguments = options.arguments,
                          .complete = outcome.summary.complete,
                          .wall_time = wall_time,
                          .peak_memory_bytes = peak_memory_bytes(),
                          .events = outcome.events,
                          .flows = outcome.flows,
                          .files = names},
                         folder.file("manifest.json"));
  folder.commit();
}

}  // namespace

metrics::Summary play(const std::filesystem::path& file, const PlayOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  const config::Experiment experiment = config::read_experiment(file, options.overrides);
  std::optional<files::OutputFolder> folder;
  if (options.write) folder.emplace((std::filesystem::path(options.out) / experiment.name).string());

  std::optional<report::RequestRows> rows;
  if (folder && experiment.output.requests) {
    std::vector<std::string> classes;
    for (const workloads::SloClass& one : experiment.workload.classes) classes.push_back(one.name);
    rows.emplace(folder->file("requests.csv"), std::move(classes));
  }
  RunOptions run_options{.step_by_step = options.step_by_step, .interrupted = options.interrupted};
  if (rows) run_options.requests = &*rows;
  run_options.keep_records = folder.has_value();  // else nobody reads them
  std::optional<Outcome> outcome;
  {
    std::optional<log::Progress> progress;
    if (options.progress) progress.emplace();
    run_options.progress = [&](SimTime now, double share, std::uint64_t finished) {
      if (progress)
        progress->tick([&] { return log::ProgressState{.fraction = share, .now = now, .requests_done = finished}; });
    };
    outcome = run(experiment, run_options);
  }
  if (rows) rows->finish();
  if (folder) write_results(experiment, *outcome, options, std::chrono::steady_clock::now() - began, *folder);
  return std::move(outcome->summary);
}

}  // namespace tokenyard
