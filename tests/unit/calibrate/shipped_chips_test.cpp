#include "models/cost/kernels.hpp"
#include "models/cost/small_kernels.hpp"
#include "models/fit/families.hpp"
#include "sim/calibrate/calibrate.hpp"
#include "sim/calibrate/kernel_table.hpp"
#include "sim/config/read_models.hpp"
#include "tests/support/data_file.hpp"
#include "tests/support/source_root.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::calibrate;

namespace {

/// What the entry says of the family at `place` ("gemm.bf16").
template <class Families, class Name>
const models::Provenance* provenance_in(const Families& families, const std::string& key, Name name_of) {
  for (std::size_t i = 0; i < families.size(); ++i) {
    if (families[i] && key == name_of(i)) return &families[i]->provenance;
  }
  return nullptr;
}

const models::Provenance* provenance_of(const std::string& place, const models::KernelSet& kernels) {
  const std::size_t dot = place.find('.');
  const std::string group = place.substr(0, dot);
  const std::size_t last = place.rfind('.');
  const std::string key = place.substr(last + 1);
  const std::string inside = last > dot ? place.substr(dot + 1, last - dot - 1) : "";
  const auto kind = [](std::size_t i) { return name(static_cast<models::GemmKind>(i)); };
  const auto format = [](std::size_t i) { return name(static_cast<models::Dtype>(i)); };
  if (group == "gemm") return provenance_in(kernels.gemm, key, kind);
  for (std::size_t i = 0; !inside.empty() && i < models::kDecodeHeads && group == "attention_decode"; ++i) {
    if (inside == name(static_cast<models::DecodeHeads>(i))) {
      return provenance_in(kernels.decode_by_heads[i], key, format);
    }
  }
  for (std::size_t i = 0; !inside.empty() && i < models::kContextHeads && group == "attention_context"; ++i) {
    if (inside == name(static_cast<models::ContextHeads>(i))) {
      return provenance_in(kernels.context_by_heads[i], key, format);
    }
  }
  if (group == "attention_decode") return provenance_in(kernels.decode_attention, key, format);
  if (group == "attention_context") return provenance_in(kernels.context_attention, key, format);
  if (group == "attention_skew") return provenance_in(kernels.attention_skew, key, format);
  if (group == "attention_mixed") return provenance_in(kernels.mixed_attention, key, format);
  if (group == "mla_decode") return provenance_in(kernels.mla_decode, key, format);
  if (group == "mla_context") return provenance_in(kernels.mla_context, key, format);
  const auto small = [](std::size_t i) { return name(static_cast<models::SmallKernel>(i)); };
  if (group == "small") return provenance_in(kernels.small.by_kind, key, small);
  if (group == "moe") return provenance_in(kernels.moe, key, kind);
  if (group == "moe_of") return provenance_in(kernels.moe_of.at(inside), key, kind);
  return nullptr;  // families of other rooms of the entry have their own check
}

constexpr std::string_view kMeasured = "models/catalog/measured";  // our own tables

struct Shipped {
  const char* chip;
  std::vector<std::string> tables;  // of the data beside the project
  std::vector<std::string> own{};   // below models/catalog/measured
  int families = 4;                 // that are judged at least
};

std::vector<std::string> engine_tables(const std::string& system, const std::string& engine, bool quantise) {
  const std::string folder = "kernels/aiconfigurator/" + system + "/";
  std::vector<std::string> tables{folder + "gemm/" + engine + "_gemm_perf.csv.gz",
                                  folder + "attention/" + engine + "_generation_attention_perf.csv.gz",
                                  folder + "attention/" + engine + "_context_attention_perf.csv.gz",
                                  folder + "mla/" + engine + "_generation_mla_perf.csv.gz",
                                  folder + "mla/" + engine + "_context_mla_perf.csv.gz",
                                  folder + "moe/" + engine + "_moe_perf.csv.gz"};
  if (quantise) {
    tables.push_back(folder + "quantize/" + engine + "_computescale_perf.csv.gz");
    tables.push_back(folder + "quantize/" + engine + "_scale_matrix_perf.csv.gz");
  }
  return tables;
}

models::AcceleratorSpec chip_of(const std::string& name) {
  return config::load_chip((test::source_root() / "models/catalog/chips" / (name + ".yaml")).string());
}

std::string measured_file(const std::string& name) {
  return (test::source_root() / "models/catalog/measured" / name).string();
}

/// The errors that the entry states are those its coefficients have on the held-out rows of the tables it names; gives
/// how many families were judged.
int judge(const models::AcceleratorSpec& chip, const std::vector<std::string>& files) {
  int judged = 0;
  for (const FamilyResult& result : check_tables(read_tables(files), chip).families) {
    CAPTURE(result.family->place);
    const models::Provenance* const stated = provenance_of(result.family->place, chip.kernels);
    if (stated == nullptr || stated->rows == 0) continue;  // not fitted on these tables
    if ((stated->source.find(kMeasured) == std::string::npos) != (files.front().find(kMeasured) == std::string::npos)) {
      continue;  // a kernel that both projects measured is fitted on one's table
    }
    REQUIRE(stated->error_p90.has_value());
    CHECK(stated->rows == result.rows);
    // Coefficients are written with four digits and errors with three.
    CHECK(std::abs(*stated->error_p50 - result.error.p50) < 0.0015);
    CHECK(std::abs(*stated->error_p90 - result.error.p90) < 0.0015);
    ++judged;
  }
  return judged;
}

void check_shipped(const Shipped& shipped) {
  std::vector<std::string> files;
  for (const std::string& table : shipped.tables) {
    const auto file = test::data_file(table);
    if (!file) return;  // said so
    files.push_back(*file);
  }
  for (const std::string& table : shipped.own) files.push_back(measured_file(table));
  CHECK(judge(chip_of(shipped.chip), files) >= shipped.families);
}

/// ln(predicted / measured) of whole layers without attention, 1 to 256 tokens: products as the chip prices them, and
/// the small kernels of a layer.
std::vector<double> layer_errors(const std::string& name) {
  struct Model {
    double hidden, heads, kv_heads, inner;
  };
  // tools/measure/layers.py
  const std::map<std::string_view, Model> models{
      {"llama-8b", {4096, 32, 8, 14336}}, {"llama-70b/8", {8192, 8, 1, 3584}}, {"qwen3-32b/4", {5120, 16, 2, 6400}}};
  const models::AcceleratorSpec chip = chip_of(name);
  const KernelTable table = KernelTable::load(measured_file(name + "/layers.csv"));
  std::vector<double> errors;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double tokens = table.positive(row, "tokens");
    if (table.text(row, "part") != "layer" || tokens > 256) continue;
    const Model m = models.at(table.text(row, "model"));
    const bool fp8 = table.text(row, "format") == "fp8";
    Seconds time;
    const double qkv = (m.heads + 2 * m.kv_heads) * 128;
    for (const auto& [n, k] : {std::pair{qkv, m.hidden}, std::pair{m.hidden, m.heads * 128},
                               std::pair{2 * m.inner, m.hidden}, std::pair{m.hidden, m.inner}}) {
      time +=
          cost::gemm_time({.m = tokens, .n = n, .k = k}, fp8 ? models::GemmKind::Fp8 : models::GemmKind::Bf16, chip);
    }
    const auto small = [&](models::SmallKernel kind, double width, double bytes) {
      time += cost::small_kernel_time({.width = width, .bytes = bytes * tokens}, kind, chip);
    };
    const double written = fp8 ? 1.0 : 2.0;
    for (int norms = 0; norms < 2; ++norms) {
      small(fp8 ? models::SmallKernel::NormQuantise : models::SmallKernel::Norm, m.hidden, (6 + written) * m.hidden);
    }
    small(models::SmallKernel::Rotary, qkv, 4 * qkv);
    if (fp8) small(models::SmallKernel::Quantise, m.heads * 128, 3 * m.heads * 128);
    small(fp8 ? models::SmallKernel::ActivationQuantise : models::SmallKernel::Activation, m.inner,
          (4 + written) * m.inner);
    errors.push_back(std::log(time.value() * 1e6 / table.positive(row, "us")));
  }
  std::sort(errors.begin(), errors.end());
  return errors;
}

void check_layers(const std::string& name) {
  std::vector<double> errors = layer_errors(name);
  REQUIRE(errors.size() == 3 * 2 * 9);  // models, formats, 1 to 256 tokens
  const double bias = errors[errors.size() / 2];
  for (double& error : errors) error = std::abs(error);
  std::sort(errors.begin(), errors.end());
  MESSAGE(name << ": layers within " << errors[errors.size() / 2] << " at the median, bias " << bias);
  // What the tables of products were measured with, and what neighbours of a kernel cost it, stay inside this.
  CHECK(std::abs(bias) < 0.03);
  CHECK(errors[errors.size() / 2] < 0.03);
}

}  // namespace

TEST_CASE("shipped chips: a100-80g-sxm has the errors it states") {
  check_shipped({"a100-80g-sxm", engine_tables("a100_sxm", "trtllm_1.0.0", false)});
}
TEST_CASE("shipped chips: h100-sxm has the errors it states") {
  check_shipped({"h100-sxm", engine_tables("h100_sxm", "trtllm_1.3.0rc20", true), {"h100-sxm/heads.csv"}, 37});
}
TEST_CASE("shipped chips: h200-sxm has the errors it states") {
  check_shipped({"h200-sxm", engine_tables("h200_sxm", "trtllm_1.3.0rc20", true), {"h200-sxm/heads.csv"}, 37});
}
TEST_CASE("shipped chips: b200-sxm has the errors it states") {
  check_shipped({"b200-sxm", engine_tables("b200_sxm", "trtllm_1.3.0rc20", true)});
}
TEST_CASE("shipped chips: gb200 has the errors it states") {
  check_shipped({"gb200", engine_tables("gb200", "trtllm_1.3.0rc20", true)});
}
TEST_CASE("shipped chips: rtx-pro-6000 has the errors it states") {
  std::vector<std::string> tables;
  for (const char* const model : {"meta-llama/Llama-3.1-8B", "Qwen/Qwen3-32B"}) {
    for (const char* const split : {"tp1", "tp2"}) {
      const std::string folder =
          "kernels/llmservingsim/profiler/perf/RTXPRO6000/" + std::string(model) + "/bf16/" + split;
      for (const char* const table : {"/attention.csv.gz", "/dense.csv.gz", "/skew.csv.gz"})
        tables.push_back(folder + table);
    }
  }
  check_shipped({"rtx-pro-6000", tables});
}
TEST_CASE("shipped chips: rtx-4090 has the errors it states") {
  const std::string folder = "kernels/llmservingsim/profiler/perf/RTX4090/meta-llama/Llama-3.1-8B/bf16/tp1";
  check_shipped({"rtx-4090", {folder + "/attention.csv.gz", folder + "/dense.csv.gz"}, {}, 3});
}

TEST_CASE("shipped chips: h800-sxm and h20 have the errors of products in blocks that they state") {
  check_shipped({"h800-sxm", {"kernels/infersim/bench_data/gemm/h800/data.csv"}, {}, 1});
  check_shipped({"h20", {"kernels/infersim/bench_data/gemm/h20/data.csv"}, {}, 1});
}

TEST_CASE("shipped chips: h20 has the errors it states on grouped products") {
  const std::string folder = "kernels/infersim/bench_data/grouped_gemm/";
  check_shipped({"h20", {folder + "decode/h20/data.csv", folder + "prefill/h20/data.csv"}, {}, 1});
}

TEST_CASE("shipped chips: rtx-pro-6000 has the errors it states on experts of Triton") {
  check_shipped(
      {"rtx-pro-6000",
       {"kernels/llmservingsim/profiler/perf/RTXPRO6000/Qwen/Qwen3-30B-A3B-Instruct-2507/bf16/tp1/moe.csv.gz"},
       {},
       1});
}

TEST_CASE("shipped chips: h100-sxm has the errors it states on our own tables") {
  CHECK(judge(chip_of("h100-sxm"), {measured_file("h100-sxm/small.csv"), measured_file("h100-sxm/sampling.csv")}) ==
        10);
}
TEST_CASE("shipped chips: h200-sxm has the errors it states on our own tables") {
  CHECK(judge(chip_of("h200-sxm"), {measured_file("h200-sxm/small.csv"), measured_file("h200-sxm/sampling.csv")}) ==
        10);
}
TEST_CASE("shipped chips: on h100-sxm products and small kernels add up to a measured layer") {
  check_layers("h100-sxm");
}
TEST_CASE("shipped chips: on h200-sxm products and small kernels add up to a measured layer") {
  check_layers("h200-sxm");
}

TEST_CASE("shipped chips: b200-sxm has the errors it states on products of tuned kernels") {
  CHECK(judge(chip_of("b200-sxm"), {measured_file("b200-sxm/products_nvfp4.csv")}) == 1);
}

TEST_CASE("shipped chips: those of Hopper have the errors they state on experts of Triton and Marlin") {
  CHECK(judge(chip_of("h100-sxm"), {measured_file("h100-sxm/experts.csv")}) == 3);
  CHECK(judge(chip_of("h200-sxm"), {measured_file("h200-sxm/experts.csv")}) == 3);
}

TEST_CASE("shipped chips: those of Blackwell have the errors they state on experts of trtllm-gen") {
  for (const char* chip : {"b200-sxm", "gb200", "gb300"}) {
    CHECK(judge(chip_of(chip), {measured_file("b200-sxm/experts.csv")}) == 2);
  }
}
