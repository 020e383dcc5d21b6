#include "sim/validate/read_set.hpp"

#include "models/base/errors.hpp"
#include "sim/config/catalog.hpp"
#include "sim/validate/batches.hpp"
#include "sim/validate/figures.hpp"
#include "sim/validate/llmservingsim.hpp"
#include "sim/validate/wide_ep.hpp"

#include <algorithm>
#include <filesystem>
#include <initializer_list>

namespace tokenyard::validate {

MeasuredSet read_set(const std::string& path, const std::string& traces) {
  const std::string text = files::read_text(path);
  if (text.starts_with('{')) return read_llmservingsim(path, text, traces);
  const files::CsvTable table = files::CsvTable::parse(path, text);
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
  if (has({"isl", "osl", "system"}) || has({"model", "system", "isl"})) return read_inferencex(table);
  throw UserError(
      path +
      ":1: the header is of no kind of measurements that is known; docs/validation.md names the columns of each");
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
