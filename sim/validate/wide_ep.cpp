#include "sim/validate/wide_ep.hpp"

#include "sim/validate/layouts.hpp"
#include "sim/validate/names.hpp"

#include <algorithm>

namespace tokenyard::validate {
namespace {

using files::CsvTable;

constexpr std::uint64_t kMostTokens = 1U << 20U;
constexpr std::uint64_t kMostChips = 100'000;
constexpr std::uint32_t kStepTokens = 16384;
constexpr double kNodeChips = 8.0;

bool holds(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

/// "16 per instance, 6 instances" -> 16; 0 when it does not begin with a number.
std::uint32_t leading_count(const std::string& text) {
  std::uint32_t count = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || count > kMostChips) break;
    count = 10 * count + static_cast<std::uint32_t>(c - '0');
  }
  return count;
}

/// Tokens/s of a chip, or nothing when the row has none.
std::optional<double> rate_of(const CsvTable& table, const CsvTable::Row& row) {
  if (table.has("tput_tok_s_per_npu")) return table.number(row, "tput_tok_s_per_npu", 0.0, 1e9);
  const auto value = table.number(row, "value", 0.0, 1e9);
  const std::string& unit = table.text(row, "unit");
  if (unit == "tok/s/node") return value ? std::optional(*value / kNodeChips) : std::nullopt;
  if (unit == "tok/s/GPU") return value;
  table.fail(row, "unit", "'" + unit + "' is not tok/s/node or tok/s/GPU");
}

}  // namespace

MeasuredSet read_wide_ep(const CsvTable& table) {
  MeasuredSet set{.file = table.path(), .kind = "wide_ep"};
  for (const CsvTable::Row& row : table.rows()) {
    const std::string precision = table.text(row, "precision");
    const std::uint32_t chips = leading_count(table.text(row, table.has("npus") ? "npus" : "gpus"));
    const auto isl = static_cast<std::uint32_t>(table.count(row, "isl", 1, kMostTokens).value_or(0));
    const auto rate = rate_of(table, row);
    Point point;
    point.scored = {.set = table.path(),
                    .row = row.line,
                    .id = table.text(row, "id"),
                    .chip = table.text(row, "chip"),
                    .model = table.text(row, "model"),
                    .precision = precision,
                    .engine = table.has("npus") ? "cann" : "sglang"};
    point.scored.traffic = table.text(row, "phase") + " of " + std::to_string(isl);
    const Named llm = llm_named(point.scored.model);
    const Machine machine = machine_named(point.scored.chip);
    if (llm.name.empty()) point.refuse(llm.why);
    if (machine.topology.empty()) point.refuse(machine.why);
    if (table.text(row, "phase") != "prefill")
      point.refuse("a decode batch is told without the prefill that feeds it; `tokenyard explain` prices its step");
    if (chips == 0 || isl == 0 || isl > kStepTokens) point.refuse("no number of chips, or no isl from 1 to 16,384");
    if (!rate || !(*rate > 0.0)) point.refuse("nothing measured");
    if (point.scored.fate == metrics::RowFate::Played) {
      const bool bf16_attention = holds(precision, "BF16 attn");
      const std::string experts = holds(precision, "INT8") ? "int8" : "fp8_block";
      const ReadLayout layout{.attention_data = chips, .expert = chips};
      const std::uint64_t users = std::uint64_t{2} * chips * (kStepTokens / isl);
      point.scored.model = llm.name;
      point.scored.chip = machine.chip;
      point.scored.layout = layout.text();
      point.scored.precision = experts;
      point.config = "configs/validation/batch.yaml";
      point.set("topology", machine.topology);
      const std::uint32_t nodes = (chips + machine.chips_per_node - 1) / machine.chips_per_node;
      if (nodes > machine.nodes) point.set("topology.nodes", nodes);
      point.set("llm", llm.name);
      set_layout(layout, "serve", point);
      point.set("pools.serve.precision.weights", bf16_attention ? "bf16" : experts);
      point.set("pools.serve.precision.experts", experts);
      point.set("pools.serve.precision.kv", std::string("bf16"));
      point.set("pools.serve.engine.max_num_batched_tokens", kStepTokens);
      point.set("workload.arrivals.concurrency", users);
      point.set("workload.requests", 5 * users);
      point.set("workload.prompt.tokens", isl);
      point.set("workload.output.tokens", 1U);
      point.measured.push_back({metrics::Metric::Throughput, Statistic::PromptTokensPerChip, *rate, ""});
      point.set("pools.serve.engine.two_batch_overlap", std::string("prefill"));
      const bool ideal = holds(table.text(row, "note"), "perfect EPLB");
      if (!table.has("npus")) point.set("pools.serve.parallel.redundant_experts", 32U);
      if (ideal) point.set("pools.serve.parallel.eplb", std::string("ideal"));
      if (!ideal && !table.has("npus")) {
        point.set("pools.serve.parallel.eplb", std::string("on"));
        point.set("pools.serve.parallel.expert_load", std::string("log_normal"));
      }
    }
    set.points.push_back(std::move(point));
  }
  return set;
}

}  // namespace tokenyard::validate
