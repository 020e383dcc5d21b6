#include "tools/tokenyard/commands.hpp"

#include "sim/config/experiment.hpp"
#include "sim/report/step_sheets.hpp"
#include "sim/run/explain.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace tokenyard::cli {
namespace {

struct ExplainArguments {
  std::string file;
  std::vector<std::string> settings;
  StepQuestion question;
  bool json = false;
};

int explain_file(const ExplainArguments& arguments, bool prompt_given) {
  const config::Experiment experiment = config::read_experiment(arguments.file, overrides(arguments.settings));
  refuse_impossible(experiment, arguments.question, prompt_given);
  std::vector<metrics::StepSheet> sheets;
  for (const PoolStep& step : explain(experiment, arguments.question)) sheets.push_back(sheet_of(step));
  if (arguments.json) {
    report::write_steps_json(sheets, std::cout);
    return 0;
  }
  for (const metrics::StepSheet& sheet : sheets) std::cout << report::step_table(sheet) << "\n";
  return 0;
}

}  // namespace

void add_explain(CLI::App& app, Command& command) {
  auto* sub = app.add_subcommand("explain", "take one step of each pool apart: where its time goes");
  const auto given = std::make_shared<ExplainArguments>();
  sub->add_option("experiment", given->file, "YAML file")->required();
  add_set_option(*sub, given->settings);
  sub->add_option("--decodes", given->question.decodes, "sequences that decode, on each rank")->capture_default_str();
  sub->add_option("--context", given->question.context, "tokens of each in the cache")->capture_default_str();
  sub->add_flag("--json", given->json, "print JSON for programs in place of the tables");
  auto* prompt =
      sub->add_option("--prompt", given->question.prompt, "tokens of a prompt, on each rank of a prefill pool")
          ->capture_default_str();
  sub->add_option("--chunk", given->question.chunk,
                  "tokens of a prompt beside the decodes, on each rank of a mixed pool")
      ->capture_default_str();
  sub->callback([given, prompt, &command] {
    command = [given, given_prompt = prompt->count() > 0] { return explain_file(*given, given_prompt); };
  });
}

}  // namespace tokenyard::cli
