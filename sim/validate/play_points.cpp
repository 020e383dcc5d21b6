#include "sim/validate/play_points.hpp"

#include "models/base/errors.hpp"
#include "sim/config/catalog.hpp"
#include "sim/run/children.hpp"
#include "sim/validate/diagnosis.hpp"
#include "sim/validate/highest_rate.hpp"
#include "sim/validate/prediction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

namespace tokenyard::validate {
namespace {

using metrics::RowFate;
using metrics::ScoredPoint;

constexpr int kOurMistake = 70;
constexpr int kInterrupted = 130;

/// The set-up of a point, word for word.
std::string set_up(const Point& point) {
  std::string text = point.config;
  for (const config::Override& setting : point.settings) text += '\n' + setting.path + '=' + setting.value;
  if (const auto& search = point.search) {
    text += fmt::format("\nsearch {} {} {} {}", search->start, search->ttft_s, search->tpot_s, search->span_s);
  }
  return text;
}

std::string measured_text(const Point& point) {
  std::string text;
  for (const Measured& one : point.measured) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, one.value).ptr;
    text += std::string(metrics::name(one.metric)) + std::string(digits, end) + ' ';
  }
  return text;
}

/// What a person types to play the point alone.
std::string command_of(const Point& point) {
  std::string command = "tokenyard run " + point.config + " --no-files";
  for (const config::Override& setting : point.settings) command += " --set " + setting.path + "=" + setting.value;
  return command;
}

void compare(const Point& point, const Prediction& prediction, ScoredPoint& scored) {
  for (const Measured& measured : point.measured) {
    const std::optional<double> predicted = measured.statistic == Statistic::HighestRate
                                                ? prediction.highest_rate * point.search->tokens
                                                : figure_of(prediction, measured.metric, measured.statistic);
    if (!predicted || !(*predicted > 0.0) || !(measured.value > 0.0)) continue;
    scored.compared[static_cast<std::size_t>(measured.metric)] = {*predicted, measured.value, measured.trap};
  }
  scored.mean_batch = prediction.mean_batch;
  scored.mean_prompt = prediction.mean_prompt;
  scored.queue_share_of_ttft = prediction.queue_share_of_ttft;
  scored.shares = prediction.shares;
  scored.engine_kind = prediction.engine_kind;
  scored.format = prediction.format;
  scored.moe = prediction.moe;
  scored.split = prediction.split;
  scored.extrapolated = !prediction.kernel_tables;
  scored.suspected = suspected(scored, prediction);
}

/// A refusal without the place in our harness's file: "configs/.../x.yaml:4:2: pools.serve.parallel: it does not fit".
std::string without_place(const std::string& text) {
  const std::size_t yaml = text.find(".yaml:");
  const std::size_t colon = yaml == std::string::npos ? yaml : text.find(": ", yaml);
  return colon == std::string::npos ? text : text.substr(colon + 2);
}

/// Without the figures of the row, so that rows can be counted by it.
std::string reason_of(const std::string& why) {
  if (why.find("does not fit") != std::string::npos) return "the model does not fit the layout";
  if (why.find("a mistake of ours") != std::string::npos) return "a mistake of ours";
  if (why.find("its process died") != std::string::npos) return "its process died: a mistake of ours";
  return why;
}

}  // namespace

PlayedPoints play_points(const std::vector<Point>& points, const PlayPointsOptions& options) {
  std::map<std::string, std::size_t> known;  // set-up -> task
  std::vector<const Point*> tasks;
  std::vector<std::optional<std::size_t>> task_of(points.size());
  std::set<std::string> seen;  // set-up and figures
  std::vector<ScoredPoint> scored;
  for (std::size_t i = 0; i < points.size(); ++i) {
    scored.push_back(points[i].scored);
    if (scored[i].fate == RowFate::Refused) continue;
    const std::string key = set_up(points[i]);
    scored[i].command = command_of(points[i]);
    if (!seen.insert(key + '\n' + measured_text(points[i])).second) {
      scored[i].fate = RowFate::Repeat;
      scored[i].why = "repeats an earlier row: the same set-up and figures";
      continue;
    }
    const auto [place, is_new] = known.emplace(key, tasks.size());
    if (is_new) tasks.push_back(&points[i]);
    task_of[i] = place->second;
  }

  const std::filesystem::path root = config::catalog_root();
  ChildOptions children{.jobs = options.jobs, .interrupted = options.interrupted};
  if (options.progress) children.progress = [&](std::size_t ended) { options.progress(ended, tasks.size()); };
  const auto answers = in_children(
      tasks.size(), children,
      [&](std::size_t i) {
        return to_text(tasks[i]->search ? predict_highest_rate(*tasks[i], options.interrupted)
                                        : predict(config::read_experiment(root / tasks[i]->config, tasks[i]->settings),
                                                  options.interrupted));
      },
      [&](std::size_t i) { return tasks[i]->scored.set + ":" + std::to_string(tasks[i]->scored.row); });

  PlayedPoints played{.points = std::move(scored)};
  std::vector<std::optional<Prediction>> predictions(answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].status == 0) predictions[i] = from_text(answers[i].text);
    const bool cut = answers[i].status == kInterrupted || (predictions[i] && !predictions[i]->summary.complete);
    if (cut) predictions[i].reset();
    if (cut || answers[i].status == kOurMistake)
      played.status = std::max(played.status, cut ? kInterrupted : kOurMistake);
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!task_of[i]) continue;
    ScoredPoint& point = played.points[i];
    if (const auto& prediction = predictions[*task_of[i]]) {
      compare(points[i], *prediction, point);
      if (points[i].search) point.command = command_of(at_rate(points[i], prediction->highest_rate));
    } else {
      const ChildAnswer& answer = answers[*task_of[i]];
      point.fate = RowFate::Refused;
      point.why = answer.status == 0             ? "interrupted"
                  : answer.status == kOurMistake ? answer.text
                                                 : without_place(answer.text);
      point.reason = reason_of(point.why);
    }
  }
  return played;
}

}  // namespace tokenyard::validate
