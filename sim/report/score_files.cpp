#include "sim/report/score.hpp"

#include "sim/report/csv_rows.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>

namespace tokenyard::report {
namespace {

using Json = nlohmann::ordered_json;
using metrics::ErrorFigures;
using metrics::Metric;
using metrics::RowFate;
using metrics::Scoreboard;
using metrics::ScoredPoint;
using metrics::ScoreRow;

const char* fate_text(RowFate fate) {
  switch (fate) {
    case RowFate::Played:
      return "played";
    case RowFate::Repeat:
      return "repeat";
    case RowFate::Refused:
      return "refused";
  }
  return "";
}

std::string file_name(const std::string& set) { return std::filesystem::path(set).filename().string(); }

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : "; ") + text;
  return all;
}

void add_compared(CsvRows& rows, const ScoredPoint& point) {
  for (std::size_t m = 0; m < metrics::kMetrics; ++m) {
    const auto& comparison = point.compared[m];
    if (!comparison) {
      for (int i = 0; i < 4; ++i) rows.empty();
      continue;
    }
    rows.number(comparison->predicted);
    rows.number(comparison->measured);
    rows.number(comparison->error());
    rows.text(comparison->trap);
  }
}

void add_shares(CsvRows& rows, const ScoredPoint& point) {
  if (!point.shares) {
    for (int i = 0; i < 7; ++i) rows.empty();
    return;
  }
  const metrics::StepShares& shares = *point.shares;
  for (const double share : {shares.projections, shares.attention, shares.experts, shares.communication, shares.other,
                             shares.host, shares.lone_step}) {
    rows.number(share);
  }
}

void add_errors(CsvRows& rows, const ErrorFigures& figures) {
  rows.count(figures.n);
  for (const double figure : {figures.median, figures.mean, figures.p90, figures.bias}) {
    if (figures.n > 0) {
      rows.number(figure);
    } else {
      rows.empty();
    }
  }
}

Json errors_json(const ErrorFigures& figures) {
  if (figures.n == 0) return Json{{"n", 0}};
  return Json{{"n", figures.n},
              {"median", figures.median},
              {"mean", figures.mean},
              {"p90", figures.p90},
              {"bias", figures.bias}};
}

Json row_json(const ScoreRow& row) {
  Json json{{"set", file_name(row.set)},       {"chip", row.chip},     {"model", row.model},
            {"precision", row.precision},      {"engine", row.engine}, {"points", row.points},
            {"extrapolated", row.extrapolated}};
  for (std::size_t m = 0; m < metrics::kMetrics; ++m) {
    const char* metric = metrics::name(static_cast<Metric>(m));
    json[metric] = Json{{"meant", errors_json(row.meant[m])}, {"all", errors_json(row.all[m])}};
  }
  return json;
}

Json counts_json(const std::vector<std::pair<std::string, std::size_t>>& counts) {
  Json json = Json::array();
  for (const auto& [reason, count] : counts) json.push_back(Json{{"reason", reason}, {"count", count}});
  return json;
}

}  // namespace

void write_points(const std::vector<ScoredPoint>& points, std::ostream& out) {
  CsvRows rows(
      out,
      "set,row,id,chip,model,precision,engine,version,layout,traffic,concurrency,fate,why,"
      "ttft_predicted_s,ttft_measured_s,ttft_error,ttft_trap,tpot_predicted_s,tpot_measured_s,tpot_error,tpot_trap,"
      "throughput_predicted_tokens_per_s,throughput_measured_tokens_per_s,throughput_error,throughput_trap,"
      "e2e_predicted_s,e2e_measured_s,e2e_error,e2e_trap,extrapolated,mean_batch,queue_share_of_ttft,"
      "share_projections,share_attention,share_experts,share_communication,share_other,share_host,lone_step,"
      "suspected,readings,command");
  for (const ScoredPoint& point : points) {
    rows.text(file_name(point.set));
    rows.count(point.row);
    for (const std::string* text : {&point.id, &point.chip, &point.model, &point.precision, &point.engine,
                                    &point.version, &point.layout, &point.traffic}) {
      rows.text(*text);
    }
    rows.count(point.concurrency);
    rows.text(fate_text(point.fate));
    rows.text(point.why);
    add_compared(rows, point);
    rows.count(point.extrapolated ? 1 : 0);
    if (point.fate == RowFate::Played) {
      rows.number(point.mean_batch);
      rows.number(point.queue_share_of_ttft);
    } else {
      rows.empty();
      rows.empty();
    }
    add_shares(rows, point);
    rows.text(point.suspected);
    rows.text(joined(point.readings));
    rows.text(point.command);
    rows.end_row();
  }
  rows.finish();
}

void write_scores(const Scoreboard& board, std::ostream& out) {
  CsvRows rows(out,
               "set,chip,model,precision,engine,metric,points,extrapolated,n,median,mean,p90,bias,"
               "all_n,all_median,all_mean,all_p90,all_bias");
  for (const auto* lines : {&board.rows, &board.totals}) {
    for (const ScoreRow& row : *lines) {
      for (std::size_t m = 0; m < metrics::kMetrics; ++m) {
        if (row.all[m].n == 0) continue;
        rows.text(file_name(row.set));
        for (const std::string* text : {&row.chip, &row.model, &row.precision, &row.engine}) rows.text(*text);
        rows.text(metrics::name(static_cast<Metric>(m)));
        rows.count(row.points);
        rows.count(row.extrapolated);
        add_errors(rows, row.meant[m]);
        add_errors(rows, row.all[m]);
        rows.end_row();
      }
    }
  }
  rows.finish();
}

void write_accuracy(const std::vector<metrics::AccuracyLine>& lines, std::ostream& out) {
  CsvRows rows(out,
               "chip,model,engine,format,moe,split,longest_prompt,batch_from,batch_to,metric,n,median,mean,p90,bias");
  for (const metrics::AccuracyLine& line : lines) {
    for (const std::string* text : {&line.chip, &line.model, &line.engine, &line.format}) rows.text(*text);
    rows.count(line.moe ? 1 : 0);
    rows.count(line.split ? 1 : 0);
    rows.count(line.longest_prompt);
    rows.count(line.batch_from);
    rows.count(line.batch_to);
    rows.text(metrics::name(line.metric));
    rows.count(line.errors.n);
    // four digits: a file that people read and compare, of figures that are not known better
    for (const double figure : {line.errors.median, line.errors.mean, line.errors.p90, line.errors.bias}) {
      rows.number(std::round(figure * 1e4) / 1e4);
    }
    rows.end_row();
  }
  rows.finish();
}

void write_score_json(const Scoreboard& board, const std::vector<ScoredPoint>& points, std::ostream& out) {
  Json json{{"report_schema", 1},
            {"rows_read", file_rows(points)},
            {"points", board.points},
            {"played", board.played},
            {"repeats", board.repeats}};
  json["refused"] = counts_json(board.refused);
  json["trapped_figures"] = counts_json(board.trapped);
  json["read_otherwise"] = counts_json(board.readings);
  json["sets"] = Json::array();
  for (const ScoreRow& row : board.totals) json["sets"].push_back(row_json(row));
  json["groups"] = Json::array();
  for (const ScoreRow& row : board.rows) json["groups"].push_back(row_json(row));
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace tokenyard::report
