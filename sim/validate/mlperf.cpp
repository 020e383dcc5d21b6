#include "sim/validate/mlperf.hpp"

#include "sim/validate/layouts.hpp"
#include "sim/validate/mlperf_recipes.hpp"
#include "sim/validate/mlperf_rows.hpp"
#include "sim/validate/mlperf_traffic.hpp"
#include "sim/validate/names.hpp"
#include "sim/validate/recipes.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace tokenyard::validate {
namespace {

using files::CsvTable;

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
    return mlperf_points({.told = told, .recipe = *recipe, .llm = shape_->name, .chips = chips_, .answer = answer_},
                         point);
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
