#include "tools/tokenyard/commands.hpp"

#include "sim/run/machine_sheet.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

namespace tokenyard::cli {
namespace {

struct TopologyArguments {
  std::string name;
  std::vector<std::string> settings;
  bool dot = false;
  bool svg = false;
};

int print_topology(const TopologyArguments& arguments) {
  const auto changes = overrides(arguments.settings);
  std::cout << (arguments.dot   ? machine_dot(arguments.name, changes)
                : arguments.svg ? machine_svg(arguments.name, changes)
                                : machine_sheet(arguments.name, changes));
  return 0;
}

}  // namespace

void add_topology(CLI::App& app, Command& command) {
  auto* sub =
      app.add_subcommand("topology", "bill of materials, bandwidths and latencies of a machine, or its drawing");
  const auto given = std::make_shared<TopologyArguments>();
  sub->add_option("machine", given->name, "name in topologies/, a machine's or an experiment's YAML file")->required();
  add_set_option(*sub, given->settings);
  auto* dot = sub->add_flag("--dot", given->dot, "every chip, switch and cable in Graphviz's language");
  sub->add_flag("--svg", given->svg, "a picture of every plane")->excludes(dot);
  sub->callback([given, &command] { command = [given] { return print_topology(*given); }; });
}

}  // namespace tokenyard::cli
