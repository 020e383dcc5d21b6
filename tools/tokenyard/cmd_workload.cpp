#include "tools/tokenyard/commands.hpp"

#include "models/base/errors.hpp"
#include "models/base/units_text.hpp"
#include "sim/traffic/offered.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

namespace tokenyard::cli {
namespace {

struct PreviewArguments {
  std::string file;
  std::vector<std::string> settings;
  traffic::Preview asked;
  std::uint64_t limit = 0;
  std::string first_token;
  std::string per_token;
};

int preview(PreviewArguments& given) {
  const auto read = [](const std::string& option, const std::string& text, SimTime& time) {
    if (text.empty()) return;
    try {
      time = SimTime::from(parse_seconds(text));
    } catch (const std::exception& error) {
      throw UserError(option + ": " + error.what());
    }
    if (time < SimTime{}) throw UserError(option + ": must be 0 s or more");
  };
  read("--first-token", given.first_token, given.asked.first_token);
  read("--per-token", given.per_token, given.asked.per_token);
  given.asked.overrides = overrides(given.settings);
  if (given.limit > 0) given.asked.limit = given.limit;
  std::cout << traffic::preview(given.file, given.asked);
  return 0;
}

}  // namespace

void add_workload(CLI::App& app, Command& command) {
  auto* workload = app.add_subcommand("workload", "look at the traffic of an experiment");
  workload->require_subcommand(1);
  const auto given = std::make_shared<PreviewArguments>();
  auto* sub =
      workload->add_subcommand("preview", "what it will offer: rate, lengths, reuse, a plot; nothing is served");
  sub->add_option("experiment", given->file, "YAML file")->required();
  add_set_option(*sub, given->settings);
  sub->add_option("--limit", given->limit, "at most so many requests; 0 = all")->capture_default_str();
  sub->add_option("--lru", given->asked.lru_blocks, "measure reuse with an LRU cache of so many blocks too");
  sub->add_option("--out", given->asked.out, "write the requests as a trace that can be replayed");
  sub->add_option("--first-token", given->first_token, "of sessions: time to the first token that is assumed (500 ms)");
  sub->add_option("--per-token", given->per_token, "of sessions: time of each other token that is assumed (20 ms)");
  sub->callback([given, &command] { command = [given] { return preview(*given); }; });
}

}  // namespace tokenyard::cli
