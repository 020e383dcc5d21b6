#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tokenyard::cli {

/// What the chosen subcommand does; gives the exit code. Throws UserError and BugError, which main() turns into 2
/// and 70.
using Command = std::function<int()>;

// Each adds its subcommand to `app` and, when that is given on the command line, puts its work into `command`.
// `arguments` is the whole command line.
void add_run(CLI::App& app, Command& command, const std::vector<std::string>& arguments);
void add_compare(CLI::App& app, Command& command, const std::vector<std::string>& arguments);
void add_calibrate(CLI::App& app, Command& command);
void add_check(CLI::App& app, Command& command);
void add_claims(CLI::App& app, Command& command);
void add_collective(CLI::App& app, Command& command);
void add_explain(CLI::App& app, Command& command);
void add_keys(CLI::App& app, Command& command);
void add_topology(CLI::App& app, Command& command);
void add_validate(CLI::App& app, Command& command);
void add_trace(CLI::App& app, Command& command);
void add_workload(CLI::App& app, Command& command);

}  // namespace tokenyard::cli
