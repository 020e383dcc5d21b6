#include "sim/metrics/scoreboard.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace tokenyard::metrics {
namespace {

using Counts = std::map<std::string, std::size_t>;

std::vector<std::pair<std::string, std::size_t>> by_count(const Counts& counts) {
  std::vector<std::pair<std::string, std::size_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

/// Nearest rank. REQUIRES: sorted, not empty.
double rank(const std::vector<double>& sorted, double q) {
  const auto at = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(at, 1) - 1];
}

/// Points of one line of the scoreboard.
struct Gathered {
  std::size_t points = 0;
  std::size_t extrapolated = 0;
  std::array<std::vector<double>, kMetrics> meant;
  std::array<std::vector<double>, kMetrics> all;

  void add(const ScoredPoint& point) {
    ++points;
    if (point.extrapolated) ++extrapolated;
    for (std::size_t m = 0; m < kMetrics; ++m) {
      if (!point.compared[m]) continue;
      all[m].push_back(point.compared[m]->error());
      if (point.compared[m]->trap.empty()) meant[m].push_back(point.compared[m]->error());
    }
  }

  void fill(ScoreRow& row) const {
    row.points = points;
    row.extrapolated = extrapolated;
    for (std::size_t m = 0; m < kMetrics; ++m) {
      row.meant[m] = error_figures(meant[m]);
      row.all[m] = error_figures(all[m]);
    }
  }
};

}  // namespace

const char* name(Metric metric) {
  switch (metric) {
    case Metric::Ttft:
      return "TTFT";
    case Metric::Tpot:
      return "TPOT";
    case Metric::Throughput:
      return "throughput";
    case Metric::EndToEnd:
      return "E2E";
  }
  return "";
}

double Comparison::error() const {
  expect(predicted > 0.0 && measured > 0.0, "both figures of a comparison are above 0");
  return std::log(predicted / measured);
}

ErrorFigures error_figures(std::vector<double> errors) {
  if (errors.empty()) return {};
  ErrorFigures figures{.n = errors.size()};
  std::sort(errors.begin(), errors.end());
  figures.bias = rank(errors, 0.5);
  for (double& error : errors) error = std::abs(error);
  std::sort(errors.begin(), errors.end());
  figures.median = rank(errors, 0.5);
  figures.p90 = rank(errors, 0.9);
  for (const double error : errors) figures.mean += error;
  figures.mean /= static_cast<double>(errors.size());
  return figures;
}

Scoreboard scoreboard(const std::vector<ScoredPoint>& points) {
  Scoreboard board{.points = points.size()};
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  std::map<Key, Gathered> groups;
  std::map<std::string, Gathered> sets;
  Counts refused;
  Counts trapped;
  Counts readings;
  for (const ScoredPoint& point : points) {
    if (point.fate == RowFate::Refused) ++refused[point.reason.empty() ? point.why : point.reason];
    if (point.fate == RowFate::Repeat) ++board.repeats;
    if (point.fate != RowFate::Played) continue;
    ++board.played;
    groups[{point.set, point.chip, point.model, point.precision, point.engine}].add(point);
    sets[point.set].add(point);
    for (const std::string& reading : point.readings) ++readings[reading];
    for (const auto& comparison : point.compared) {
      if (comparison && !comparison->trap.empty()) ++trapped[comparison->trap];
    }
  }
  for (const auto& [key, gathered] : groups) {
    ScoreRow& row = board.rows.emplace_back();
    std::tie(row.set, row.chip, row.model, row.precision, row.engine) = key;
    gathered.fill(row);
  }
  for (const auto& [set, gathered] : sets) {
    ScoreRow& row = board.totals.emplace_back();
    row.set = set;
    gathered.fill(row);
  }
  board.refused = by_count(refused);
  board.trapped = by_count(trapped);
  board.readings = by_count(readings);
  return board;
}

std::vector<std::size_t> worst_points(const std::vector<ScoredPoint>& points, Metric metric, std::size_t most) {
  const auto at = static_cast<std::size_t>(metric);
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto& comparison = points[i].compared[at];
    if (points[i].fate == RowFate::Played && comparison && comparison->trap.empty()) chosen.push_back(i);
  }
  std::stable_sort(chosen.begin(), chosen.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(points[a].compared[at]->error()) > std::abs(points[b].compared[at]->error());
  });
  chosen.resize(std::min(chosen.size(), most));
  return chosen;
}

}  // namespace tokenyard::metrics
