#include "sim/validate/prediction.hpp"

#include "models/base/errors.hpp"
#include "sim/report/json.hpp"
#include "sim/run/accuracy.hpp"
#include "sim/run/explain.hpp"
#include "sim/run/run.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <utility>

namespace tokenyard::validate {
namespace {

using metrics::Metric;
using metrics::StepShares;

/// Where a line of the price of a step belongs.
double& place_of(const std::string& line, StepShares& shares) {
  const auto has = [&](const char* word) { return line.find(word) != std::string::npos; };
  if (has("attention")) return shares.attention;
  if (line == "experts" || has("router")) return shares.experts;
  if (has("all-reduce") || has("dispatch") || has("combine") || has("hop") || has("gather") || has("scattered"))
    return shares.communication;
  if (line == "host") return shares.host;
  if (has("small") || has("norm")) return shares.other;
  return shares.projections;
}

StepShares shares_of(const PoolStep& step, const PoolStep& lone) {
  StepShares shares;
  double sum = 0.0;
  for (const cost::CostLine& line : step.lines) {
    place_of(line.name, shares) += line.time.value();
    sum += line.time.value();
  }
  for (double* share :
       {&shares.projections, &shares.attention, &shares.experts, &shares.communication, &shares.other, &shares.host}) {
    *share /= sum;
  }
  shares.lone_step = lone.step.seconds() / step.step.seconds();
  return shares;
}

/// Sequences and tokens of each in the steps of the pool that decodes, on average; a pipeline has a batch in each lane.
StepQuestion typical_step(const config::Experiment& experiment, const metrics::Summary& summary) {
  const metrics::PoolFigures& pool = summary.pools.back();
  const auto& plan = experiment.pools.back().plan;
  const double sequences = pool.running_mean / (1.0 * plan.attention_data * plan.pipeline);
  const double requests = std::max(summary.requests_per_s, std::numeric_limits<double>::min());
  const double context = (summary.prompt_tokens_per_s + 0.5 * summary.output_tokens_per_s) / requests;
  const auto whole = [](double value) { return static_cast<std::uint32_t>(std::clamp(std::round(value), 1.0, 1e6)); };
  return {
      .decodes = whole(sequences), .context = whole(context), .prompt = whole(summary.prompt_tokens_per_s / requests)};
}

std::optional<double> of_spread(const metrics::Spread& spread, Statistic statistic) {
  if (spread.count == 0) return std::nullopt;
  switch (statistic) {
    case Statistic::Mean:
      return spread.mean_s;
    case Statistic::Median:
      return spread.p50_s;
    case Statistic::P90:
      return spread.p90_s;
    case Statistic::P99:
      return spread.p99_s;
    default:
      return std::nullopt;
  }
}

std::optional<double> throughput_of(const Prediction& prediction, Statistic statistic) {
  const metrics::Summary& summary = prediction.summary;
  std::uint64_t tokens = 0;
  for (const metrics::ClassFigures& figures : summary.by_class) tokens += figures.output_tokens;
  switch (statistic) {
    case Statistic::OutputTokensToEnd:
      return static_cast<double>(tokens) / prediction.makespan_s;
    case Statistic::OutputTokens:
      return summary.output_tokens_per_s;
    case Statistic::OutputTokensPerChip:
      return summary.output_tokens_per_s_per_chip;
    case Statistic::PromptTokensPerChip:
      return summary.prompt_tokens_per_s / summary.chips;
    default:
      return std::nullopt;
  }
}

}  // namespace

Prediction predict(const config::Experiment& experiment, const std::atomic<bool>* interrupted) {
  Outcome outcome = run(experiment, {.interrupted = interrupted});
  Prediction prediction{.summary = std::move(outcome.summary), .makespan_s = outcome.end.seconds().value()};
  const metrics::Summary& summary = prediction.summary;
  prediction.engine_kind = engine_kind(experiment.pools.back().engine);
  prediction.format = leading_format(experiment, experiment.pools.back());
  prediction.mean_prompt = mean_prompt(summary);
  prediction.moe = experiment.llm.moe.has_value();
  prediction.split = experiment.pools.size() > 1;
  prediction.kernel_tables = has_kernel_tables(experiment, experiment.pools.back());
  if (!summary.complete) return prediction;
  prediction.mean_batch = summary.pools.back().running_mean;
  if (summary.ttft.mean_s > 0.0) {
    prediction.queue_share_of_ttft =
        summary.parts[static_cast<std::size_t>(metrics::Part::Queue)].mean_s / summary.ttft.mean_s;
  }
  const StepQuestion typical = typical_step(experiment, summary);
  const StepQuestion alone{.decodes = 1, .context = 1, .prompt = 1};
  prediction.shares = shares_of(explain(experiment, typical).back(), explain(experiment, alone).back());
  return prediction;
}

std::string to_text(const Prediction& prediction) {
  std::ostringstream text;
  text.precision(std::numeric_limits<double>::max_digits10);
  const StepShares& shares = prediction.shares;
  for (const double figure :
       {prediction.makespan_s, prediction.mean_batch, prediction.mean_prompt, prediction.queue_share_of_ttft,
        prediction.highest_rate, shares.projections, shares.attention, shares.experts, shares.communication,
        shares.other, shares.host, shares.lone_step}) {
    text << figure << '\n';
  }
  text << prediction.engine_kind << '\n'
       << prediction.format << '\n'
       << prediction.moe << prediction.split << prediction.kernel_tables << '\n';
  report::write_summary(prediction.summary, text);
  return text.str();
}

Prediction from_text(const std::string& text) {
  Prediction prediction;
  StepShares& shares = prediction.shares;
  std::istringstream in(text);
  for (double* figure :
       {&prediction.makespan_s, &prediction.mean_batch, &prediction.mean_prompt, &prediction.queue_share_of_ttft,
        &prediction.highest_rate, &shares.projections, &shares.attention, &shares.experts, &shares.communication,
        &shares.other, &shares.host, &shares.lone_step}) {
    in >> *figure;
  }
  std::string flags;
  in >> prediction.engine_kind >> prediction.format >> flags;
  expect(!in.fail() && flags.size() == 3, "a prediction starts with its figures");
  prediction.moe = flags[0] == '1';
  prediction.split = flags[1] == '1';
  prediction.kernel_tables = flags[2] == '1';
  prediction.summary = report::read_summary(in, "a prediction");
  return prediction;
}

std::optional<double> figure_of(const Prediction& prediction, Metric metric, Statistic statistic) {
  const metrics::Summary& summary = prediction.summary;
  switch (metric) {
    case Metric::Ttft:
      return of_spread(summary.ttft, statistic);
    case Metric::Tpot:
      return of_spread(summary.tpot, statistic);
    case Metric::EndToEnd:
      if (statistic == Statistic::Makespan) return prediction.makespan_s;
      return of_spread(summary.latency, statistic);
    case Metric::Throughput:
      return throughput_of(prediction, statistic);
  }
  return std::nullopt;
}

}  // namespace tokenyard::validate
