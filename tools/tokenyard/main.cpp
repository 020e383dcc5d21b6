#include "models/base/errors.hpp"
#include "tools/tokenyard/commands.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace {
constexpr int kUserMistake = 2;
constexpr int kOurMistake = 70;  // EX_SOFTWARE
constexpr int kNoOutput = 74;    // EX_IOERR

/// What CLI11 found wrong with the command line, in one line like all our messages.
int refuse(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const std::string command = "tokenyard" + (chosen.empty() ? std::string{} : " " + chosen[0]->get_name());
  tokenyard::cli::complain(command + ": " + error.what() + "; `" + command + " --help` tells what there is");
  return kUserMistake;
}

/// CLI11 takes "-1" for the largest count, and "" for a name.
void refuse_odd_values(CLI::App& app) {
  const CLI::Validator from_nought(
      [](std::string& text) { return text.substr(0, 1) == "-" ? "must be 0 or more, not " + text : std::string{}; },
      "");
  for (CLI::Option* option : app.get_options()) {
    if (option->get_type_name() == "UINT") option->check(from_nought);
    if (option->get_type_name() != "TEXT") continue;
    const std::string way_out = option->get_required() ? "" : "; give it a value or leave it out";
    option->check(CLI::Validator(
        [way_out](std::string& text) { return text.empty() ? "must not be empty" + way_out : std::string{}; }, ""));
  }
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) refuse_odd_values(*command);
}
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
  cli::add_calibrate(app, command);
  cli::add_check(app, command);
  cli::add_claims(app, command);
  cli::add_collective(app, command);
  cli::add_explain(app, command);
  cli::add_validate(app, command);
  cli::add_keys(app, command);
  cli::add_topology(app, command);
  cli::add_trace(app, command);
  cli::add_workload(app, command);
  refuse_odd_values(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error) : refuse(app, error);
  }
  try {
    const int status = command();
    std::cout.flush();
    if (std::cout) return status;
    cli::complain("tokenyard: the results could not be written to the standard output");
    return kNoOutput;
  } catch (const UserError& error) {
    cli::complain(error.what());
    return kUserMistake;
  } catch (const std::exception& error) {
    cli::complain(std::string("tokenyard: a mistake of ours, please report it: ") + error.what());
    return kOurMistake;
  }
}
