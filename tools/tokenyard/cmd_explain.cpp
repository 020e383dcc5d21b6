#include "tools/tokenyard/commands.hpp"

#include "sim/config/experiment.hpp"
#include "sim/run/explain.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>

namespace tokenyard::cli {
namespace {

struct ExplainArguments {
  std::string file;
  std::vector<std::string> settings;
  StepQuestion question;
};

constexpr double kShown = 0.0005;  // ms

template <class... Figures>
std::string line(const char* format, Figures... figures) {
  char text[160];
  std::snprintf(text, sizeof text, format, figures...);
  return text;
}

void print(const PoolStep& step) {
  const double milliseconds = step.step.seconds().value() * 1e3;
  std::cout << step.pool << ": " << step.what << "\n";
  double sum = 0.0;
  for (const cost::CostLine& part : step.lines) {
    const double time = part.time.value() * 1e3;
    sum += time;
    const bool shown = std::abs(time) >= kShown;  // rounding may leave some of what nothing is left of
    std::cout << line("  %-24s %10.3f ms  %6.4f\n", part.name.c_str(), shown ? time : 0.0,
                      shown ? time / milliseconds : 0.0);
  }
  if (milliseconds > 1.001 * sum) std::cout << line("  %-24s %10.3f ms\n", "waiting for the host", milliseconds - sum);
  std::cout << line("  %-24s %10.3f ms\n", "step", milliseconds);
  if (step.in_a_row > step.step) {
    std::cout << line("  %-24s %10.3f ms  (chips busy with products cannot keep full clocks)\n", "step, many in a row",
                      step.in_a_row.seconds().value() * 1e3);
  }
  std::cout << line("  weights %.1f GB a chip, %u KV blocks a rank, %.1f GB read a step by all chips together\n",
                    step.weights_per_chip.value() * 1e-9, step.blocks_per_rank, step.traffic.value() * 1e-9);
  if (step.kv_tokens_asked > step.kv_tokens) {
    std::cout << line("  no engine runs this step: its requests have %llu tokens a rank, the KV cache holds %llu\n",
                      static_cast<unsigned long long>(step.kv_tokens_asked),
                      static_cast<unsigned long long>(step.kv_tokens));
  }
  if (step.load) {
    std::cout << line("  loaded from %s over %s in %.1f s, with all other instances at once in %.1f s\n",
                      step.load->store.c_str(), step.load->plane.c_str(), step.load->alone.value(),
                      step.load->together.value());
  }
  std::cout << "\n";
}

int explain_file(const ExplainArguments& arguments, bool prompt_given) {
  const config::Experiment experiment = config::read_experiment(arguments.file, overrides(arguments.settings));
  refuse_impossible(experiment, arguments.question, prompt_given);
  for (const PoolStep& step : explain(experiment, arguments.question)) print(step);
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
