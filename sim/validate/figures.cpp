#include "sim/validate/figures.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace tokenyard::validate {
namespace {

using files::CsvTable;
using metrics::Metric;

struct Figure {
  std::string_view name;
  Metric metric;
  Statistic statistic;
};

constexpr std::array<Figure, 16> kFigures{
    {{"ttft_mean", Metric::Ttft, Statistic::Mean},
     {"ttft_p50", Metric::Ttft, Statistic::Median},
     {"ttft_p90", Metric::Ttft, Statistic::P90},
     {"ttft_p99", Metric::Ttft, Statistic::P99},
     {"tpot_mean", Metric::Tpot, Statistic::Mean},
     {"tpot_p50", Metric::Tpot, Statistic::Median},
     {"tpot_p90", Metric::Tpot, Statistic::P90},
     {"tpot_p99", Metric::Tpot, Statistic::P99},
     {"e2e_mean", Metric::EndToEnd, Statistic::Mean},
     {"e2e_p50", Metric::EndToEnd, Statistic::Median},
     {"e2e_p90", Metric::EndToEnd, Statistic::P90},
     {"e2e_p99", Metric::EndToEnd, Statistic::P99},
     {"output_rate", Metric::Throughput, Statistic::OutputTokens},
     {"output_rate_to_end", Metric::Throughput, Statistic::OutputTokensToEnd},
     {"output_rate_per_chip", Metric::Throughput, Statistic::OutputTokensPerChip},
     {"prompt_rate_per_chip", Metric::Throughput, Statistic::PromptTokensPerChip}}};

const Figure& figure_of_row(const CsvTable& table, const CsvTable::Row& row) {
  const std::string& name = table.text(row, "figure");
  const auto* const found =
      std::find_if(kFigures.begin(), kFigures.end(), [&](const Figure& one) { return one.name == name; });
  if (found == kFigures.end()) {
    table.fail(row, "figure", "'" + name + "' is no figure; docs/validation.md lists them");
  }
  return *found;
}

/// What one of the row's unit is in s or tokens/s.
double unit_of_row(const CsvTable& table, const CsvTable::Row& row, Metric metric) {
  const std::string& unit = table.text(row, "unit");
  const bool rate = metric == Metric::Throughput;
  if (rate && unit == "tok/s") return 1.0;
  if (!rate && unit == "s") return 1.0;
  if (!rate && unit == "ms") return 1e-3;
  table.fail(row, "unit", "'" + unit + "' is not " + (rate ? "tok/s" : "s or ms"));
}

void set_all(const CsvTable& table, const CsvTable::Row& row, Point& point) {
  const auto trimmed = [](std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
  };
  std::string_view rest = table.text(row, "settings");
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view one = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (one.empty()) continue;
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      table.fail(row, "settings", "'" + std::string(one) + "' is not PATH=VALUE");
    }
    point.set(std::string(one.substr(0, equals)), std::string(one.substr(equals + 1)));
  }
}

}  // namespace

MeasuredSet read_figures(const CsvTable& table) {
  MeasuredSet set{.file = table.path(), .kind = "figures"};
  for (const CsvTable::Row& row : table.rows()) {
    for (const char* needed : {"config", "source"}) {
      if (table.text(row, needed).empty()) table.fail(row, needed, "is empty");
    }
    const Figure& figure = figure_of_row(table, row);
    const double unit = unit_of_row(table, row, figure.metric);
    const auto value = table.number(row, "value", 0.0, 1e12);
    if (!value || !(*value > 0.0)) table.fail(row, "value", "must be above 0");
    Point point;
    point.scored = {.set = table.path(),
                    .row = row.line,
                    .id = table.text(row, "id"),
                    .chip = table.text(row, "chip"),
                    .model = table.text(row, "model"),
                    .precision = table.text(row, "precision"),
                    .engine = table.text(row, "engine")};
    point.scored.traffic = table.text(row, "traffic");
    point.config = table.text(row, "config");
    set_all(table, row, point);
    point.measured.push_back({figure.metric, figure.statistic, *value * unit, table.text(row, "trap")});
    set.points.push_back(std::move(point));
  }
  return set;
}

}  // namespace tokenyard::validate
