#include "sim/report/score.hpp"

#include "sim/report/figure_text.hpp"
#include "sim/report/grid.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <set>
#include <utility>

namespace tokenyard::report {
namespace {

using metrics::Metric;
using metrics::RowFate;
using metrics::Scoreboard;
using metrics::ScoredPoint;
using metrics::ScoreRow;

constexpr std::size_t kColumns = 100;
constexpr std::size_t kLongestLines = 12;  // of a list of reasons

std::string file_name(const std::string& set) { return std::filesystem::path(set).filename().string(); }

/// "TTFT 123 ms / 130 ms -0.055".
std::string compared(const ScoredPoint& point, Metric metric) {
  const auto& comparison = point.compared[static_cast<std::size_t>(metric)];
  if (!comparison) return "";
  const bool rate = metric == Metric::Throughput;
  const auto figure = [&](double value) { return rate ? number_text(value) + " tok/s" : time_text(value); };
  return fmt::format("{} {} / {} {:+.3f}{}", metrics::name(metric), figure(comparison->predicted),
                     figure(comparison->measured), comparison->error(), comparison->trap.empty() ? "" : " (trapped)");
}

void add_row(Grid& grid, const std::string& name, const ScoreRow& row, std::size_t metric) {
  const metrics::ErrorFigures& meant = row.meant[metric];
  const metrics::ErrorFigures& all = row.all[metric];
  if (all.n == 0) return;
  const auto figure = [](double value, bool there) { return there ? fmt::format("{:.3f}", value) : "-"; };
  grid.row({"  " + name, count_text(meant.n), figure(meant.median, meant.n > 0), figure(meant.mean, meant.n > 0),
            figure(meant.p90, meant.n > 0), meant.n > 0 ? fmt::format("{:+.3f}", meant.bias) : "-", count_text(all.n),
            figure(all.median, true), fmt::format("{:+.3f}", all.bias), count_text(row.extrapolated)});
}

std::string metric_table(const Scoreboard& board, Metric metric) {
  const auto at = static_cast<std::size_t>(metric);
  Grid grid;
  grid.row({metrics::name(metric), "n", "median", "mean", "p90", "bias", "all n", "median", "bias", "extrapolated"});
  bool any = false;
  for (const ScoreRow& total : board.totals) {
    for (const ScoreRow& row : board.rows) {
      if (row.set != total.set) continue;
      any = any || row.all[at].n > 0;
      add_row(grid, fmt::format("{} {} {} {}", row.chip, row.model, row.precision, row.engine), row, at);
    }
    add_row(grid, "all of " + cut_name(file_name(total.set), 40), total, at);
  }
  return any ? '\n' + grid.text() : "";
}

std::string counted(const char* title, const std::vector<std::pair<std::string, std::size_t>>& counts) {
  std::string text;
  for (std::size_t i = 0; i < counts.size() && i < kLongestLines; ++i) {
    text += wrapped(fmt::format("{} {}: {}", count_text(counts[i].second), title, counts[i].first), kColumns, "  ",
                    "      ");
  }
  if (counts.size() > kLongestLines) {
    std::size_t rest = 0;
    for (std::size_t i = kLongestLines; i < counts.size(); ++i) rest += counts[i].second;
    text += fmt::format("  {} {} for {} other reasons: see points.csv\n", count_text(rest), title,
                        counts.size() - kLongestLines);
  }
  return text;
}

std::string worst_table(const std::vector<ScoredPoint>& points, Metric metric, std::size_t most) {
  const auto worst = metrics::worst_points(points, metric, most);
  if (worst.empty()) return "";
  std::string text = fmt::format("\nworst {}\n", metrics::name(metric));
  for (const std::size_t i : worst) {
    const ScoredPoint& point = points[i];
    text +=
        fmt::format("  {} {} {} {} {} {}: {}{}\n", point.chip, point.model, point.precision, point.engine, point.layout,
                    point.traffic, compared(point, metric), point.suspected.empty() ? "" : "; " + point.suspected);
  }
  return text;
}

}  // namespace

std::size_t file_rows(const std::vector<ScoredPoint>& points) {
  std::set<std::pair<std::string, std::uint64_t>> rows;
  for (const ScoredPoint& point : points) rows.emplace(point.set, point.row);
  return rows.size();
}

std::string score_table(const Scoreboard& board, const std::vector<ScoredPoint>& points, std::size_t worst) {
  std::size_t refused = 0;
  for (const auto& reason : board.refused) refused += reason.second;
  std::string text = fmt::format("{} points of {} rows: {} played, {} repeat another, {} could not be played\n",
                                 count_text(board.points), count_text(file_rows(points)), count_text(board.played),
                                 count_text(board.repeats), count_text(refused));
  text +=
      "errors are |ln(predicted / measured)|, 0.05 is 5 %; bias is its median with sign, below 0 = predicted too "
      "small;\n"
      "the first five figures are of measurements that mean what their column says, `all` counts the others too\n";
  for (const Metric metric : {Metric::Tpot, Metric::Ttft, Metric::Throughput, Metric::EndToEnd})
    text += metric_table(board, metric);
  if (refused + board.trapped.size() + board.readings.size() > 0) text += "\ncounted\n";
  text += counted("points could not be played", board.refused);
  text += counted("figures do not mean what their column says", board.trapped);
  text += counted("points read otherwise than written", board.readings);
  for (const Metric metric : {Metric::Tpot, Metric::Ttft}) text += worst_table(points, metric, worst);
  return text;
}

std::string point_lines(const std::vector<ScoredPoint>& points) {
  std::string text;
  for (const ScoredPoint& point : points) {
    text += fmt::format("{}:{} {} {} {} {} {} {}", file_name(point.set), point.row, point.chip, point.model,
                        point.precision, point.engine, point.layout, point.traffic);
    if (point.fate == RowFate::Played) {
      for (std::size_t m = 0; m < metrics::kMetrics; ++m) {
        const std::string one = compared(point, static_cast<Metric>(m));
        if (!one.empty()) text += ", " + one;
      }
    } else {
      text += ": " + point.why;
    }
    text += '\n';
  }
  return text;
}

}  // namespace tokenyard::report
