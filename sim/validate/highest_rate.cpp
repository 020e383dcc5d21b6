#include "sim/validate/highest_rate.hpp"

#include "models/base/errors.hpp"
#include "sim/config/catalog.hpp"
#include "sim/config/experiment.hpp"
#include "sim/run/children.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace tokenyard::validate {
namespace {

constexpr int kFarthest = 200;   // 1.02^200 = 52
constexpr int kOurMistake = 70;  // statuses of a process
constexpr int kInterrupted = 130;

double rate_of(int power) { return std::pow(kRateStep, power); }

Prediction interrupted_run() {
  Prediction cut;
  cut.summary.complete = false;
  return cut;
}

Prediction play(const Point& point, const std::atomic<bool>* interrupted) {
  const auto answers = in_children(
      1, {.jobs = 1, .interrupted = interrupted},
      [&](std::size_t) {
        return to_text(
            predict(config::read_experiment(config::catalog_root() / point.config, point.settings), interrupted));
      },
      [&](std::size_t) { return point.scored.set + ":" + std::to_string(point.scored.row); });
  const ChildAnswer& answer = answers.front();
  if (answer.status == kInterrupted) return interrupted_run();
  expect(answer.status != kOurMistake, answer.text);
  if (answer.status != 0) throw UserError(answer.text);
  return from_text(answer.text);
}

}  // namespace

std::optional<int> largest_good(int first, int farthest, const std::function<bool(int)>& good) {
  constexpr int kStep = 8;
  const bool up = good(first);
  int low = first;   // good, once `up` or a search below has found one
  int high = first;  // bad
  for (int step = kStep;; step *= 2) {
    const int next = up ? low + step : high - step;
    if (std::abs(next - first) > farthest) return std::nullopt;
    const bool is_good = good(next);
    (is_good ? low : high) = next;
    if (is_good != up) break;
  }
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    (good(middle) ? low : high) = middle;
  }
  return low;
}

Point at_rate(const Point& point, double rate) {
  constexpr double kWarmUp = 0.4;
  Point one = point;
  const double requests = std::clamp(std::round(point.search->span_s * rate), 2'000.0, 100'000.0);
  one.set("workload.arrivals.rate", fmt::format("{:.5g}/s", rate));
  one.set("workload.requests", static_cast<std::uint64_t>(requests));
  one.set("workload.warm_up", fmt::format("{:.0f}s", std::ceil(kWarmUp * requests / rate)));
  return one;
}

Prediction predict_highest_rate(const Point& point, const std::atomic<bool>* interrupted) {
  const RateSearch& search = *point.search;
  Prediction best;
  bool cut = false;
  const auto keeps = [&](int power) {
    if (cut) return false;
    Prediction trial = play(at_rate(point, rate_of(power)), interrupted);
    cut = !trial.summary.complete;
    if (cut || trial.summary.ttft.p99_s > search.ttft_s || trial.summary.tpot.p99_s > search.tpot_s) return false;
    trial.highest_rate = rate_of(power);
    best = std::move(trial);  // the last good one that is asked for is the largest
    return true;
  };
  const int first = static_cast<int>(std::lround(std::log(search.start) / std::log(kRateStep)));
  const auto found = largest_good(first, kFarthest, keeps);
  if (cut) return interrupted_run();
  if (!found) throw UserError("no rate near the measured one is the highest within the limits of TTFT and TPOT");
  expect(std::abs(best.highest_rate - rate_of(*found)) < 1e-9 * best.highest_rate, "the best trial is the largest");
  return best;
}

}  // namespace tokenyard::validate
