#include "sim/metrics/confidence.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

namespace tokenyard::metrics {
namespace {

struct BatchClass {
  std::uint32_t from;
  std::uint32_t to;
};
constexpr std::array kClasses{BatchClass{1, 16}, BatchClass{17, 64}, BatchClass{65, 1'000'000'000}};

std::string text_of(std::uint32_t from) {
  const BatchClass& one = kClasses[batch_class(from)];
  if (one.to == kClasses.back().to) return "batches from " + std::to_string(one.from) + " on";
  return "batches of " + std::to_string(one.from) + " to " + std::to_string(one.to);
}

/// Ordered by what is nearest; equal = as near.
using Distance =
    std::tuple<bool, bool, bool, std::uint32_t>;  // another model, engine, format; classes of batches between

Distance distance(const AccuracyLine& line, const Regime& regime) {
  const std::uint32_t here = batch_class(regime.mean_batch);
  const std::uint32_t there = batch_class(line.batch_from);
  return {line.model != regime.model, line.engine != regime.engine, line.format != regime.format,
          here > there ? here - there : there - here};
}

ErrorFigures together(const std::vector<const AccuracyLine*>& lines) {
  ErrorFigures sum;
  for (const AccuracyLine* line : lines) {
    const auto weight = static_cast<double>(line->errors.n);
    sum.n += line->errors.n;
    sum.median += weight * line->errors.median;
    sum.mean += weight * line->errors.mean;
    sum.p90 += weight * line->errors.p90;
    sum.bias += weight * line->errors.bias;
  }
  for (double* figure : {&sum.median, &sum.mean, &sum.p90, &sum.bias}) *figure /= static_cast<double>(sum.n);
  return sum;
}

std::string basis_of(const std::vector<const AccuracyLine*>& lines) {
  const AccuracyLine& first = *lines.front();
  const bool one_model =
      std::all_of(lines.begin(), lines.end(), [&](const auto* line) { return line->model == first.model; });
  const bool one_engine =
      std::all_of(lines.begin(), lines.end(), [&](const auto* line) { return line->engine == first.engine; });
  const bool one_format =
      std::all_of(lines.begin(), lines.end(), [&](const auto* line) { return line->format == first.format; });
  return first.chip + ", " +
         (one_model   ? first.model
          : first.moe ? "other MoE models"
                      : "other dense models") +
         ", " + (one_format ? first.format : "other formats") + ", " + (one_engine ? first.engine : "other engines") +
         (first.split ? ", P/D" : "") + ", " + text_of(first.batch_from);
}

std::string reason_of(const std::vector<const AccuracyLine*>& all, const Regime& regime) {
  const AccuracyLine& nearest = *all.front();
  if (!regime.kernel_tables) return "the kernel coefficients of " + regime.chip + " are assumed, not fitted";
  if (!regime.unlike.empty()) return "nothing with " + regime.unlike + " was measured";
  if (nearest.model != regime.model) return regime.model + " was not measured on " + regime.chip;
  if (nearest.engine != regime.engine) return regime.engine + " was not measured with it";
  if (nearest.format != regime.format) return "weights in " + regime.format + " were not measured with it";
  if (batch_class(nearest.batch_from) != batch_class(regime.mean_batch)) {
    return "no measurement at " + text_of(static_cast<std::uint32_t>(std::max(1.0, std::min(regime.mean_batch, 1e9))));
  }
  std::uint32_t longest = 0;
  for (const AccuracyLine* line : all) longest = std::max(longest, line->longest_prompt);
  if (regime.mean_prompt > kLongerPrompts * longest) {
    return "prompts of " + std::to_string(std::llround(regime.mean_prompt)) + " tokens on the mean, measured up to " +
           std::to_string(longest);
  }
  return "";
}

}  // namespace

std::uint32_t batch_class(double mean_batch) {
  std::uint32_t at = 0;
  while (at + 1 < kClasses.size() && mean_batch > kClasses[at].to) ++at;
  return at;
}

std::vector<AccuracyLine> accuracy_lines(const std::vector<ScoredPoint>& points) {
  using Key = std::tuple<std::string, std::string, std::string, std::string, bool, std::uint32_t, std::size_t>;
  struct Group {
    bool moe = false;
    double longest_prompt = 0.0;
    std::vector<double> errors;
  };
  std::map<Key, Group> groups;
  for (const ScoredPoint& point : points) {
    if (point.fate != RowFate::Played) continue;
    for (std::size_t m = 0; m < kMetrics; ++m) {
      const auto& comparison = point.compared[m];
      if (!comparison || !comparison->trap.empty()) continue;
      Group& group = groups[{point.chip, point.model, point.engine_kind, point.format, point.split,
                             batch_class(point.mean_batch), m}];
      group.moe = point.moe;
      group.longest_prompt = std::max(group.longest_prompt, point.mean_prompt);
      group.errors.push_back(comparison->error());
    }
  }
  std::vector<AccuracyLine> lines;
  for (auto& [key, group] : groups) {
    AccuracyLine line;
    std::uint32_t batches = 0;
    std::size_t metric = 0;
    std::tie(line.chip, line.model, line.engine, line.format, line.split, batches, metric) = key;
    line.moe = group.moe;
    line.longest_prompt = static_cast<std::uint32_t>(std::ceil(group.longest_prompt));
    line.batch_from = kClasses[batches].from;
    line.batch_to = kClasses[batches].to;
    line.metric = static_cast<Metric>(metric);
    line.errors = error_figures(std::move(group.errors));
    lines.push_back(std::move(line));
  }
  return lines;
}

Confidence confidence_of(const std::vector<AccuracyLine>& lines, const Regime& regime, Metric metric) {
  Confidence confidence{.metric = metric};
  std::vector<const AccuracyLine*> nearest;
  Distance least{true, true, true, std::numeric_limits<std::uint32_t>::max()};
  for (const AccuracyLine& line : lines) {
    if (line.metric != metric || line.chip != regime.chip || line.split != regime.split || line.moe != regime.moe)
      continue;
    const Distance here = distance(line, regime);
    if (here > least) continue;
    if (here < least) nearest.clear();
    least = here;
    nearest.push_back(&line);
  }
  if (nearest.empty()) {
    confidence.reason =
        !regime.kernel_tables
            ? "the kernel coefficients of " + regime.chip + " are assumed, and no serving of it was measured"
            : std::string("no serving of ") + (regime.moe ? "MoE" : "dense") + " models" +
                  (regime.split ? " with prefill and decode apart" : "") + " was measured on " + regime.chip;
    return confidence;
  }
  confidence.errors = together(nearest);
  confidence.basis = basis_of(nearest);
  confidence.reason = reason_of(nearest, regime);
  confidence.extrapolated = !confidence.reason.empty();
  return confidence;
}

}  // namespace tokenyard::metrics
