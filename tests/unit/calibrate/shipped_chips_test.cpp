#include "models/fit/families.hpp"
#include "sim/calibrate/calibrate.hpp"
#include "sim/config/read_models.hpp"
#include "tests/support/data_file.hpp"
#include "tests/support/source_root.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <optional>
#include <string>
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
  const std::string key = place.substr(dot + 1);
  const auto kind = [](std::size_t i) { return name(static_cast<models::GemmKind>(i)); };
  const auto format = [](std::size_t i) { return name(static_cast<models::Dtype>(i)); };
  if (group == "gemm") return provenance_in(kernels.gemm, key, kind);
  if (group == "attention_decode") return provenance_in(kernels.decode_attention, key, format);
  if (group == "attention_context") return provenance_in(kernels.context_attention, key, format);
  if (group == "attention_skew") return provenance_in(kernels.attention_skew, key, format);
  if (group == "attention_mixed") return provenance_in(kernels.mixed_attention, key, format);
  if (group == "mla_decode") return provenance_in(kernels.mla_decode, key, format);
  if (group == "mla_context") return provenance_in(kernels.mla_context, key, format);
  if (group == "moe") return provenance_in(kernels.moe, key, kind);
  return nullptr;  // families of other rooms of the entry have their own check
}

struct Shipped {
  const char* chip;
  std::vector<std::string> tables;  // below kernels/
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

/// The errors that the entry states are those its coefficients have on the held-out rows of the tables it names.
void check_shipped(const Shipped& shipped) {
  std::vector<std::string> files;
  for (const std::string& table : shipped.tables) {
    const auto file = test::data_file(table);
    if (!file) return;  // said so
    files.push_back(*file);
  }
  const models::AcceleratorSpec chip = config::load_chip(
      (test::source_root() / "models/catalog/chips" / (std::string(shipped.chip) + ".yaml")).string());
  int judged = 0;
  for (const FamilyResult& result : check_tables(read_tables(files), chip).families) {
    CAPTURE(result.family->place);
    const models::Provenance* const stated = provenance_of(result.family->place, chip.kernels);
    if (stated == nullptr || stated->rows == 0) continue;  // not fitted on these tables
    REQUIRE(stated->error_p90.has_value());
    CHECK(stated->rows == result.rows);
    // Coefficients are written with four digits and errors with three.
    CHECK(std::abs(*stated->error_p50 - result.error.p50) < 0.0015);
    CHECK(std::abs(*stated->error_p90 - result.error.p90) < 0.0015);
    ++judged;
  }
  CHECK(judged >= shipped.families);
}

}  // namespace

TEST_CASE("shipped chips: a100-80g-sxm has the errors it states") {
  check_shipped({"a100-80g-sxm", engine_tables("a100_sxm", "trtllm_1.0.0", false)});
}
TEST_CASE("shipped chips: h100-sxm has the errors it states") {
  check_shipped({"h100-sxm", engine_tables("h100_sxm", "trtllm_1.3.0rc20", true)});
}
TEST_CASE("shipped chips: h200-sxm has the errors it states") {
  check_shipped({"h200-sxm", engine_tables("h200_sxm", "trtllm_1.3.0rc20", true)});
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
  check_shipped({"rtx-4090", {folder + "/attention.csv.gz", folder + "/dense.csv.gz"}, 3});
}
