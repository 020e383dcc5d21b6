#include "sim/config/catalog.hpp"
#include "models/base/errors.hpp"
#include "models/llm/architecture.hpp"
#include "models/llm/parallel_plan.hpp"
#include "sim/config/read_models.hpp"
#include "tests/support/source_root.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::config;
using namespace tokenyard::models;

namespace {

constexpr const char* kChips = "models/catalog/chips";
constexpr const char* kLlms = "models/catalog/llms";

std::filesystem::path entry(const char* folder, const std::string& name) {
  return test::source_root() / folder / (name + ".yaml");
}
AcceleratorSpec chip(const std::string& name) { return read_chip(YamlMap::load_entry(name, "chip", kChips)); }
LlmSpec llm(const std::string& name) { return read_llm(YamlMap::load(entry(kLlms, name), "llm")); }

/// Architecture figures as published with the configurations; kilo and giga are decimal.
struct Published {
  const char* name;
  double total_b;         // 10^9 parameters, one decimal
  double active_b;        // two decimals
  double matmul_gflop;    // per token, one decimal
  double kv_bytes;        // per token, BF16, exact
  double attention_flop;  // per token and token of context, exact
};

constexpr Published kPublished[] = {
    {"llama-2-70b", 69.0, 68.98, 137.4, 327680, 2621440},     {"llama-3.1-8b", 8.0, 8.03, 15.0, 131072, 524288},
    {"llama-3.1-70b", 70.6, 70.55, 139.0, 327680, 2621440},   {"llama-3.1-405b", 405.8, 405.85, 807.5, 516096, 8257536},
    {"mixtral-8x7b", 46.7, 12.88, 25.5, 131072, 524288},      {"qwen3-32b", 32.8, 32.76, 64.0, 262144, 2097152},
    {"qwen3-235b-a22b", 235.1, 22.19, 43.1, 192512, 3080192}, {"deepseek-v3", 671.0, 37.55, 73.2, 70272, 16990208},
    {"deepseek-r1", 671.0, 37.55, 73.2, 70272, 16990208},     {"kimi-k2", 1026.4, 32.86, 63.4, 70272, 8495104},
    {"mixtral-8x22b", 140.6, 39.15, 77.9, 229376, 1376256},   {"dbrx", 131.6, 36.47, 71.7, 163840, 983040},
    {"gpt-oss-120b", 116.8, 5.71, 10.3, 73728, 589824},       {"llama-2-7b", 6.7, 6.74, 13.2, 524288, 524288},
    {"mistral-7b", 7.2, 7.24, 14.2, 131072, 524288},          {"qwen2-7b", 7.6, 7.62, 14.1, 57344, 401408},
    {"qwen2-72b", 72.7, 72.70, 142.9, 327680, 2621440},
};

}  // namespace

TEST_CASE("catalogue: every model reproduces its published figures") {
  for (const Published& known : kPublished) {
    CAPTURE(known.name);
    const LlmSpec model = llm(known.name);
    const Parameters p = count_parameters(model);
    // half of the last digit given
    CHECK(std::abs(p.total / 1e9 - known.total_b) <= 0.0501);
    CHECK(std::abs(p.active / 1e9 - known.active_b) <= 0.00501);
    CHECK(std::abs(matmul_flop_per_token(model).value() / 1e9 - known.matmul_gflop) <= 0.0501);
    CHECK(kv_bytes_per_token(model, Dtype::Bf16).value() == known.kv_bytes);
    CHECK(kv_bytes_per_token(model, Dtype::Fp8).value() == known.kv_bytes / 2);
    CHECK(attention_flop_per_context_token(model).value() == known.attention_flop);
  }
}

TEST_CASE("catalogue: every model is in the table above") {
  std::vector<std::string> known;
  for (const Published& row : kPublished) known.emplace_back(row.name);
  std::sort(known.begin(), known.end());
  CHECK(catalog_names(kLlms) == known);
}

TEST_CASE("catalogue: every model loads and is called as its file") {
  const auto names = catalog_names(kLlms);
  REQUIRE(names.size() >= 11);
  for (const std::string& name : names) {
    CAPTURE(name);
    const LlmSpec model = llm(name);  // reads every key and validates
    CHECK(model.name == name);
    CHECK(model.published_total.has_value());
  }
}

TEST_CASE("catalogue: every chip loads and has a kernel for every peak") {
  const auto names = catalog_names(kChips);
  REQUIRE(names.size() >= 20);
  for (const std::string& name : names) {
    CAPTURE(name);
    const AcceleratorSpec spec = chip(name);
    CHECK(spec.name == name);
    for (std::size_t i = 0; i < kGemmKinds; ++i) {
      const auto kind = static_cast<GemmKind>(i);
      CAPTURE(i);
      const bool has_peak = spec.peak[static_cast<std::size_t>(compute_dtype(kind))].has_value();
      CHECK(spec.kernels.gemm[i].has_value() == (has_peak && kind != GemmKind::W4a8));  // of experts alone
      CHECK((!spec.kernels.moe[i].has_value() || has_peak));
    }
    const auto bf16 = static_cast<std::size_t>(Dtype::Bf16);
    CHECK(spec.kernels.decode_attention[bf16].has_value());
    CHECK(spec.kernels.context_attention[bf16].has_value());
    CHECK(spec.kernels.mla_decode[bf16].has_value());
    CHECK(spec.kernels.mla_context[bf16].has_value());
  }
}

TEST_CASE("catalogue: plans of chips that nobody sells are marked as scenarios") {
  for (const std::string& name : catalog_names(kChips)) {
    CAPTURE(name);
    CHECK(chip(name).scenario == name.starts_with("intellifusion"));
  }
}

TEST_CASE("catalogue: R1 in FP8 fits on 8 H200 and not on 8 H100") {
  // An eighth of 671 GB is 84 GB. Engines leave a tenth of the memory alone: 0.9 x 141 GiB hold it, 0.9 x 80 GiB do
  // not.
  const Precision fp8{.weights = GemmKind::Fp8Block, .experts = GemmKind::Fp8Block, .kv = Dtype::Bf16};
  const double weights = weight_bytes_per_chip(llm("deepseek-r1"), {.tensor = 8, .expert = 8}, fp8).value();
  CHECK(weights < 0.9 * chip("h200-sxm").memory.value());
  CHECK(weights > 0.9 * chip("h100-sxm").memory.value());
}

TEST_CASE("catalogue: the two readings of the 910C differ as their sources do") {
  const AcceleratorSpec paper = chip("ascend-910c");
  const AcceleratorSpec study = chip("ascend-910c-s3");
  CHECK(paper.peak_of(Dtype::Bf16).value() == 752e12);
  CHECK(study.peak_of(Dtype::Bf16).value() == 780e12);
  CHECK(paper.scale_up.value() == 392e9);
  CHECK(study.scale_up.value() == 2800e9 / 8);
}
