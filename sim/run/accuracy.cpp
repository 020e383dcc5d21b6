#include "sim/run/accuracy.hpp"

#include "sim/config/catalog.hpp"
#include "sim/files/csv_table.hpp"

#include <filesystem>
#include <variant>

namespace tokenyard {
namespace {

using files::CsvTable;
using metrics::Metric;

constexpr double kLargestError = 100.0;  // a factor of e^100 is no error but a slip

double figure(const CsvTable& table, const CsvTable::Row& row, const char* column, double min) {
  const auto value = table.number(row, column, min, kLargestError);
  if (!value) table.fail(row, column, "is empty; a number is needed");
  return *value;
}

std::uint64_t count(const CsvTable& table, const CsvTable::Row& row, const char* column) {
  const auto value = table.count(row, column, 1, 1'000'000'000);
  if (!value) table.fail(row, column, "is empty; a count from 1 on is needed");
  return *value;
}

bool flag(const CsvTable& table, const CsvTable::Row& row, const char* column) {
  const std::string& written = table.text(row, column);
  if (written != "0" && written != "1") table.fail(row, column, "'" + written + "' is not 0 or 1");
  return written == "1";
}

Metric metric_of(const CsvTable& table, const CsvTable::Row& row) {
  for (std::size_t m = 0; m < metrics::kMetrics; ++m) {
    if (table.text(row, "metric") == metrics::name(static_cast<Metric>(m))) return static_cast<Metric>(m);
  }
  table.fail(row, "metric", "'" + table.text(row, "metric") + "' is not TTFT, TPOT, throughput or E2E");
}

/// What the experiment has that no point of the scoreboard has, or whose points are scored apart.
std::string unlike_measured(const config::Experiment& experiment) {
  for (const config::PoolSpec& pool : experiment.pools) {
    if (!pool.kernel_tables.empty()) return "kernel tables of the user's own";
    if (pool.ffn) return "attention and FFN on chips of their own";
    if (pool.speculation.tokens > 0) return "drafts";
    if (pool.plan.pipeline > 1) return "pipeline stages";
    if (pool.plan.context > 1) return "context ranks";
    if (pool.plan.kv > 1) return "a cache shared by chips";
  }
  return "";
}

}  // namespace

std::vector<metrics::AccuracyLine> read_accuracy(const std::string& path) {
  const CsvTable table = CsvTable::read(path);
  std::vector<metrics::AccuracyLine> lines;
  for (const CsvTable::Row& row : table.rows()) {
    lines.push_back({.chip = table.text(row, "chip"),
                     .model = table.text(row, "model"),
                     .engine = table.text(row, "engine"),
                     .format = table.text(row, "format"),
                     .moe = flag(table, row, "moe"),
                     .split = flag(table, row, "split"),
                     .longest_prompt = static_cast<std::uint32_t>(count(table, row, "longest_prompt")),
                     .batch_from = static_cast<std::uint32_t>(count(table, row, "batch_from")),
                     .batch_to = static_cast<std::uint32_t>(count(table, row, "batch_to")),
                     .metric = metric_of(table, row),
                     .errors = {.n = count(table, row, "n"),
                                .median = figure(table, row, "median", 0.0),
                                .mean = figure(table, row, "mean", 0.0),
                                .p90 = figure(table, row, "p90", 0.0),
                                .bias = figure(table, row, "bias", -kLargestError)}});
  }
  return lines;
}

std::vector<metrics::Confidence> confidence_of_run(const config::Experiment& experiment,
                                                   const metrics::Summary& summary) {
  const auto file = config::catalog_root() / "models/catalog/accuracy.csv";
  const auto lines =
      std::filesystem::exists(file) ? read_accuracy(file.string()) : std::vector<metrics::AccuracyLine>{};
  const config::PoolSpec& pool = experiment.pools.back();
  const metrics::Regime regime{.chip = pool.chip,
                               .model = experiment.llm.name,
                               .engine = engine_kind(pool.engine),
                               .format = leading_format(experiment, pool),
                               .moe = experiment.llm.moe.has_value(),
                               .split = experiment.pools.size() > 1,
                               .mean_batch = summary.pools.back().running_mean,
                               .mean_prompt = mean_prompt(summary),
                               .kernel_tables = has_kernel_tables(experiment, pool),
                               .unlike = unlike_measured(experiment)};
  return {metrics::confidence_of(lines, regime, Metric::Ttft), metrics::confidence_of(lines, regime, Metric::Tpot)};
}

std::string leading_format(const config::Experiment& experiment, const config::PoolSpec& pool) {
  return std::string(models::name(experiment.llm.moe ? pool.precision.experts : pool.precision.weights));
}

double mean_prompt(const metrics::Summary& summary) {
  return summary.requests_per_s > 0.0 ? summary.prompt_tokens_per_s / summary.requests_per_s : 0.0;
}

bool has_kernel_tables(const config::Experiment& experiment, const config::PoolSpec& pool) {
  const auto& gemm = experiment.chips.at(pool.chip).kernels.gemm[static_cast<std::size_t>(pool.precision.weights)];
  return gemm && gemm->provenance.error_p50.has_value();
}

std::string engine_kind(const config::EngineSpec& engine) {
  struct Name {
    std::string operator()(const policy::VllmSpec&) const { return "vllm"; }
    std::string operator()(const policy::SglangSpec&) const { return "sglang"; }
    std::string operator()(const policy::TrtllmSpec&) const { return "tensorrt_llm"; }
  };
  return std::visit(Name{}, engine.rules);
}

}  // namespace tokenyard
