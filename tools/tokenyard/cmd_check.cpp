#include "tools/tokenyard/commands.hpp"

#include "models/base/errors.hpp"
#include "sim/config/experiment.hpp"
#include "sim/run/run.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

namespace tokenyard::cli {
namespace {

struct CheckArguments {
  std::vector<std::string> files;
  std::vector<std::string> settings;
};

int check_files(const CheckArguments& arguments) {
  constexpr int kUserMistake = 2;
  int status = 0;
  for (const std::string& file : arguments.files) {
    try {
      check(config::read_experiment(file, overrides(arguments.settings)));
      std::cout << file << ": ok\n";
    } catch (const UserError& error) {  // the other files are checked all the same
      complain(error.what());
      status = kUserMistake;
    }
  }
  return status;
}

}  // namespace

void add_check(CLI::App& app, Command& command) {
  auto* sub = app.add_subcommand("check", "validate experiments without running them");
  const auto given = std::make_shared<CheckArguments>();
  sub->add_option("experiments", given->files, "YAML files")->required();
  add_set_option(*sub, given->settings);
  sub->callback([given, &command] { command = [given] { return check_files(*given); }; });
}

}  // namespace tokenyard::cli
