#include "tools/tokenyard/commands.hpp"

#include "sim/report/table.hpp"
#include "sim/run/play.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

namespace tokenyard::cli {
namespace {

struct RunArguments {
  std::string file;
  std::vector<std::string> settings;
  PlayOptions options;
  bool no_files = false;
};

int run_file(RunArguments& arguments) {
  arguments.options.overrides = overrides(arguments.settings);
  arguments.options.write = !arguments.no_files;
  arguments.options.interrupted = &catch_interrupt();
  const metrics::Summary summary = play(arguments.file, arguments.options);
  std::cout << report::run_table(summary);
  if (arguments.options.write) std::cout << "results in " << arguments.options.out << "/" << summary.name << "/\n";
  return summary.complete ? 0 : kInterrupted;
}

}  // namespace

void add_run(CLI::App& app, Command& command, const std::vector<std::string>& arguments) {
  auto* sub = app.add_subcommand("run", "simulate one experiment, print its table, write OUT/NAME/");
  const auto given = std::make_shared<RunArguments>();
  given->options.arguments = arguments;
  sub->add_option("experiment", given->file, "YAML file")->required();
  add_set_option(*sub, given->settings);
  sub->add_option("--out", given->options.out, "folder for results")->capture_default_str();
  sub->add_flag("--no-files", given->no_files, "print the table only");
  sub->add_flag("--step-by-step", given->options.step_by_step, "one event a step: same results, slower (for tests)");
  sub->callback([given, &command] { command = [given] { return run_file(*given); }; });
}

}  // namespace tokenyard::cli
