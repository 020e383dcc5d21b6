#include "sim/validate/mlperf_traffic.hpp"

#include "sim/validate/mlperf_limits.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace tokenyard::validate {
namespace {

using metrics::Metric;

// Places in kMlperfMetrics and kMlperfStatistics.
constexpr std::size_t kTtft = 0, kTpot = 1, kLatency = 2, kMean = 0, kP99 = 2;

double copies(const MlperfPlayed& run) {
  return static_cast<double>(run.chips) / (run.recipe.tensor * run.recipe.pipeline);
}

/// More requests than slots wait at any time, until the last is sent: to the copy, all that are left are there.
void send_at_once(const MlperfPlayed& run, Point& point) {
  point.config = "configs/validation/mlperf-offline.yaml";
  const std::uint32_t waiting = 2 * run.recipe.slots;
  point.scored.concurrency = waiting;
  point.set("workload.arrivals.concurrency", waiting);
  point.set("workload.requests", std::uint64_t{8} * run.recipe.slots);
  // As long as the measured copy takes for one and a half times its slots: the batch has filled and mixed.
  point.set("workload.warm_up",
            short_number(std::ceil(1.5 * run.recipe.slots * copies(run) * run.answer / run.told.tokens_per_s)) + "s");
  point.measured.push_back({Metric::Throughput, Statistic::OutputTokensPerChip, run.told.tokens_per_s / run.chips, ""});
}

void send_at_rate(const MlperfPlayed& run, Point& point) {
  constexpr double kSpan = 240.0;
  constexpr double kWarmUp = 0.4;
  point.config = "configs/validation/mlperf-server.yaml";
  const double requests = std::clamp(std::round(kSpan * run.told.target_qps), 2'000.0, 100'000.0);
  point.set("workload.arrivals.rate", short_number(run.told.target_qps) + "/s");
  point.set("workload.requests", static_cast<std::uint64_t>(requests));
  point.set("workload.warm_up", short_number(std::ceil(kWarmUp * requests / run.told.target_qps)) + "s");
}

/// One copy with as many requests in it as the measured ones held on average.
Point at_its_load(const MlperfPlayed& run, Point point) {
  const double held = run.told.target_qps * run.told.times[kLatency][kMean] / copies(run);
  const auto users = static_cast<std::uint32_t>(std::clamp(std::round(held), 1.0, 1e6));
  std::erase_if(point.settings, [](const auto& one) { return one.path == "pools.serve.instances"; });
  point.config = "configs/validation/mlperf-offline.yaml";
  point.scored.engine += ", its load";
  point.scored.traffic += " of " + std::to_string(users);
  point.scored.concurrency = users;
  point.set("workload.arrivals.concurrency", users);
  point.set("workload.requests", std::uint64_t{8} * users);
  point.set("workload.warm_up", short_number(std::ceil(1.5 * run.told.times[kLatency][kMean])) + "s");
  point.measured.push_back({Metric::Throughput, Statistic::OutputTokensPerChip, run.told.tokens_per_s / run.chips, ""});
  if (run.told.times[kTpot][kMean] > 0.0)
    point.measured.push_back({Metric::Tpot, Statistic::Mean, run.told.times[kTpot][kMean], ""});
  return point;
}

/// The metric of the benchmark itself: the highest rate of a valid run. Nothing for a model without limits.
std::optional<Point> highest_rate(const MlperfPlayed& run, Point point) {
  constexpr double kAnswers = 4.0;   // longest times that a mean answer may take, of which batches have filled in 1.6
  constexpr double kBacklog = 50.0;  // a rate 2 % too high keeps requests waiting for as long as the limit of TTFT
  constexpr double kFarBelow = 0.5;  // assumed
  const auto limits = mlperf_limits(run.told, run.llm);
  if (!limits) return std::nullopt;
  point.config = "configs/validation/mlperf-server.yaml";
  point.scored.engine += ", highest rate";
  point.scored.traffic +=
      ", p99 TTFT <= " + short_number(limits->ttft) + "s, TPOT <= " + short_number(limits->tpot) + "s";
  point.search = RateSearch{.start = run.told.target_qps,
                            .ttft_s = limits->ttft,
                            .tpot_s = limits->tpot,
                            .span_s = std::max(kAnswers * limits->tpot * run.answer, kBacklog * limits->ttft),
                            .tokens = run.answer / run.chips};
  const double ttft = run.told.times[kTtft][kP99];
  const double tpot = run.told.times[kTpot][kP99];
  const bool far = ttft > 0.0 && ttft < kFarBelow * limits->ttft && tpot > 0.0 && tpot < kFarBelow * limits->tpot;
  point.measured.push_back(
      {Metric::Throughput, Statistic::HighestRate, run.told.target_qps * point.search->tokens,
       far ? "the measured 99th percentiles are less than half of both limits: not the highest rate" : ""});
  return point;
}

std::vector<Point> statistics(const MlperfPlayed& run, const Point& point) {
  std::vector<Point> points;
  for (std::size_t statistic = 0; statistic < kMlperfStatistics.size(); ++statistic) {
    Point one = point;
    one.scored.traffic += " " + short_number(run.told.target_qps) + "/s, " + kMlperfStatistics[statistic].second;
    for (std::size_t metric = 0; metric < kMlperfMetrics.size(); ++metric) {
      const double value = run.told.times[metric][statistic];
      if (value > 0.0)
        one.measured.push_back({kMlperfMetrics[metric].first, kMlperfStatistics[statistic].first, value, ""});
    }
    if (!one.measured.empty()) points.push_back(std::move(one));
  }
  if (points.empty()) {
    points.push_back(point);
    points.back().refuse("nothing measured: no TTFT, TPOT or latency");
  }
  return points;
}

}  // namespace

std::vector<Point> mlperf_points(const MlperfPlayed& run, const Point& point) {
  if (run.told.scenario == MlperfScenario::Offline) {
    Point all = point;
    send_at_once(run, all);
    return {std::move(all)};
  }
  Point sent = point;
  send_at_rate(run, sent);
  std::vector<Point> all = statistics(run, sent);
  if (run.told.times[kLatency][kMean] > 0.0) all.push_back(at_its_load(run, point));
  if (auto searched = highest_rate(run, point)) all.push_back(std::move(*searched));
  return all;
}

}  // namespace tokenyard::validate
