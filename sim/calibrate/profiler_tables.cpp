#include "models/base/errors.hpp"
#include "sim/calibrate/table_formats.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

// Tables of the LLMServingSim profiler (github.com/casys-kaist/LLMServingSim, MIT): layers of one model on one GPU
// under vLLM, times in microseconds. tpN/attention.csv (prefill_chunk, kv_prefill, n_decode, kv_decode), tpN/dense.csv
// (layer, tokens), tpN/moe.csv (tokens, activated_experts), tpN/skew.csv (n decodes, the longest kv_big, the mean
// kv_mean). The model's dimensions stand in
// meta.yaml of the folder above, under hf_overrides where the profiler split them, else they are the model's own.
namespace tokenyard::calibrate {
namespace {

constexpr double kMicrosecond = 1e-6;
constexpr double kBf16 = 2.0;  // bytes
constexpr double kLevelTwo =
    128e6;  // of RTX PRO 6000 Blackwell. Source: NVIDIA RTX Blackwell PRO architecture, table 1

double seconds(const KernelTable& table, std::size_t row) { return table.positive(row, "time_us") * kMicrosecond; }

/// What the profiled layers of a model look like on one GPU.
struct Layers {
  double hidden = 0;
  double head_dim = 128;
  double heads = 0;
  double kv_heads = 0;
  double inner = 0;
  double vocab = 0;
  double repetitions = 1;
  bool whole = true;  ///< one GPU has all of the layer
};

/// `key: value` lines of meta.yaml, wherever they are indented; the last of a key wins.
std::map<std::string, std::string> plain_lines(const std::string& path) {
  std::map<std::string, std::string> values;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    const std::size_t start = line.find_first_not_of(' ');
    if (colon == std::string::npos || start == std::string::npos) continue;
    values.insert_or_assign(line.substr(start, colon - start), line.substr(colon + 2));
  }
  return values;
}

/// Hidden sizes of the models that have been profiled: meta.yaml does not say them. Source: their config.json.
const std::map<std::string, double>& hidden_sizes() {
  static const std::map<std::string, double> sizes{{"meta-llama/Llama-3.1-8B", 4096.0}, {"Qwen/Qwen3-32B", 5120.0}};
  return sizes;
}

Layers profiled_layers(const KernelTable& table) {
  const std::filesystem::path folder = std::filesystem::absolute(table.path()).parent_path();
  const std::filesystem::path meta = folder.parent_path() / "meta.yaml";
  const auto values = plain_lines(meta.string());
  const auto number = [&](const char* key) {
    const auto found = values.find(key);
    if (found == values.end()) {
      throw UserError(table.path() + ": needs " + meta.string() + " with '" + key + "' for the shapes of its layers");
    }
    return std::stod(found->second);
  };
  Layers layers{.heads = number("num_attention_heads"),
                .kv_heads = number("num_key_value_heads"),
                .inner = number("intermediate_size"),
                .vocab = number("vocab_size")};
  if (values.contains("measurement_iterations")) layers.repetitions = number("measurement_iterations");
  // meta.yaml describes the last degree of tensor parallelism that was profiled; the folder says the table's own.
  const std::string named = folder.filename().string();
  const auto degrees = values.find("tp_degrees");
  if (!named.starts_with("tp") || degrees == values.end()) {
    throw UserError(table.path() + ": stands in no folder tpN beside a meta.yaml with tp_degrees");
  }
  const double own = std::stod(named.substr(2));
  const std::size_t last = degrees->second.find_last_of(" [");
  const double described = std::stod(degrees->second.substr(last + 1));
  layers.whole = own == 1.0;
  for (double* const split : {&layers.heads, &layers.kv_heads, &layers.inner, &layers.vocab}) *split *= described / own;
  for (const auto& [name, hidden] : hidden_sizes()) {
    // The effective model is a scratch folder; the profiled one stands in the path of the table.
    if (folder.string().find(name) != std::string::npos) layers.hidden = hidden;
  }
  return layers;
}

/// Of an element-wise layer the family, the width of a token's row and the bytes of a token, in BF16: norms add the
/// residual, the activation joins gate and up, rotary embedding is of queries, keys and values, as steps count it.
/// Norms are the same in every split and count once.
struct Elements {
  const char* family = nullptr;  ///< nothing: not priced as a small kernel
  double width = 0;
  double bytes = 0;
};

Elements elements_of(std::string_view layer, const Layers& of) {
  const double qkv = (of.heads + 2.0 * of.kv_heads) * of.head_dim;
  if (layer == "layernorm" && of.whole) return {"small.norm", of.hidden, 8.0 * of.hidden};
  if (layer == "act_fn") return {"small.activation", of.inner, 6.0 * of.inner};
  if (layer == "rotary_emb") return {"small.rotary", qkv, 4.0 * qkv};
  return {};
}

bool is_dense(const KernelTable& table) { return table.has_all({"layer", "tokens", "time_us"}); }

void read_dense(const KernelTable& table, Measurements& into) {
  const Layers of = profiled_layers(table);
  if (of.hidden == 0.0) return;  // a model whose products have unknown shapes
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string_view layer = table.text(row, "layer");
    double n = 0.0;
    double k = of.hidden;
    if (layer == "qkv_proj") {
      n = (of.heads + 2.0 * of.kv_heads) * of.head_dim;
    } else if (layer == "o_proj") {
      n = of.hidden;
      k = of.heads * of.head_dim;
    } else if (layer == "gate_up_proj") {
      n = 2.0 * of.inner;
    } else if (layer == "down_proj") {
      n = of.hidden;
      k = of.inner;
    } else {
      const Elements small = elements_of(layer, of);
      const double tokens = table.positive(row, "tokens");
      if (small.family != nullptr) {
        into.add(small.family, {tokens, small.width, small.bytes * tokens}, seconds(table, row), table, row);
      }
      continue;
    }
    into.add("gemm.bf16", {table.positive(row, "tokens"), n, k}, seconds(table, row), table, row);
  }
}

/// Routed experts of the models that have been profiled: meta.yaml does not say them. Source: their config.json.
struct ProfiledExperts {
  double experts, top_k, hidden, inner;
};
const std::map<std::string, ProfiledExperts>& profiled_experts() {
  static const std::map<std::string, ProfiledExperts> models{
      {"Qwen/Qwen3-30B-A3B", {.experts = 128.0, .top_k = 8.0, .hidden = 2048.0, .inner = 768.0}}};
  return models;
}

bool is_experts(const KernelTable& table) { return table.has_all({"tokens", "activated_experts", "time_us"}); }

/// The experts of a layer as vLLM computes them in BF16, in Triton: permutation, both products and the sum of what
/// comes back. How many of them get a token is set, and these share the tokens evenly. Weights that fit in the L2 of
/// the profiled GPUs are left out: 8 experts take 50 us, 16, 32, 64 and 128 lie on a line that has 84 there.
void read_experts(const KernelTable& table, Measurements& into) {
  const std::string folder = std::filesystem::absolute(table.path()).parent_path().string();
  const auto model = std::find_if(profiled_experts().begin(), profiled_experts().end(),
                                  [&](const auto& known) { return folder.find(known.first) != std::string::npos; });
  const std::string named = std::filesystem::path(folder).filename().string();
  if (model == profiled_experts().end() || named != "tp1") {
    table.fail(0, "activated_experts",
               "the folders above must name a profiled model whose experts are known, and tp1: .../" +
                   profiled_experts().begin()->first + "/bf16/tp1/moe.csv");
  }
  const auto& [experts, top_k, hidden, inner] = model->second;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double tokens = table.count(row, "tokens");
    const double hit = table.count(row, "activated_experts");
    if (hit < top_k || hit > std::min(experts, tokens * top_k)) {
      table.fail(row, "activated_experts",
                 "these tokens choose " + std::to_string(static_cast<int>(top_k)) + " of " +
                     std::to_string(static_cast<int>(experts)) + " experts each, which is no number of theirs");
    }
    if (hit * 3.0 * hidden * inner * kBf16 < kLevelTwo) {
      into.leave_out("activated_experts", table.text(row, "activated_experts"));
      continue;
    }
    into.add("moe_of.triton.bf16", {tokens, experts, top_k, 1.0, hidden, inner, hit}, seconds(table, row), table, row);
  }
}

bool is_skew(const KernelTable& table) {
  return table.has_all({"regime", "n", "kv_big", "kv_mean", "t_mean_us", "t_skew_us"});
}

/// Decodes of two lengths. The times are the sums of so many repetitions as meta.yaml says: the same batch of equal
/// contexts takes 3.00 times (median) what tpN/attention.csv says of it.
void read_skew(const KernelTable& table, Measurements& into) {
  const Layers of = profiled_layers(table);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, "regime") != "pure") continue;  // decodes beside a chunk
    into.add("attention_skew.bf16",
             {table.count(row, "n"), table.positive(row, "kv_mean"), table.positive(row, "kv_big"), of.kv_heads,
              table.positive(row, "t_mean_us") / of.repetitions},
             table.positive(row, "t_skew_us") * kMicrosecond / of.repetitions, table, row);
  }
}

bool is_attention(const KernelTable& table) {
  return table.has_all({"prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"});
}

void read_attention(const KernelTable& table, Measurements& into) {
  const Layers of = profiled_layers(table);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double chunk = table.number(row, "prefill_chunk");
    const double decodes = table.number(row, "n_decode");
    if (chunk == 0.0 && decodes > 0.0) {
      into.add("attention_decode.bf16", {decodes, table.positive(row, "kv_decode"), of.heads, of.kv_heads, of.head_dim},
               seconds(table, row), table, row);
    } else if (chunk > 0.0 && decodes == 0.0 && table.number(row, "kv_prefill") == 0.0) {
      into.add("attention_context.bf16", {1.0, chunk, of.heads, of.kv_heads, of.head_dim}, seconds(table, row), table,
               row);
    }
    // One launch takes whatever a step with prompt tokens holds.
    if (chunk > 0.0) {
      into.add("attention_mixed.bf16",
               {chunk, table.number(row, "kv_prefill"), decodes, table.number(row, "kv_decode"), of.heads, of.kv_heads,
                of.head_dim},
               seconds(table, row), table, row);
    }
  }
}

}  // namespace

std::vector<TableFormat> profiler_formats() {
  return {{"LLMServingSim profiler layers", "layer, tokens, time_us", is_dense, read_dense},
          {"LLMServingSim profiler experts", "tokens, activated_experts, time_us", is_experts, read_experts},
          {"LLMServingSim profiler attention", "prefill_chunk, kv_prefill, n_decode, kv_decode, time_us", is_attention,
           read_attention},
          {"LLMServingSim profiler skew", "regime, n, kv_big, kv_mean, t_mean_us, t_skew_us", is_skew, read_skew}};
}

}  // namespace tokenyard::calibrate
