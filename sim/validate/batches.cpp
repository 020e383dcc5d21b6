#include "sim/validate/batches.hpp"

#include "models/base/errors.hpp"
#include "sim/config/catalog.hpp"
#include "sim/config/read_models.hpp"
#include "sim/validate/bench_limits.hpp"
#include "sim/validate/layouts.hpp"
#include "sim/validate/names.hpp"
#include "sim/validate/recipes.hpp"

#include <algorithm>

namespace tokenyard::validate {
namespace {

using files::CsvTable;
using metrics::Metric;

constexpr std::uint64_t kMostTokens = 1U << 20U;
constexpr std::uint64_t kMostRequests = 1'000'000;
constexpr std::uint64_t kMostChips = 100'000;
constexpr double kLongest = 1e9;

/// A batch as a row tells it.
struct Batch {
  std::string model, system, precision, engine;
  std::uint32_t prompt = 0, output = 0;
  std::uint32_t requests = 0;  ///< all sent at once
  std::uint32_t slots = 0;     ///< in a step at most
  std::uint32_t tokens = 0;    ///< of a step at most
  WrittenLayout layout;
  bool model_optimizer = false;  ///< a checkpoint of NVIDIA's

  [[nodiscard]] Formats formats(const std::string& llm, const std::string& chip) const {
    return formats_of(
        {.llm = llm, .chip = chip, .precision = precision, .engine = engine, .model_optimizer = model_optimizer});
  }
};

std::uint32_t needed(const CsvTable& table, const CsvTable::Row& row, std::string_view column, std::uint64_t most) {
  const auto value = table.count(row, column, 1, most);
  if (!value) table.fail(row, column, "is empty; a count from 1 on is needed");
  return static_cast<std::uint32_t>(*value);
}

/// The experiment of a batch; refused when model, machine or format are unknown.
Point point_of(const CsvTable& table, const CsvTable::Row& row, const Batch& batch, Llms& llms) {
  Point point;
  point.scored = {.set = table.path(), .row = row.line};
  point.scored.chip = batch.system;
  point.scored.model = batch.model;
  point.scored.precision = batch.precision;
  point.scored.engine = batch.engine;
  point.scored.traffic =
      std::to_string(batch.prompt) + "/" + std::to_string(batch.output) + " batch " + std::to_string(batch.requests);
  point.scored.concurrency = std::min(batch.requests, batch.slots);
  const Named llm = llm_named(batch.model);
  if (llm.name.empty()) point.refuse(llm.why);
  const Machine machine = machine_named(batch.system);
  if (machine.topology.empty()) point.refuse(machine.why);
  if (point.scored.fate == metrics::RowFate::Refused) return point;
  if (!llm.reading.empty()) point.read_as(llm.reading);
  point.scored.model = llm.name;
  point.scored.chip = machine.chip;

  const models::LlmSpec& shape = llms.entry(llm.name);
  const Formats formats = batch.formats(llm.name, machine.chip);
  if (!formats.why.empty()) point.refuse(formats.why);
  point.scored.precision = formats.listed;
  const ReadLayout layout = read_layout(batch.layout, shape, point);
  point.scored.layout = layout.text();
  point.config = "configs/validation/batch.yaml";
  point.set("topology", machine.topology);
  const std::uint32_t nodes = (layout.chips() + machine.chips_per_node - 1) / machine.chips_per_node;
  if (nodes > machine.nodes) point.set("topology.nodes", nodes);
  point.set("llm", llm.name);
  set_layout(layout, "serve", point);
  point.set("pools.serve.precision.weights", formats.weights);
  if (shape.moe) point.set("pools.serve.precision.experts", formats.experts);
  point.set("pools.serve.precision.kv", formats.kv);
  point.set("pools.serve.precision.ffn", formats.ffn);
  point.set("pools.serve.precision.attention_output", formats.attention_output);
  const std::uint32_t tokens = std::max(batch.slots, batch.tokens);
  if (batch.engine == "trtllm") {
    point.set("pools.serve.engine.profile", std::string("trtllm-1.2"));
    point.set("pools.serve.engine.max_batch_size", batch.slots);
    point.set("pools.serve.engine.max_num_tokens", tokens);
    point.set("pools.serve.engine.cuda_graph_padding", std::string("true"));
    point.set("pools.serve.engine.cuda_graph_max_batch_size", batch.slots);
  } else {
    point.set("pools.serve.engine.max_num_seqs", batch.slots);
    point.set("pools.serve.engine.max_num_batched_tokens", tokens);
  }
  point.set("workload.arrivals.concurrency", batch.requests);
  point.set("workload.requests", batch.requests);
  point.set("workload.prompt.tokens", batch.prompt);
  point.set("workload.output.tokens", batch.output);
  return point;
}

void measure(const CsvTable& table, const CsvTable::Row& row, std::string_view column, double unit, Metric metric,
             Statistic statistic, Point& point) {
  const auto value = table.number(row, column, 0.0, kLongest);
  if (value && *value > 0.0) point.measured.push_back({metric, statistic, *value * unit, ""});
}

/// "TP8" -> 8.
std::uint32_t tensor_of(const CsvTable& table, const CsvTable::Row& row) {
  const std::string& written = table.text(row, "tp");
  const bool digits = written.size() > 2 && written.size() < 8 && written.rfind("TP", 0) == 0 &&
                      std::all_of(written.begin() + 2, written.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) table.fail(row, "tp", "'" + written + "' is not TP and a number");
  return static_cast<std::uint32_t>(std::stoul(written.substr(2)));
}

/// Layout and limits of trtllm-bench on `chips`: MoE models with attention ranks and whole experts (--ep and
/// enable_attention_dp of its performance overview, as many of both as chips), dense ones with tensor ranks.
void set_bench(std::uint32_t chips, Llms& llms, Batch& batch) {
  batch.layout = {.tp = chips};
  const Named llm = llm_named(batch.model);
  const Machine machine = machine_named(batch.system);
  if (llm.name.empty() || machine.topology.empty()) return;  // point_of() refuses it
  const models::LlmSpec& shape = llms.entry(llm.name);
  if (shape.moe) batch.layout = {.dp = chips, .moe_ep = chips};
  const Formats formats = batch.formats(llm.name, machine.chip);
  if (!formats.why.empty()) return;
  const BenchLimits limits = bench_limits(shape, {.chips = chips,
                                                  .memory = config::load_chip(machine.chip).memory,
                                                  .weights = *models::gemm_kind(formats.weights),
                                                  .kv = *models::dtype(formats.kv),
                                                  .prompt = batch.prompt,
                                                  .output = batch.output});
  batch.slots = limits.max_batch_size;
  batch.tokens = limits.max_num_tokens;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

MeasuredSet read_splitwise(const CsvTable& table) {
  MeasuredSet set{.file = table.path(), .kind = "splitwise"};
  Llms llms;
  for (const CsvTable::Row& row : table.rows()) {
    Batch batch{.model = table.text(row, "model"),
                .system = table.text(row, "hardware"),
                .precision = "fp16",
                .engine = "vllm-2023",
                .prompt = needed(table, row, "prompt_size", kMostTokens),
                .output = needed(table, row, "token_size", kMostTokens),
                .requests = needed(table, row, "batch_size", kMostRequests),
                .layout = {.tp = needed(table, row, "tensor_parallel", kMostChips)}};
    batch.slots = batch.requests;
    batch.tokens = batch.requests * batch.prompt;
    Point point = point_of(table, row, batch, llms);
    if (table.text(row, "hardware").find("pcap") != std::string::npos) {
      point.refuse("rows of a power-capped H100 are derived by the authors, not measured");
    }
    measure(table, row, "prompt_time", 1e-3, Metric::Ttft, Statistic::Mean, point);
    measure(table, row, "token_time", 1e-3, Metric::Tpot, Statistic::Median, point);
    measure(table, row, "e2e_time", 1e-3, Metric::EndToEnd, Statistic::Mean, point);
    point.set("pools.serve.engine.profile", std::string("vllm-2023-eager"));
    set.points.push_back(std::move(point));
  }
  return set;
}

MeasuredSet read_inference_bench(const CsvTable& table) {
  MeasuredSet set{.file = table.path(), .kind = "llm_inference_bench"};
  Llms llms;
  const char* const latency = table.has("Latency") ? "Latency" : "latency";
  for (const CsvTable::Row& row : table.rows()) {
    const std::string& framework = table.text(row, "Framework");
    const std::string& split = table.text(row, "Parallelism Type");
    const std::string& formats = table.text(row, "kv_cache_dtype");
    const std::uint32_t length = needed(table, row, "Input Output Length", kMostTokens);
    const std::uint32_t chips = needed(table, row, "Num of Hardware", kMostChips);
    const bool stages = split == "PP" || split == "Pipeline Parallelism";
    Batch batch{.model = table.text(row, "Model"),
                .system = table.text(row, "Hardware"),
                .precision = "fp16",
                .engine = framework == "TensorRT-LLM" ? "trtllm" : lower(framework),
                .prompt = length,
                .output = length,
                .requests = needed(table, row, "Batch Size", kMostRequests),
                .layout = {.tp = stages ? 1 : chips, .pp = stages ? chips : 1}};
    batch.slots = batch.requests;
    batch.tokens = 8192;
    Point point = point_of(table, row, batch, llms);
    if (batch.engine != "vllm" && batch.engine != "trtllm") {
      const std::string meant = config::nearest(framework, {"vLLM", "TensorRT-LLM"});
      point.refuse("no engine '" + framework + "'; vLLM and TensorRT-LLM are known" +
                   (meant.empty() ? "" : "; is '" + meant + "' meant?"));
    }
    if (!split.empty() && !stages && split != "TP" && split != "Tensor Parallelism") {
      point.refuse("no layout '" + split + "'; TP and PP are known");
    }
    if (!formats.empty() && formats != "Weight = fp16, KV Cache = fp16")
      point.refuse("formats '" + formats + "' are not played; FP16 is");
    measure(table, row, latency, 1.0, Metric::EndToEnd, Statistic::Makespan, point);
    point.set("pools.serve.engine.async_scheduling", std::string("false"));
    set.points.push_back(std::move(point));
  }
  return set;
}

MeasuredSet read_offline(const CsvTable& table) {
  MeasuredSet set{.file = table.path(), .kind = "offline"};
  Llms llms;
  for (const CsvTable::Row& row : table.rows()) {
    Batch batch{.model = table.text(row, "model"),
                .system = table.text(row, "chip"),
                .precision = lower(table.text(row, "weights_precision")),
                .engine = "trtllm",
                .prompt = needed(table, row, "isl", kMostTokens),
                .output = needed(table, row, "osl", kMostTokens),
                .requests = needed(table, row, "num_requests(all queued at t=0)", kMostRequests),
                .model_optimizer = true};
    set_bench(tensor_of(table, row), llms, batch);
    Point point = point_of(table, row, batch, llms);
    point.set("pools.serve.engine.free_gpu_memory_fraction", std::string("0.95"));
    measure(table, row, "output_tok_s_total", 1.0, Metric::Throughput, Statistic::OutputTokensToEnd, point);
    set.points.push_back(std::move(point));
  }
  return set;
}

}  // namespace tokenyard::validate
