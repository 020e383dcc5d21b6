#include "tools/tokenyard/commands.hpp"

#include "models/base/errors.hpp"
#include "sim/report/table.hpp"
#include "sim/run/play.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <thread>

namespace tokenyard::cli {
namespace {

struct CompareArguments {
  std::vector<std::string> files;
  std::vector<std::string> settings;
  PlayOptions options;
  unsigned jobs = 0;
};

int compare(CompareArguments& arguments) {
  arguments.options.overrides = overrides(arguments.settings);
  arguments.options.interrupted = &catch_interrupt();
  const unsigned jobs = arguments.jobs > 0 ? arguments.jobs : std::max(1U, std::thread::hardware_concurrency());
  const auto designs = play_all({arguments.files.begin(), arguments.files.end()}, arguments.options, jobs);
  int status = 0;
  std::vector<metrics::Summary> summaries;
  for (const Design& design : designs) {
    if (design.status == 0) {
      summaries.push_back(design.summary);
      if (!design.summary.complete) status = std::max(status, kInterrupted);
    } else {
      complain(design.error);
      status = std::max(status, design.status);
    }
  }
  if (!summaries.empty()) {
    std::cout << report::compare_table(summaries) << "results in " << arguments.options.out << "/, a folder a design\n";
  }
  return status;
}

}  // namespace

void add_compare(CLI::App& app, Command& command, const std::vector<std::string>& arguments) {
  auto* sub = app.add_subcommand("compare", "simulate several experiments and print them side by side");
  const auto given = std::make_shared<CompareArguments>();
  given->options.arguments = arguments;
  sub->add_option("experiments", given->files, "YAML files")->required();
  add_set_option(*sub, given->settings);
  sub->add_option("--out", given->options.out, "folder for results")->capture_default_str();
  sub->add_option("-j,--jobs", given->jobs, "experiments at a time; 0 = one a core")->capture_default_str();
  sub->callback([given, &command] { command = [given] { return compare(*given); }; });
}

}  // namespace tokenyard::cli
