#include "sim/validate/mlperf.hpp"

#include "sim/config/catalog.hpp"
#include "sim/validate/layouts.hpp"
#include "sim/validate/mlperf_recipes.hpp"
#include "sim/validate/names.hpp"
#include "sim/validate/recipes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

namespace tokenyard::validate {
namespace {

using files::CsvTable;
using metrics::Metric;

constexpr double kMostMs = 1e9;
constexpr double kMostRate = 1e9;
constexpr std::uint32_t kMostChips = 100'000;

std::string lower(std::string_view text) {
  std::string small(text);
  for (char& c : small) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return small;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::vector<std::string> words_of(std::string_view written) {
  std::vector<std::string> words(1);
  for (const char c : lower(written)) {
    if (is_digit(c) || (c >= 'a' && c <= 'z')) {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

/// 8 of "180gbx8" and of "8xh200"; 0 of words that count nothing.
std::uint32_t count_in(const std::string& word, std::string_view chip) {
  const auto number = [](std::string_view digits) {
    std::uint32_t value = 0;
    for (const char c : digits) value = std::min(kMostChips, 10 * value + static_cast<std::uint32_t>(c - '0'));
    return value;
  };
  std::size_t from = word.size();
  while (from > 0 && is_digit(word[from - 1])) --from;
  if (from < word.size() && from > 1 && word[from - 1] == 'x') return number(std::string_view(word).substr(from));
  std::size_t to = 0;
  while (to < word.size() && is_digit(word[to])) ++to;
  const bool leads = to > 0 && word.compare(to, 1 + chip.size(), "x" + std::string(chip)) == 0;
  return leads ? number(std::string_view(word).substr(0, to)) : 0;
}

struct Foreign {
  const char* word;
  const char* chip;
};
/// What MLPerf rows run on and configurations are not known of, by a part of a word of the system.
constexpr std::array kForeign{Foreign{"gh200", "GH200"},      Foreign{"mi300x", "MI300X"},
                              Foreign{"mi325x", "MI325X"},    Foreign{"mi355x", "MI355X"},
                              Foreign{"l40s", "L40S"},        Foreign{"orin", "Orin"},
                              Foreign{"rtx", "RTX PRO 6000"}, Foreign{"b60", "Arc Pro B60"},
                              Foreign{"emr", "a Xeon"},       Foreign{"gnr", "a Xeon"}};
constexpr std::array kPlayed{"gb200", "b200", "h200", "h100"};

enum class Scenario : std::uint8_t { Offline, Server, Interactive, Stream };

/// One row, understood.
class Rows {
 public:
  explicit Rows(const CsvTable& table) : table_(table) {}

  [[nodiscard]] std::vector<Point> points(const CsvTable::Row& row) {
    row_ = &row;
    Point point = told();
    figures();
    const std::optional<MlperfRecipe> recipe = start(point);
    if (!recipe) return {std::move(point)};
    serve(*recipe, point);
    if (scenario_ == Scenario::Offline) {
      send_at_once(*recipe, point);
      return {std::move(point)};
    }
    Point loaded = point;
    send_at_rate(point);
    std::vector<Point> all = statistics(point);
    if (times_[kLatency][kMean] > 0.0) all.push_back(at_its_load(*recipe, std::move(loaded)));
    return all;
  }

 private:
  /// What the columns say, as they say it.
  [[nodiscard]] Point told() {
    Point point;
    const std::string given = lower(text("loadgen_scenario"));
    const std::vector<std::string> known{"offline", "server", "singlestream", "multistream"};
    if (std::find(known.begin(), known.end(), given) == known.end()) {
      const std::string meant = config::nearest(given, known);
      table_.fail(*row_, "loadgen_scenario",
                  "'" + text("loadgen_scenario") +
                      "' is no scenario of loadgen; Offline, Server, SingleStream and MultiStream are" +
                      (meant.empty() ? "" : "; is '" + meant + "' meant?"));
    }
    const bool interactive = lower(text("scenario")) == "interactive";
    scenario_ = given == "offline"  ? Scenario::Offline
                : given != "server" ? Scenario::Stream
                : interactive       ? Scenario::Interactive
                                    : Scenario::Server;
    word_ = scenario_ == Scenario::Interactive ? "interactive" : given;
    const std::string& valid = text("valid");
    if (valid != "VALID" && valid != "INVALID") table_.fail(*row_, "valid", "'" + valid + "' is not VALID or INVALID");
    point.scored = {.set = table_.path(),
                    .row = row_->line,
                    .id = text("submitter") + "/" + text("system"),
                    .chip = text("system"),
                    .model = text("model"),
                    .engine = "trtllm " + word_};
    point.scored.version = text("version");
    point.scored.traffic = word_;
    if (valid == "INVALID") point.refuse("loadgen calls the run INVALID: its rules were not kept");
    if (scenario_ == Scenario::Stream)
      point.refuse("scenario " + text("loadgen_scenario") + " is not played; Offline and Server are");
    return point;
  }

  /// Of refused rows as well: what is no number is a mistake wherever it stands.
  void figures() {
    samples_ = number("samples_per_s", kMostRate);
    tokens_ = number("tokens_per_s", kMostRate);
    rate_ = number("target_qps", kMostRate);
    for (std::size_t metric = 0; metric < kMetrics.size(); ++metric) {
      for (std::size_t statistic = 0; statistic < kStatistics.size(); ++statistic) {
        times_[metric][statistic] =
            1e-3 * number(std::string(kMetrics[metric].second) + "_" + kStatistics[statistic].second + "_ms", kMostMs);
      }
    }
  }

  /// Model, chips, layout and lengths; nothing and a refusal where one of them is not known.
  [[nodiscard]] std::optional<MlperfRecipe> start(Point& point) {
    std::string written = text("model");
    if (const std::size_t at = written.find("llama3_1"); at != std::string::npos) written.replace(at, 8, "llama3.1");
    const Named llm = llm_named(written);
    if (llm.name.empty()) point.refuse(llm.why);
    const MlperfSystem system = mlperf_system(text("system"));
    if (!system.why.empty()) point.refuse(system.why);
    if (point.scored.fate == metrics::RowFate::Refused) return std::nullopt;
    machine_ = machine_named(system.chip);
    chips_ = system.chips;
    point.scored.model = llm.name;
    point.scored.chip = machine_.chip;
    const auto recipe = mlperf_recipe({.round = text("version"),
                                       .submitter = text("submitter"),
                                       .chip = machine_.chip,
                                       .llm = llm.name,
                                       .scenario = word_});
    if (!recipe)
      point.refuse("its layout and limits are not told: no configuration of " + text("version") + " for " + llm.name +
                   ", " + word_ + ", on " + machine_.chip);
    const auto lengths = mlperf_lengths(llm.name);
    if (!lengths) point.refuse("the lengths of its data set are not known");
    if (samples_ <= 0.0 || tokens_ <= 0.0) point.refuse("nothing measured: no samples_per_s or tokens_per_s");
    if (scenario_ != Scenario::Offline && rate_ <= 0.0) point.refuse("no target_qps: when samples came is not told");
    if (recipe && chips_ % (recipe->tensor * recipe->pipeline) != 0)
      point.refuse("its chips are no whole number of copies of the layout");
    if (point.scored.fate == metrics::RowFate::Refused) return std::nullopt;
    if (text("submitter") != "NVIDIA" && !recipe->own)
      point.read_as(
          "submitters other than NVIDIA are played with the configuration that NVIDIA's code of the round has "
          "for the chip, unless their own is known");
    if (system.triton) point.read_as("runs behind a Triton server are played without it");
    shape_ = &llms_.entry(llm.name);
    lengths_ = *lengths;
    return recipe;
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
    if (scenario_ == Scenario::Offline) layout.instances = 1;
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
    set_lengths("output", lengths_.output.scaled_to(tokens_ / samples_), point);
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
    point.set("workload.warm_up", short_number(std::ceil(1.5 * recipe.slots * copies / samples_)) + "s");
    point.measured.push_back({Metric::Throughput, Statistic::OutputTokensPerChip, tokens_ / chips_, ""});
  }

  void send_at_rate(Point& point) const {
    constexpr double kSpan = 240.0;
    constexpr double kWarmUp = 0.4;
    point.config = "configs/validation/mlperf-server.yaml";
    const double requests = std::clamp(std::round(kSpan * rate_), 2'000.0, 100'000.0);
    point.set("workload.arrivals.rate", short_number(rate_) + "/s");
    point.set("workload.requests", static_cast<std::uint64_t>(requests));
    point.set("workload.warm_up", short_number(std::ceil(kWarmUp * requests / rate_)) + "s");
  }

  /// One copy with as many requests in it as the measured ones held on average.
  [[nodiscard]] Point at_its_load(const MlperfRecipe& recipe, Point point) const {
    const double copies = static_cast<double>(chips_) / (recipe.tensor * recipe.pipeline);
    const double held = rate_ * times_[kLatency][kMean] / copies;
    const auto users = static_cast<std::uint32_t>(std::clamp(std::round(held), 1.0, 1e6));
    std::erase_if(point.settings, [](const auto& one) { return one.path == "pools.serve.instances"; });
    point.config = "configs/validation/mlperf-offline.yaml";
    point.scored.engine += ", its load";
    point.scored.traffic += " of " + std::to_string(users);
    point.scored.concurrency = users;
    point.set("workload.arrivals.concurrency", users);
    point.set("workload.requests", std::uint64_t{8} * users);
    point.set("workload.warm_up", short_number(std::ceil(1.5 * times_[kLatency][kMean])) + "s");
    point.measured.push_back({Metric::Throughput, Statistic::OutputTokensPerChip, tokens_ / chips_, ""});
    if (times_[kTpot][kMean] > 0.0) point.measured.push_back({Metric::Tpot, Statistic::Mean, times_[kTpot][kMean], ""});
    return point;
  }

  [[nodiscard]] std::vector<Point> statistics(const Point& point) const {
    std::vector<Point> points;
    for (std::size_t statistic = 0; statistic < kStatistics.size(); ++statistic) {
      Point one = point;
      one.scored.traffic += " " + short_number(rate_) + "/s, " + kStatistics[statistic].second;
      for (std::size_t metric = 0; metric < kMetrics.size(); ++metric) {
        const double value = times_[metric][statistic];
        if (value > 0.0) one.measured.push_back({kMetrics[metric].first, kStatistics[statistic].first, value, ""});
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

  [[nodiscard]] const std::string& text(std::string_view column) const { return table_.text(*row_, column); }
  [[nodiscard]] double number(std::string_view column, double most) const {
    return table_.number(*row_, column, 0.0, most).value_or(0.0);
  }

  static constexpr std::array<std::pair<Metric, const char*>, 3> kMetrics{
      {{Metric::Ttft, "ttft"}, {Metric::Tpot, "tpot"}, {Metric::EndToEnd, "lat"}}};
  static constexpr std::array<std::pair<Statistic, const char*>, 3> kStatistics{
      {{Statistic::Mean, "mean"}, {Statistic::Median, "p50"}, {Statistic::P99, "p99"}}};

  static constexpr std::size_t kTpot = 1, kLatency = 2, kMean = 0;  ///< places in these

  const CsvTable& table_;
  const CsvTable::Row* row_ = nullptr;
  Scenario scenario_ = Scenario::Offline;
  std::string word_;  ///< the scenario, as recipes name it
  double samples_ = 0, tokens_ = 0, rate_ = 0;
  std::array<std::array<double, 3>, 3> times_{};  ///< s, by metric and statistic; 0 = not measured
  Machine machine_;
  std::uint32_t chips_ = 0;
  const models::LlmSpec* shape_ = nullptr;
  MlperfLengths lengths_;
  Llms llms_;
};

}  // namespace

MlperfSystem mlperf_system(std::string_view written) {
  const std::vector<std::string> words = words_of(written);
  const auto has = [&](std::string_view part) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return holds(word, part); });
  };
  for (const Foreign& one : kForeign) {
    if (has(one.word))
      return {.why = std::string("no configuration is known for ") + one.chip + "; H100, H200 and B200 SXM are played"};
  }
  const auto chip = std::find_if(kPlayed.begin(), kPlayed.end(), has);
  if (chip == kPlayed.end()) return {.why = "its system names no chip of NVIDIA's that is known"};
  MlperfSystem system{.chip = *chip, .triton = has("triton")};
  for (const std::string& word : words) {
    if (const std::uint32_t count = count_in(word, system.chip); count > 0) system.chips = count;
  }
  std::string name = system.chip;
  for (char& c : name) c = is_digit(c) ? c : static_cast<char>(c - 'a' + 'A');
  if (has("pcie") || (has("nvl") && !has("nvl72"))) system.why = name + " NVL or PCIe is another chip than the SXM one";
  // Their systems/*.json: H100-PCIe-80GB and H100-NVL-94GB, which their names do not tell.
  const bool cards = has("esc8000a") || has("esc4000a");
  if (cards) system.why = name + " NVL or PCIe is another chip than the SXM one";
  if (has("cts")) system.why = name + " CTS, cooled for 1,000 W, is another chip than the SXM one";
  if (has("maxq")) system.why = "MaxQ: its chips are held below their power limit";
  if (has("vllm")) system.why = "its layout and limits are not told: vLLM without its arguments";
  if (system.why.empty() && system.chips == 0) system.why = "its system does not tell how many chips it has";
  return system;
}

MeasuredSet read_mlperf(const CsvTable& table) {
  MeasuredSet set{.file = table.path(), .kind = "mlperf"};
  Rows rows(table);
  for (const CsvTable::Row& row : table.rows()) {
    for (Point& point : rows.points(row)) set.points.push_back(std::move(point));
  }
  return set;
}

}  // namespace tokenyard::validate
