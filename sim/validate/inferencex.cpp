#include "sim/validate/layouts.hpp"
#include "sim/validate/names.hpp"
#include "sim/validate/read_set.hpp"
#include "sim/validate/recipes.hpp"
#include "sim/validate/split_recipes.hpp"
#include "sim/validate/traps.hpp"

#include "models/base/errors.hpp"
#include "sim/config/catalog.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

namespace tokenyard::validate {
namespace {

using files::CsvTable;
using metrics::Metric;

constexpr std::uint64_t kMostTokens = 1U << 20U;
constexpr std::uint64_t kMostUsers = 1'000'000;
constexpr std::uint64_t kMostChips = 100'000;
constexpr double kLongestMs = 1e8;

/// Columns that a row can do without, and how their absence is read.
struct Spare {
  const char* column;
  const char* reading;
};
constexpr Spare kSpare[] = {{"precision", "BF16"},
                            {"mode", "aggregated"},
                            {"backend", "vllm"},
                            {"version", "unknown"},
                            {"concurrency", "unknown"},
                            {"tp", "1"},
                            {"pp", "1"},
                            {"attn_dp", "1"},
                            {"moe_tp", "unknown"},
                            {"moe_ep", "1"},
                            {"gpus", "what the layout has"},
                            {"ttft_ms", "not measured"},
                            {"tpot_ms", "not measured"}};

[[nodiscard]] bool is_column(std::string_view name) {
  return std::any_of(std::begin(kSpare), std::end(kSpare), [&](const Spare& spare) { return spare.column == name; });
}

/// TPOT of rows that differ in nothing but what was measured: a row far below the slowest of them ran with something
/// that no column tells, which is speculation where the engine's start configurations have it for these rows.
class Twins {
 public:
  explicit Twins(const CsvTable& table) {
    for (const CsvTable::Row& row : table.rows()) {
      const auto tpot = table.number(row, "tpot_ms", 0.0, kLongestMs);
      if (!tpot || !(*tpot > 0.0)) continue;
      auto& [least, most] = tpots_.try_emplace(key(table, row), *tpot, *tpot).first->second;
      least = std::min(least, *tpot);
      most = std::max(most, *tpot);
    }
  }

  static constexpr double kFar = 1.25;    ///< repeated measurements of one set-up differ by a few per cent
  static constexpr double kApart = 1.02;  ///< enough where both are known to have been measured

  /// Whether a twin is more than so many times slower, or kFar times faster, than the row.
  [[nodiscard]] bool has_slower(const CsvTable& table, const CsvTable::Row& row, double times = kFar) const {
    const auto tpot = table.number(row, "tpot_ms", 0.0, kLongestMs);
    const auto found = tpots_.find(key(table, row));
    return tpot && found != tpots_.end() && found->second.second > times * *tpot;
  }
  [[nodiscard]] bool has_faster(const CsvTable& table, const CsvTable::Row& row) const {
    const auto tpot = table.number(row, "tpot_ms", 0.0, kLongestMs);
    const auto found = tpots_.find(key(table, row));
    return tpot && found != tpots_.end() && *tpot > kFar * found->second.first;
  }

 private:
  /// P/D rows: their columns of layout differ between copies of one measurement, so they are left out.
  static std::string key(const CsvTable& table, const CsvTable::Row& row) {
    std::string text;
    for (const char* column : {"model", "system", "precision", "mode", "backend", "version", "isl", "osl",
                               "concurrency", "tp", "pp", "attn_dp", "moe_tp", "moe_ep"}) {
      text += table.text(row, column) + '|';
    }
    return text;
  }

  std::map<std::string, std::pair<double, double>> tpots_;
};

/// Reads the rows of one table.
class Rows {
 public:
  explicit Rows(const CsvTable& table) : table_(table), twins_(table) {}

  [[nodiscard]] Point point(const CsvTable::Row& row) {
    row_ = &row;
    Point point = told();
    measure(point);
    name(point);
    if (point.scored.fate == metrics::RowFate::Refused) return point;
    const models::LlmSpec& shape = llms_.entry(served_.llm);
    const Formats formats = formats_of(served_);
    if (!formats.why.empty()) point.refuse(formats.why);
    if (!formats.reading.empty()) point.read_as(formats.reading);
    if (!formats.listed.empty()) point.scored.precision = formats.listed;
    const std::uint32_t chips = split_ ? serve_apart(formats, shape, point) : serve_together(formats, shape, point);
    point.set("llm", served_.llm);
    send(point);
    add_throughput(chips, point);
    note_traps(served_, split_, point);
    if (twins_.has_slower(table_, row)) {
      trap_all("speculation suspected: a row of the same set-up and version is more than 1.25 times slower", point);
    } else if (measured_both_ways(served_) && !split_ && twins_.has_slower(table_, row, Twins::kApart)) {
      trap_all("its set-up was measured with and without multi-token prediction, and this is the faster row", point);
    }
    return point;
  }

 private:
  /// What the columns say, as they say it.
  [[nodiscard]] Point told() {
    Point point;
    point.scored = {.set = table_.path(), .row = row_->line, .id = text("id")};
    point.scored.version = text("version");
    point.scored.engine = text("backend").empty() ? "vllm" : text("backend");
    point.scored.model = text("model");
    point.scored.chip = text("system");
    point.scored.precision = text("precision");
    served_ = {.precision = text("precision"),
               .engine = point.scored.engine,
               .version = text("version"),
               .isl = count("isl", kMostTokens).value_or(0),
               .osl = count("osl", kMostTokens).value_or(0),
               .concurrency = count("concurrency", kMostUsers).value_or(0),
               .measured = text("measured")};
    split_ = text("mode") == "disagg";
    point.scored.traffic = text("isl") + "/" + text("osl") + " c" + text("concurrency");
    point.scored.concurrency = served_.concurrency;
    if (served_.isl == 0 || served_.osl == 0) point.refuse("no isl or osl");
    if (served_.concurrency == 0) point.refuse("no concurrency: how many requests were in the system is not told");
    const std::vector<std::string> engines{"vllm", "sglang", "trtllm"};
    if (std::find(engines.begin(), engines.end(), served_.engine) == engines.end()) {
      const std::string meant = config::nearest(served_.engine, engines);
      point.refuse("no backend '" + served_.engine + "'; vllm, sglang and trtllm are known" +
                   (meant.empty() ? "" : "; is '" + meant + "' meant?"));
    }
    if (!text("mode").empty() && text("mode") != "agg" && !split_) {
      point.refuse("no mode '" + text("mode") + "'; agg and disagg are known");
    }
    return point;
  }

  /// Model and machine in our names.
  void name(Point& point) {
    if (point.measured.empty()) point.refuse("nothing measured: ttft_ms and tpot_ms are empty");
    const Named llm = llm_named(point.scored.model);
    if (llm.name.empty()) point.refuse(llm.why);
    machine_ = machine_named(point.scored.chip);
    if (machine_.topology.empty()) point.refuse(machine_.why);
    if (!machine_.chip.empty()) point.scored.chip = machine_.chip;
    if (!llm.name.empty()) point.scored.model = llm.name;
    if (!llm.reading.empty()) point.read_as(llm.reading);
    served_.llm = llm.name;
    served_.chip = machine_.chip;
  }

  std::uint32_t serve_together(const Formats& formats, const models::LlmSpec& shape, Point& point) {
    const ReadLayout read = read_layout(layout("", "tp", "pp", "attn_dp", "moe_tp", "moe_ep"), shape, point);
    point.config = "configs/validation/closed-loop.yaml";
    place(nodes_of(read), point);
    serve(read, formats, shape, "serve", point);
    point.scored.layout = read.text();
    return read.chips();
  }

  std::uint32_t serve_apart(const Formats& formats, const models::LlmSpec& shape, Point& point) {
    SplitRecipe recipe = split_recipe(shape, point);
    point.config = "configs/validation/closed-loop-split.yaml";
    place(nodes_of(recipe.prefill) + nodes_of(recipe.decode), point);
    serve(recipe.prefill, formats, shape, "prefill", point);
    serve(recipe.decode, formats, shape, "decode", point);
    point.scored.layout = recipe.prefill.text() + " + " + recipe.decode.text();
    point.scored.engine += " P/D";
    return recipe.prefill.chips() + recipe.decode.chips();
  }

  /// Where the columns do not tell the numbers of workers, the start configuration with that many users does.
  [[nodiscard]] SplitRecipe split_recipe(const models::LlmSpec& shape, Point& point) {
    const SplitRecipe written{
        .prefill = read_layout(
            layout("prefill_workers", "prefill_tp", "prefill_pp", "prefill_dp", "prefill_moe_tp", "prefill_ep"), shape,
            point),
        .decode =
            read_layout(layout("decode_workers", "decode_tp", "decode_pp", "decode_dp", "decode_moe_tp", "decode_ep"),
                        shape, point)};
    if (ranks("prefill_workers") && ranks("decode_workers")) return written;
    auto known = served_.llm == "deepseek-r1" ? split_recipes(served_) : std::vector<SplitRecipe>{};
    const bool slower = twins_.has_slower(table_, *row_);
    if (slower || twins_.has_faster(table_, *row_)) {
      std::erase_if(known, [&](const SplitRecipe& one) { return one.speculates != slower; });
    }
    if (known.empty()) {
      trap_all("P/D: how many workers there were is not told, and no start configuration with that many users is known",
               point);
      return written;
    }
    point.read_as(
        "P/D layouts are those of the start configuration with that many users; the columns have lost the workers");
    if (known.size() > 1) trap_all("P/D: several start configurations have this number of users", point);
    if (known[0].speculates) trap_all("P/D: the start configuration has multi-token prediction", point);
    return known[0];
  }

  [[nodiscard]] std::uint32_t nodes_of(const ReadLayout& layout) const {
    return (layout.chips() + machine_.chips_per_node - 1) / machine_.chips_per_node;
  }
  void place(std::uint32_t nodes, Point& point) const {
    point.set("topology", machine_.topology);
    if (nodes > machine_.nodes) point.set("topology.nodes", nodes);
  }

  static void trap_all(const char* trap, Point& point) {
    for (Measured& measured : point.measured) {
      if (measured.trap.empty()) measured.trap = trap;
    }
  }

  /// The column divides by `gpus`, which is that of the layout as written, and is computed from the other two: it
  /// shares their traps.
  void add_throughput(std::uint32_t chips, Point& point) const {
    const auto derived = table_.number(*row_, "derived_out_tok_s_per_gpu_closed_loop", 0.0, 1e9);
    if (!derived || !(*derived > 0.0)) return;
    const double written = static_cast<double>(count("gpus", kMostChips).value_or(chips));
    point.measured.push_back({Metric::Throughput, Statistic::OutputTokensPerChip, *derived * written / chips,
                              point.measured.empty() ? "" : point.measured.back().trap});
  }

  [[nodiscard]] const std::string& text(std::string_view column) const { return table_.text(*row_, column); }
  [[nodiscard]] std::optional<std::uint32_t> count(std::string_view column, std::uint64_t most) const {
    const auto value = table_.count(*row_, column, 0, most);
    return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
  }
  /// Chips of one kind in a layout: 0 and nothing both mean that it is not told.
  [[nodiscard]] std::optional<std::uint32_t> ranks(const char* column) const {
    const auto value = *column == '\0' ? std::nullopt : count(column, kMostChips);
    return value == 0U ? std::nullopt : value;
  }
  [[nodiscard]] WrittenLayout layout(const char* workers, const char* tp, const char* pp, const char* dp,
                                     const char* moe_tp, const char* moe_ep) const {
    return {.workers = ranks(workers).value_or(1),
            .tp = ranks(tp).value_or(1),
            .pp = ranks(pp).value_or(1),
            .dp = ranks(dp).value_or(1),
            .moe_tp = ranks(moe_tp),
            .moe_ep = ranks(moe_ep)};
  }

  /// TTFT is a mean over all requests, the opening burst of the closed loop included, and TPOT a median, whatever the
  /// documentation of the file says of the first: the mean over 10 c requests of which c arrive together is what its
  /// growth with c shows, at every output length.
  void measure(Point& point) const {
    if (const auto ttft = table_.number(*row_, "ttft_ms", 0.0, kLongestMs); ttft && *ttft > 0.0) {
      point.measured.push_back({Metric::Ttft, Statistic::Mean, *ttft * 1e-3, ""});
    }
    if (const auto tpot = table_.number(*row_, "tpot_ms", 0.0, kLongestMs); tpot && *tpot > 0.0) {
      point.measured.push_back({Metric::Tpot, Statistic::Median, *tpot * 1e-3, ""});
    }
  }

  void serve(const ReadLayout& layout, const Formats& formats, const models::LlmSpec& shape, const std::string& pool,
             Point& point) {
    set_layout(layout, pool, point);
    const std::string precision = "pools." + pool + ".precision.";
    point.set(precision + "weights", formats.weights);
    if (shape.moe) point.set(precision + "experts", formats.experts);
    point.set(precision + "kv", formats.kv);
    point.set(precision + "ffn", formats.ffn);
    point.set(precision + "attention_output", formats.attention_output);
    served_.tensor = layout.tensor;
    served_.attention_data = layout.attention_data;
    set_engine(served_, pool, point);
  }

  /// `concurrency` users of a closed loop send ten requests each; lengths are uniform in [0.8, 1] of nominal
  /// (benchmark_serving.py --random-range-ratio 0.8 --num-prompts 10 x --max-concurrency), or fixed by another harness.
  void send(Point& point) const {
    const bool fixed = fixed_lengths(served_);
    if (fixed) point.read_as("SGLang 0.5.1 and 0.5.6 rows of Qwen3 are played with lengths fixed at nominal");
    const auto shortest = [&](std::uint32_t nominal) {
      return fixed ? nominal : std::max(1U, static_cast<std::uint32_t>(std::ceil(0.8 * nominal)));
    };
    point.set("workload.arrivals.concurrency", served_.concurrency);
    point.set("workload.requests", 10ULL * served_.concurrency);
    point.set("workload.prompt.min", shortest(served_.isl));
    point.set("workload.prompt.max", served_.isl);
    point.set("workload.output.min", shortest(served_.osl));
    point.set("workload.output.max", served_.osl);
  }

  const CsvTable& table_;
  const CsvTable::Row* row_ = nullptr;
  Twins twins_;
  ServedRow served_;
  Machine machine_;
  bool split_ = false;
  Llms llms_;
};

}  // namespace

MeasuredSet read_inferencex(const CsvTable& table) {
  MeasuredSet set{.file = table.path(), .kind = "inferencex"};
  for (const char* needed : {"model", "system", "isl", "osl"}) {
    if (!table.has(needed)) throw UserError(table.path() + ":1: column '" + needed + "' is missing");
  }
  for (const Spare& spare : kSpare) {
    if (!table.has(spare.column)) {
      const std::string meant = config::nearest(spare.column, table.header());
      const bool other = std::string_view(spare.column).size() > 4 && !meant.empty() && !is_column(meant);
      set.notes.push_back(std::string("no column '") + spare.column + "': read as " + spare.reading +
                          (other ? "; is '" + meant + "' meant?" : ""));
    }
  }
  Rows rows(table);
  for (const CsvTable::Row& row : table.rows()) set.points.push_back(rows.point(row));
  return set;
}

}  // namespace tokenyard::validate
