#include "sim/validate/layouts.hpp"
#include "sim/validate/names.hpp"
#include "sim/validate/read_set.hpp"
#include "sim/validate/recipes.hpp"
#include "sim/validate/traps.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>

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

/// Reads the rows of one table.
class Rows {
 public:
  explicit Rows(const CsvTable& table) : table_(table) {}

  [[nodiscard]] Point point(const CsvTable::Row& row) {
    row_ = &row;
    Point point;
    point.scored = {.set = table_.path(), .row = row.line, .id = text("id")};
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
               .concurrency = count("concurrency", kMostUsers).value_or(0)};
    point.scored.traffic = std::to_string(served_.isl) + "/" + std::to_string(served_.osl) + " c" + text("concurrency");
    point.scored.concurrency = served_.concurrency;
    measure(point);
    const bool split = text("mode") == "disagg";
    WrittenLayout whole = layout("", "tp", "pp", "attn_dp", "moe_tp", "moe_ep");
    WrittenLayout prefill =
        layout("prefill_workers", "prefill_tp", "prefill_pp", "prefill_dp", "prefill_moe_tp", "prefill_ep");
    WrittenLayout decode =
        layout("decode_workers", "decode_tp", "decode_pp", "decode_dp", "decode_moe_tp", "decode_ep");
    const auto gpus = count("gpus", kMostChips);

    if (served_.isl == 0 || served_.osl == 0) point.refuse("no isl or osl");
    if (served_.concurrency == 0) point.refuse("no concurrency: how many requests were in the system is not told");
    if (point.measured.empty()) point.refuse("nothing measured: ttft_ms and tpot_ms are empty");
    if (!text("mode").empty() && text("mode") != "agg" && !split)
      point.refuse("no mode '" + text("mode") + "'; agg and disagg are known");
    const Named llm = llm_named(point.scored.model);
    if (llm.name.empty()) point.refuse(llm.why);
    const Machine machine = machine_named(point.scored.chip);
    if (machine.topology.empty()) point.refuse(machine.why);
    if (!machine.chip.empty()) point.scored.chip = machine.chip;
    if (!llm.name.empty()) point.scored.model = llm.name;
    if (point.scored.fate == metrics::RowFate::Refused) return point;

    if (!llm.reading.empty()) point.read_as(llm.reading);
    served_.llm = llm.name;
    served_.chip = machine.chip;
    const models::LlmSpec& shape = llms_.entry(llm.name);
    const Formats formats = formats_of(served_);
    if (!formats.why.empty()) point.refuse(formats.why);
    if (!formats.reading.empty()) point.read_as(formats.reading);
    if (!formats.listed.empty()) point.scored.precision = formats.listed;

    std::uint32_t chips = 0;
    if (split) {
      const ReadLayout p = read_layout(prefill, shape, point);
      const ReadLayout d = read_layout(decode, shape, point);
      point.config = "configs/validation/closed-loop-split.yaml";
      serve(p, formats, shape, "prefill", point);
      serve(d, formats, shape, "decode", point);
      point.scored.layout = p.text() + " + " + d.text();
      point.scored.engine += " P/D";
      chips = p.chips() + d.chips();
    } else {
      const ReadLayout read = read_layout(whole, shape, point);
      point.config = "configs/validation/closed-loop.yaml";
      serve(read, formats, shape, "serve", point);
      point.scored.layout = read.text();
      chips = read.chips();
    }
    point.set("topology", machine.topology);
    if (chips > machine.chips_per_node)
      point.set("topology.nodes", (chips + machine.chips_per_node - 1) / machine.chips_per_node);
    point.set("llm", llm.name);
    send(point);
    if (const auto derived = table_.number(row, "derived_out_tok_s_per_gpu_closed_loop", 0.0, 1e9);
        derived && *derived > 0.0) {
      // The column divides by `gpus`, which is that of the layout as written.
      const double written = gpus ? static_cast<double>(*gpus) : static_cast<double>(chips);
      point.measured.push_back({Metric::Throughput, Statistic::OutputTokensPerChip, *derived * written / chips, ""});
    }
    note_traps(served_, split, point);
    return point;
  }

 private:
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
    served_.attention_ranks = layout.attention_data;
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
  ServedRow served_;
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
      set.notes.push_back(std::string("no column '") + spare.column + "': read as " + spare.reading);
    }
  }
  Rows rows(table);
  for (const CsvTable::Row& row : table.rows()) set.points.push_back(rows.point(row));
  return set;
}

}  // namespace tokenyard::validate
