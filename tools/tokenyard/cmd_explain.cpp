#include "tools/tokenyard/commands.hpp"

#include "sim/config/experiment.hpp"
#include "sim/report/step_sheets.hpp"
#include "sim/run/explain.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::cli {
namespace {

struct ExplainArguments {
  std::string file;
  std::vector<std::string> settings;
  std::optional<std::uint32_t> decodes;
  std::optional<std::uint32_t> context;
  std::optional<std::uint32_t> prompt;
  std::optional<std::uint32_t> chunk;
  bool json = false;
};

int explain_file(const ExplainArguments& arguments) {
  const config::Experiment experiment = config::read_experiment(arguments.file, overrides(arguments.settings));
  StepQuestion question = usual_question(experiment);
  question.decodes = arguments.decodes.value_or(question.decodes);
  question.context = arguments.context.value_or(question.context);
  question.prompt = arguments.prompt.value_or(question.prompt);
  question.chunk = arguments.chunk.value_or(question.chunk);
  refuse_impossible(experiment, question, arguments.prompt.has_value());
  std::vector<metrics::StepSheet> sheets;
  for (const PoolStep& step : explain(experiment, question)) sheets.push_back(sheet_of(step));
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
  const auto count = [sub](const char* option, std::optional<std::uint32_t>& value, const char* what,
                           std::uint32_t usual) {
    sub->add_option(option, value, what)->default_str(std::to_string(usual));
  };
  const StepQuestion usual;
  count("--decodes", given->decodes, "sequences that decode, on each rank, or as many as run", usual.decodes);
  count("--context", given->context, "tokens of each in the cache, or the model's context", usual.context);
  sub->add_flag("--json", given->json, "print JSON for programs in place of the tables");
  count("--prompt", given->prompt, "tokens of a prompt, on each rank of a prefill pool, or a full step", usual.prompt);
  count("--chunk", given->chunk, "tokens of a prompt beside the decodes, on each rank of a mixed pool", usual.chunk);
  sub->callback([given, &command] { command = [given] { return explain_file(*given); }; });
}

}  // namespace tokenyard::cli
