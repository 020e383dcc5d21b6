#include "models/base/errors.hpp"
#include "tools/tokenyard/commands.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace {
constexpr int kUserMistake = 2;
constexpr int kOurMistake = 70;  // EX_SOFTWARE
}  // namespace

int main(int argc, char** argv) {
  using namespace tokenyard;
  const std::vector<std::string> arguments(argv, argv + argc);
  CLI::App app{"tokenyard simulates LLM inference on datacenter accelerators."};
  app.set_version_flag("--version", TOKENYARD_VERSION);
  app.require_subcommand(1);
  cli::Command command;
  cli::add_run(app, command, arguments);
  cli::add_compare(app, command, arguments);
  cli::add_check(app, command);
  cli::add_keys(app, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUserMistake;
  }
  try {
    return command();
  } catch (const UserError& error) {
    std::cerr << error.what() << "\n";
    return kUserMistake;
  } catch (const std::exception& error) {
    std::cerr << "tokenyard: a mistake of ours, please report it: " << error.what() << "\n";
    return kOurMistake;
  }
}
