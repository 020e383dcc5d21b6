#include "sim/validate/llmservingsim.hpp"

#include "models/base/errors.hpp"
#include "sim/files/csv_table.hpp"
#include "sim/validate/layouts.hpp"
#include "sim/validate/names.hpp"
#include "sim/validate/recipes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <vector>

namespace tokenyard::validate {
namespace {

using metrics::Metric;

/// What stands behind "key": in flat JSON, up to the next comma, brace or line end; nothing when the key is not there.
std::optional<std::string_view> value_of(std::string_view json, const std::string& key) {
  const std::size_t at = json.find("\"" + key + "\"");
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t colon = json.find(':', at + key.size() + 2);
  if (colon == std::string_view::npos) return std::nullopt;
  const std::size_t from = json.find_first_not_of(" \t", colon + 1);
  if (from == std::string_view::npos) return std::nullopt;
  if (json[from] == '"') return json.substr(from + 1, json.find('"', from + 1) - from - 1);
  return json.substr(from, json.find_first_of(",}\n\r ", from) - from);
}

/// A file of keys beside the requests.
class Beside {
 public:
  Beside(const std::filesystem::path& requests, const char* name)
      : path_((requests.parent_path() / name).string()), text_(files::read_text(path_)) {}

  [[nodiscard]] std::string text(const char* key) const {
    const auto value = value_of(text_, key);
    if (!value || value->empty()) throw UserError(path_ + ": " + key + ": is missing");
    return std::string(*value);
  }
  [[nodiscard]] std::uint32_t count(const char* key) const {
    const std::string written = text(key);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
    if (error != std::errc{} || end != written.data() + written.size() || value == 0) {
      throw UserError(path_ + ": " + key + ": '" + written + "' is not a count from 1 on");
    }
    return value;
  }

 private:
  std::string path_;
  std::string text_;
};

struct Stamps {
  double arrival = 0, queued = 0, first = 0, last = 0, output = 0;
};

double number(const std::string& path, std::size_t line, std::string_view json, const char* key) {
  const auto written = value_of(json, key);
  const std::string quoted = "\"" + std::string(key) + "\"";
  if (json.find(quoted) != json.rfind(quoted)) {
    throw UserError(path + ":" + std::to_string(line) + ": " + key + ": is given twice; once would be right");
  }
  double value = 0.0;
  if (written) {
    const auto [end, error] = std::from_chars(written->data(), written->data() + written->size(), value);
    if (error == std::errc{} && end == written->data() + written->size() && std::isfinite(value)) return value;
  }
  throw UserError(path + ":" + std::to_string(line) + ": " + key + ": " +
                  (written ? "'" + std::string(*written) + "' is not a number" : "is missing; a number is needed"));
}

std::vector<Stamps> stamps_of(const std::string& path, std::string_view text) {
  std::vector<Stamps> all;
  std::size_t line = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view json = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
    if (json.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto get = [&](const char* key) { return number(path, line, json, key); };
    all.push_back(
        {get("arrival_time"), get("queued_ts"), get("first_token_ts"), get("last_token_ts"), get("output_toks")});
  }
  if (all.empty()) throw UserError(path + ": holds no request");
  return all;
}

/// Nearest rank, or the mean.
double statistic_of(std::vector<double> values, Statistic statistic) {
  if (statistic == Statistic::Mean) {
    double sum = 0.0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }
  std::sort(values.begin(), values.end());
  const double q = statistic == Statistic::Median ? 0.5 : 0.99;
  return values[static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size()))) - 1];
}

void measure(const std::vector<Stamps>& stamps, Statistic statistic, Point& point) {
  double offset = std::numeric_limits<double>::infinity();
  for (const Stamps& one : stamps) offset = std::min(offset, one.queued - one.arrival);
  std::vector<double> ttft;
  std::vector<double> tpot;
  std::vector<double> latency;
  for (const Stamps& one : stamps) {
    ttft.push_back(one.first - one.arrival - offset);
    latency.push_back(one.last - one.arrival - offset);
    if (one.output > 1.0) tpot.push_back((one.last - one.first) / (one.output - 1.0));
  }
  point.measured.push_back({Metric::Ttft, statistic, statistic_of(ttft, statistic), ""});
  if (!tpot.empty()) point.measured.push_back({Metric::Tpot, statistic, statistic_of(tpot, statistic), ""});
  point.measured.push_back({Metric::EndToEnd, statistic, statistic_of(latency, statistic), ""});
}

/// The trace of the run, if it lies beside the requests or in `traces`.
std::optional<std::string> trace_of(const std::filesystem::path& requests, const std::string& dataset,
                                    const std::string& traces) {
  const std::string name = std::filesystem::path(dataset).stem().string() + "_lengths_hash16.jsonl";
  for (const std::filesystem::path& folder : {requests.parent_path(), std::filesystem::path(traces)}) {
    if (folder.empty()) continue;
    if (std::filesystem::exists(folder / name)) return std::filesystem::absolute(folder / name).string();
  }
  return std::nullopt;
}

}  // namespace

MeasuredSet read_llmservingsim(const std::string& path, std::string_view text, const std::string& traces) {
  MeasuredSet set{.file = path, .kind = "llmservingsim"};
  const std::vector<Stamps> stamps = stamps_of(path, text);
  const Beside meta(path, "meta.json");
  const Beside config(path, "config.json");
  const std::string dataset = meta.text("dataset_path");
  const Named llm = llm_named(meta.text("model"));
  const Machine machine = machine_named(config.text("hardware"));
  const auto trace = trace_of(path, dataset, traces);
  Llms llms;
  for (const auto& [statistic, word] :
       {std::pair{Statistic::Mean, "mean"}, std::pair{Statistic::Median, "median"}, std::pair{Statistic::P99, "p99"}}) {
    Point point;
    point.scored = {.set = path,
                    .row = 1,
                    .id = dataset,
                    .chip = config.text("hardware"),
                    .model = meta.text("model"),
                    .precision = "bf16",
                    .engine = "vllm"};
    point.scored.version = meta.text("vllm_version");
    point.scored.traffic = std::to_string(stamps.size()) + " requests, " + word;
    measure(stamps, statistic, point);
    if (llm.name.empty()) point.refuse(llm.why);
    if (machine.topology.empty()) point.refuse(machine.why);
    if (!trace) {
      point.refuse("no " + std::filesystem::path(dataset).stem().string() +
                   "_lengths_hash16.jsonl beside the set or in the folder of --traces: what was sent is not known");
    }
    if (point.scored.fate == metrics::RowFate::Played) {
      point.scored.model = llm.name;
      point.scored.chip = machine.chip;
      const WrittenLayout written{.tp = meta.count("tensor_parallel_size"), .dp = meta.count("data_parallel_size")};
      const ReadLayout layout = read_layout(written, llms.entry(llm.name), point);
      point.scored.layout = layout.text();
      point.config = "configs/validation/trace.yaml";
      point.set("topology", machine.topology);
      point.set("llm", llm.name);
      set_layout(layout, "serve", point);
      point.set("pools.serve.engine.max_num_seqs", meta.count("max_num_seqs"));
      point.set("pools.serve.engine.max_num_batched_tokens", meta.count("max_num_batched_tokens"));
      point.set("pools.serve.engine.front_end.latency", "0 s");  // the stamps are the engine's own
      point.set("workload.trace.path", *trace);
    }
    set.points.push_back(std::move(point));
  }
  return set;
}

}  // namespace tokenyard::validate
