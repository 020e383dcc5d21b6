#include "sim/validate/read_set.hpp"

#include "models/base/errors.hpp"
#include "sim/config/catalog.hpp"
#include "sim/validate/batches.hpp"
#include "sim/validate/figures.hpp"
#include "sim/validate/llmservingsim.hpp"
#include "sim/validate/mlperf.hpp"
#include "sim/validate/wide_ep.hpp"

#include <algorithm>
#include <filesystem>
#include <initializer_list>

namespace tokenyard::validate {

namespace {

/// What the kinds are called and the columns that tell them, for messages.
struct Kind {
  const char* name;
  std::vector<std::string> columns;
};

/// "; nearest are rows of KIND, which also have: a (is 'b' meant?)", or nothing when no kind has a column in common.
std::string nearest_kind(const files::CsvTable& table) {
  const std::vector<Kind> kinds{
      {"InferenceX", {"model", "system", "isl", "osl"}},
      {"figures", {"config", "settings", "figure", "value", "unit", "source"}},
      {"splitwise", {"prompt_size", "batch_size", "token_size", "tensor_parallel", "hardware", "model"}},
      {"LLM-Inference-Bench",
       {"Hardware", "Num of Hardware", "Framework", "Model", "Input Output Length", "Batch Size"}},
      {"offline", {"model", "chip", "tp", "weights_precision", "isl", "osl", "num_requests(all queued at t=0)"}},
      {"MLPerf", {"system", "model", "scenario", "loadgen_scenario", "valid", "samples_per_s", "tokens_per_s"}},
      {"wide EP", {"phase", "model", "chip", "gpus", "isl", "value", "unit"}}};
  const auto missing = [&](const Kind& kind) {
    return std::count_if(kind.columns.begin(), kind.columns.end(),
                         [&](const std::string& column) { return !table.has(column); });
  };
  const auto nearest = std::min_element(kinds.begin(), kinds.end(),
                                        [&](const Kind& a, const Kind& b) { return missing(a) < missing(b); });
  if (missing(*nearest) == static_cast<std::ptrdiff_t>(nearest->columns.size())) return {};
  std::vector<std::string> others = table.header();
  std::erase_if(others, [&](const std::string& column) {
    return std::find(nearest->columns.begin(), nearest->columns.end(), column) != nearest->columns.end();
  });
  std::string text;
  for (const std::string& column : nearest->columns) {
    if (table.has(column)) continue;
    const std::string meant = config::nearest(column, others);
    text += (text.empty() ? "" : ", ") + column + (meant.empty() ? "" : " (is '" + meant + "' meant?)");
  }
  return "; nearest are rows of " + std::string(nearest->name) + ", which also have: " + text;
}

MeasuredSet read_table(const files::CsvTable& table) {
  const auto has = [&](std::initializer_list<const char*> columns) {
    return std::all_of(columns.begin(), columns.end(), [&](const char* column) { return table.has(column); });
  };
  if (has({"config", "settings", "figure", "value", "unit", "source"})) return read_figures(table);
  if (has({"prompt_size", "batch_size", "token_size", "tensor_parallel", "hardware", "model"}))
    return read_splitwise(table);
  if (has({"Hardware", "Num of Hardware", "Framework", "Model", "Input Output Length", "Batch Size"}))
    return read_inference_bench(table);
  if (has({"model", "chip", "tp", "weights_precision", "isl", "osl", "num_requests(all queued at t=0)"}))
    return read_offline(table);
  if (has({"phase", "model", "chip", "gpus", "isl", "value", "unit"}) ||
      has({"phase", "model", "chip", "npus", "isl", "tput_tok_s_per_npu"})) {
    return read_wide_ep(table);
  }
  if (has({"system", "model", "scenario", "loadgen_scenario", "valid", "samples_per_s", "tokens_per_s"}) ||
      has({"ID", "Submitter", "Platform", "UsedModel", "Scenario", "Performance_Result", "Performance_Units",
           "Accuracy"})) {
    return read_mlperf(table);
  }
  if (has({"system", "scenario", "mean_active_W"})) {
    throw UserError(table.path() +
                    ":1: holds watts of MLPerf's power runs, which `validate` does not compare; the serving figures of "
                    "the same runs are rows with samples_per_s and tokens_per_s");
  }
  if (has({"isl", "osl", "system"}) || has({"model", "system", "isl"})) return read_inferencex(table);
  throw UserError(table.path() + ":1: the header is of no kind of measurements that is known" + nearest_kind(table) +
                  "; docs/validation.md names the columns of each");
}

}  // namespace

MeasuredSet read_set(const std::string& path, const std::string& traces) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) {
    throw UserError(path + ": is a folder; a file of measurements is needed");
  }
  const std::string text = files::read_text(path);
  if (text.starts_with('{')) return read_llmservingsim(path, text, traces);
  MeasuredSet set = read_table(files::CsvTable::parse(path, text));
  if (set.points.empty()) throw UserError(path + ":1: is a header without rows; each row is a measurement");
  return set;
}

std::vector<std::string> shipped_sets() {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(config::catalog_root() / "models/catalog/measured/serving")) {
    if (entry.path().extension() == ".csv") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace tokenyard::validate
