#include "sim/validate/mlperf.hpp"

#include "sim/validate/layouts.hpp"
#include "sim/validate/mlperf_recipes.hpp"
#include "sim/validate/mlperf_rows.hpp"
#include "sim/validate/names.hpp"
#include "sim/validate/recipes.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace tokenyard::validate {
namespace {

using files::CsvTable;
using metrics::Metric;

/// The points of one row after the other.
class Rows {
 public:
  explicit Rows(const CsvTable& table) : table_(table) {}

  [[nodiscard]] std::vector<Point> points(const MlperfRow& told, std::uint64_t line) {
    told_ = &told;
    Point point;
    point.scored = {.set = table_.path(),
                    .row = line,
                    .id = told.submitter + "/" + told.system,
                    .chip = told.system,
                    .model = told.model,
                    .engine = std::string("trtllm ") + word(told.scenario)};
    point.scored.version = told.round;
    point.scored.traffic = word(told.scenario);
    const std::optional<MlperfRecipe> recipe = start(point);
    if (!recipe) return {std::move(point)};
    serve(*recipe, point);
    if (told.scenario == MlperfScenario::Offline) {
      send_at_once(*recipe, point);
      return {std::move(point)};
    }
    Point loaded = point;
    send_at_rate(point);
    std::vector<Point> all = statistics(point);
    if (told.times[kLatency][kMean] > 0.0) all.push_back(at_its_load(*recipe, std::move(loaded)));
    return all;
  }

 private:
  /// Model, chips, layout and lengths; nothing and a refusal where one of them is not known.
  [[nodiscard]] std::optional<MlperfRecipe> start(Point& point) {
    const bool offline = told_->scenario == MlperfScenario::Offline;
    if (!told_->valid) point.refuse("loadgen calls the run INVALID: its rules were not kept");
    if (told_->scenario == MlperfScenario::Stream)
      point.refuse("runs of one stream are not played; Offline and Server are");
    std::string written = told_->model;
    if (const std::size_t at = written.find("llama3_1"); at != std::string::npos) written.replace(at, 8, "llama3.1");
    const Named llm = llm_named(written);
    if (llm.name.empty()) point.refuse(llm.why);
    const MlperfSystem system = mlperf_system(told_->system);
    if (!system.why.empty()) point.refuse(system.why);
    if (point.scored.fate == metrics::RowFate::Refused) return std::nullopt;
    machine_ = machine_named(system.chip);
    chips_ = system.chips;
    point.scored.model = llm.name;
    point.scored.chip = machine_.chip;
    const auto recipe = mlperf_recipe({.round = told_->round,
                                       .submitter = told_->submitter,
                                       .chip = machine_.chip,
                                       .llm = llm.name,
                                       .scenario = word(told_->scenario)});
    if (!recipe)
      point.refuse("its layout and limits are not told: no configuration of " + told_->round + " for " + llm.name +
                   ", " + word(told_->scenario) + ", on " + machine_.chip);
    const auto lengths = mlperf_lengths(llm.name);
    if (!lengths) point.refuse("the lengths of its data set are not known");
    if (told_->tokens_per_s <= 0.0) point.refuse("nothing measured: no tokens/s");
    if (!offline && told_->target_qps <= 0.0) point.refuse("no target_qps: when samples came is not told");
    if (recipe && chips_ % (recipe->tensor * recipe->pipeline) != 0)
      point.refuse("its chips are no whole number of copies of the layout");
    if (lengths && told_->tokens_per_s > 0.0) refuse_mistyped(*lengths, point);
    if (point.scored.fate == metrics::RowFate::Refused) return std::nullopt;
    if (told_->answer <= 0.0) point.read_as("rows that do not tell samples/s have answers as long as the data set's");
    if (told_->submitter != "NVIDIA" && !recipe->own)
      point.read_as(
          "submitters other than NVIDIA are played with the configuration that NVIDIA's code of the round has "
          "for the chip, unless their own is known");
    if (system.triton) point.read_as("runs behind a Triton server are played without it");
    shape_ = &llms_.entry(llm.name);
    lengths_ = *lengths;
    answer_ = told_->answer > 0.0 ? told_->answer : lengths_.output.mean();
    return recipe;
  }

  /// A figure that is off by a factor would be played for hours, or as another traffic.
  void refuse_mistyped(const MlperfLengths& lengths, Point& point) const {
    constexpr double kMost =
        3.0;  // assumed; valid runs answer as they are asked, and within a few per cent of the length
    const double usual = lengths.output.mean();
    const double answer = told_->answer > 0.0 ? told_->answer : usual;
    if (answer > kMost * usual || answer < usual / kMost) {
      point.refuse("tokens_per_s over samples_per_s are " + short_number(answer) +
                   " tokens an answer; the data set's have " + short_number(usual));
    }
    const double answered = told_->tokens_per_s / answer;
    if (told_->scenario != MlperfScenario::Offline && told_->target_qps > kMost * answered) {
      point.refuse("target_qps is " + short_number(told_->target_qps) + " a second, of which the run answered " +
                   short_number(answered));
    }
  }

  void serve(const MlperfRecipe& recipe, Point& point) {
    const Formats formats = formats_of({.llm = shape_->name,
                                        .chip = machine_.chip,
                                        .precision = recipe.precision,
                                        .engine = "trtllm",
                                        .model_optimizer = true});
    const std::uint32_t copy = recipe.tensor * recipe.pipeline;
    ReadLayout layout{.instances = chips_ / copy, .tensor = recipe.tensor, .pipeline = recipe.pipeline};
    point.scored.precision = formats.listed;
    point.scored.layout = layout.text();
    if (told_->scenario == MlperfScenario::Offline) layout.instances = 1;
    point.set("topology", machine_.topology);
    const std::uint32_t nodes = (layout.chips() + machine_.chips_per_node - 1) / machine_.chips_per_node;
    if (nodes > machine_.nodes) point.set("topology.nodes", nodes);
    point.set("llm", shape_->name);
    set_layout(layout, "serve", point);
    point.set("pools.serve.precision.weights", formats.weights);
    if (shape_->moe) point.set("pools.serve.precision.experts", formats.experts);
    point.set("pools.serve.precision.kv", formats.kv);
    point.set("pools.serve.engine.max_batch_size", std::min(recipe.slots, recipe.tokens));
    point.set("pools.serve.engine.max_num_tokens", recipe.tokens);
    point.set("pools.serve.engine.free_gpu_memory_fraction", std::string(recipe.kv_share));
    point.set("pools.serve.engine.enable_chunked_prefill", std::string(recipe.chunks ? "true" : "false"));
    point.set("pools.serve.engine.quantise_in_attention", std::string(recipe.fp8_attention ? "true" : "false"));
    set_lengths("prompt", lengths_.prompt, point);
    set_lengths("output", lengths_.output.scaled_to(answer_), point);
  }

  static void set_lengths(const std::string& which, const LengthTable& table, Point& point) {
    std::string at;
    std::string tokens;
    for (std::size_t i = 0; i < table.at.size(); ++i) {
      at += (i == 0 ? "[" : ",") + short_number(table.at[i]);
      tokens += (i == 0 ? "[" : ",") + short_number(table.tokens[i]);
    }
    point.set("workload." + which + ".at", at + "]");
    point.set("workload." + which + ".tokens", tokens + "]");
  }

  /// More requests than slots wait at any time, until the last is sent: to the copy, all that are left are there.
  void send_at_once(const MlperfRecipe& recipe, Point& point) const {
    point.config = "configs/validation/mlperf-offline.yaml";
    const std::uint32_t waiting = 2 * recipe.slots;
    const double copies = static_cast<double>(chips_) / (recipe.tensor * recipe.pipeline);
    point.scored.concurrency = waiting;
    point.set("workload.arrivals.concurrency", waiting);
    point.set("workload.requests", std::uint64_t{8} * recipe.slots);
    // As long as the measured copy takes for one and a half times its slots: the batch has filled and mixed.
    point.set("workload.warm_up",
              short_number(std::ceil(1.5 * recipe.slots * copies * answer_ / told_->tokens_per_s)) + "s");
    point.measured.push_back({Metric::Throughput, Statistic::OutputTokensPerChip, told_->tokens_per_s / chips_, ""});
  }

  void send_at_rate(Point& point) const {
    constexpr double kSpan = 240.0;
    constexpr double kWarmUp = 0.4;
    point.config = "configs/validation/mlperf-server.yaml";
    const double requests = std::clamp(std::round(kSpan * told_->target_qps), 2'000.0, 100'000.0);
    point.set("workload.arrivals.rate", short_number(told_->target_qps) + "/s");
    point.set("workload.requests", static_cast<std::uint64_t>(requests));
    point.set("workload.warm_up", short_number(std::ceil(kWarmUp * requests / told_->target_qps)) + "s");
  }

  /// One copy with as many requests in it as the measured ones held on average.
  [[nodiscard]] Point at_its_load(const MlperfRecipe& recipe, Point point) const {
    const double copies = static_cast<double>(chips_) / (recipe.tensor * recipe.pipeline);
    const double held = told_->target_qps * told_->times[kLatency][kMean] / copies;
    const auto users = static_cast<std::uint32_t>(std::clamp(std::round(held), 1.0, 1e6));
    std::erase_if(point.settings, [](const auto& one) { return one.path == "pools.serve.instances"; });
    point.config = "configs/validation/mlperf-offline.yaml";
    point.scored.engine += ", its load";
    point.scored.traffic += " of " + std::to_string(users);
    point.scored.concurrency = users;
    point.set("workload.arrivals.concurrency", users);
    point.set("workload.requests", std::uint64_t{8} * users);
    point.set("workload.warm_up", short_number(std::ceil(1.5 * told_->times[kLatency][kMean])) + "s");
    point.measured.push_back({Metric::Throughput, Statistic::OutputTokensPerChip, told_->tokens_per_s / chips_, ""});
    if (told_->times[kTpot][kMean] > 0.0)
      point.measured.push_back({Metric::Tpot, Statistic::Mean, told_->times[kTpot][kMean], ""});
    return point;
  }

  [[nodiscard]] std::vector<Point> statistics(const Point& point) const {
    std::vector<Point> points;
    for (std::size_t statistic = 0; statistic < kMlperfStatistics.size(); ++statistic) {
      Point one = point;
      one.scored.traffic += " " + short_number(told_->target_qps) + "/s, " + kMlperfStatistics[statistic].second;
      for (std::size_t metric = 0; metric < kMlperfMetrics.size(); ++metric) {
        const double value = told_->times[metric][statistic];
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

  static std::string short_number(double value) {
    std::string digits = std::to_string(value);
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
    return digits;
  }

  static constexpr std::size_t kTpot = 1, kLatency = 2, kMean = 0;  ///< places in these

  const CsvTable& table_;
  const MlperfRow* told_ = nullptr;
  double answer_ = 0;  ///< output tokens of a sample, mean
  Machine machine_;
  std::uint32_t chips_ = 0;
  const models::LlmSpec* shape_ = nullptr;
  MlperfLengths lengths_;
  Llms llms_;
};

}  // namespace

MeasuredSet read_mlperf(const CsvTable& table) {
  MeasuredSet set{.file = table.path(), .kind = "mlperf"};
  const bool logs = table.has("loadgen_scenario");
  Rows rows(table);
  for (const CsvTable::Row& row : table.rows()) {
    const MlperfRow told = logs ? mlperf_log_row(table, row) : mlperf_result_row(table, row);
    for (Point& point : rows.points(told, row.line)) set.points.push_back(std::move(point));
  }
  return set;
}

}  // namespace tokenyard::validate
