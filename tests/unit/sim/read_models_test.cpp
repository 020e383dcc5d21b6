#include "sim/config/read_models.hpp"

#include "models/base/units_text.hpp"
#include "sim/config/keys.hpp"
#include "tests/support/source_root.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

using namespace tokenyard;
using namespace tokenyard::config;
using namespace tokenyard::models;

namespace {

std::filesystem::path catalogue(const std::string& entry) {
  return test::source_root() / "models/catalog" / (entry + ".yaml");
}

std::string chip_complaint(const Override& change) {
  try {
    (void)read_chip(YamlMap::load(catalogue("chips/h100-sxm"), "chip", {change}));
  } catch (const UserError& error) {
    return error.what();
  }
  return "no complaint";
}

std::string llm_complaint(const Override& change) {
  try {
    (void)read_llm(YamlMap::load(catalogue("llms/llama-3.1-70b"), "llm", {change}));
  } catch (const UserError& error) {
    return error.what();
  }
  return "no complaint";
}

}  // namespace

TEST_CASE("read chip: figures arrive in base units") {
  const AcceleratorSpec chip = read_chip(YamlMap::load(catalogue("chips/h100-sxm"), "chip",
                                                       {{"kernels.gemm.bf16.t0", "2.5 us"},
                                                        {"kernels.gemm.bf16.k_latency", "80 ns"},
                                                        {"kernels.gemm.bf16.p", "2.25"},
                                                        {"kernels.gemm.bf16.error_p50", "0.043"}}));
  CHECK(chip.peak_of(Dtype::Bf16).value() == doctest::Approx(989.4e12).epsilon(1e-15));
  CHECK(chip.memory.value() == 80.0 * 1024 * 1024 * 1024);
  CHECK(chip.memory_bandwidth.value() == 3350e9);
  CHECK(chip.power.tdp.value() == 700.0);
  const auto& gemm = chip.kernels.gemm[static_cast<std::size_t>(GemmKind::Bf16)];
  REQUIRE(gemm.has_value());
  CHECK(gemm->t0.value() == doctest::Approx(2.5e-6).epsilon(1e-15));
  CHECK(gemm->k_latency.value() == doctest::Approx(80e-9).epsilon(1e-15));
  CHECK(gemm->p == 2.25);
  CHECK(gemm->provenance.error_p50 == 0.043);
  CHECK_FALSE(chip.kernels.gemm[static_cast<std::size_t>(GemmKind::Nvfp4)].has_value());
}

TEST_CASE("read chip: a refusal names the key and where it came from") {
  CHECK(chip_complaint({"power.idle", "900 W"}) == "--set: power.idle: is above power.tdp; an idle chip draws less");
  CHECK(chip_complaint({"kernels.gemm.bf16.eff_bw", "0"}) ==
        "--set: kernels.gemm.bf16.eff_bw: an efficiency lies above 0 and is at most 1");
  CHECK(chip_complaint({"kernels.gemm.fp16", "{}"}) == "--set: kernels.gemm.fp16: unknown key; is 'bf16' meant?");
  CHECK(chip_complaint({"peak.fp8", "2000"}) ==
        "--set: peak.fp8: '2000' needs a unit, one of: TFLOP/s, PFLOP/s, GFLOP/s");
}

TEST_CASE("read llm: a refusal names the key and where it came from") {
  CHECK(llm_complaint({"attention.kv_heads", "7"}) ==
        "--set: attention.kv_heads: 7 do not divide the 64 heads; every KV head serves as many queries");
  CHECK(llm_complaint({"attention.kv_rank", "512"}) ==
        "--set: attention.kv_rank: has no meaning here, beside the other keys of this mapping");
  CHECK(llm_complaint({"native", "fp9"}) ==
        "--set: native: 'fp9' is not known; one of: bf16, fp8, fp8_block, int8, nvfp4, w4a16, w4a8; is 'fp8' meant?");
}

TEST_CASE("read llm: an edited architecture that no longer has the published parameters is refused") {
  // 60 of 80 layers of 855,638,016 and 2,101,346,304 for embedding and head: 53.44 billion of 70.6
  CHECK(llm_complaint({"layers", "60"})
            .ends_with("published.total: the architecture has 53.44 billion; correct it, or leave published out"));
  CHECK(llm_complaint({"layers", "79"}) == "no complaint");  // 1.2 % fewer: within the rounding of published figures
}

TEST_CASE("read llm: formats of the checkpoint") {
  const LlmSpec r1 = read_llm(YamlMap::load(catalogue("llms/deepseek-r1"), "llm"));
  CHECK(r1.native == GemmKind::Fp8Block);
  CHECK_FALSE(r1.native_experts.has_value());
  const LlmSpec oss = read_llm(YamlMap::load(catalogue("llms/gpt-oss-120b"), "llm"));
  CHECK(oss.native == GemmKind::Bf16);
  CHECK(oss.native_experts == GemmKind::W4a16);
  CHECK(oss.gqa->window == 128);
  CHECK(oss.gqa->windowed_layers == 18);
}

TEST_CASE("keys: units in the models' table are those the parser takes") {
  for (const Key& key : model_keys()) {
    CAPTURE(key.section);
    CAPTURE(key.name);
    if (key.unit.find("ms") != std::string_view::npos) CHECK(key.unit == seconds_units());
    if (key.unit.find("KiB") != std::string_view::npos) CHECK(key.unit == bytes_units());
    if (key.unit.find("Gbps") != std::string_view::npos) CHECK(key.unit == bandwidth_units());
    if (key.unit.find("PFLOP") != std::string_view::npos) CHECK(key.unit == flop_rate_units());
    if (key.unit.find("kW") != std::string_view::npos) CHECK(key.unit == watts_units());
    CHECK(key.sentence.ends_with("."));
  }
}

TEST_CASE("read chip: what a fit says of itself arrives with its coefficients") {
  const AcceleratorSpec chip = read_chip(YamlMap::load(catalogue("chips/h100-sxm"), "chip",
                                                       {{"kernels.gemm.bf16.error_p90", "0.25"},
                                                        {"kernels.gemm.bf16.rows", "120"},
                                                        {"kernels.gemm.bf16.valid", "{m: [1, 64], k: [512, 8192]}"}}));
  const Provenance& fit = chip.kernels.gemm[static_cast<std::size_t>(GemmKind::Bf16)]->provenance;
  CHECK(fit.error_p90 == 0.25);
  CHECK(fit.rows == 120);
  REQUIRE(fit.valid.size() == 2);
  CHECK(fit.valid[0].figure == "m");
  CHECK(fit.valid[1].greatest == 8192);
}

TEST_CASE(
    "read chip: what waves of products start with and splits of contexts cost have defaults that leave prices alone") {
  const auto chip = [](const std::vector<Override>& set) {
    return read_chip(YamlMap::load(catalogue("chips/mi300x"), "chip", set)).kernels;
  };
  const auto bf16 = static_cast<std::size_t>(GemmKind::Bf16);
  const auto cache = static_cast<std::size_t>(Dtype::Bf16);
  REQUIRE(chip({}).gemm[bf16]);
  REQUIRE(chip({}).mla_decode[cache]);
  CHECK(chip({}).gemm[bf16]->start == Seconds{});
  CHECK(chip({}).gemm[bf16]->repeated.share == 1.0);
  CHECK(chip({}).mla_decode[cache]->split == Seconds{});
  CHECK(chip({{"kernels.gemm.bf16.start", "2 us"}}).gemm[bf16]->start.value() == doctest::Approx(2e-6));
  CHECK(chip({{"kernels.mla_decode.bf16.split", "2 us"}}).mla_decode[cache]->split.value() == doctest::Approx(2e-6));
  const std::vector<Override> repeated{{"kernels.gemm.bf16.repeated", "{below: 50 MB, share: 0.5}"}};
  const auto kernels = chip(repeated);
  CHECK(kernels.gemm[bf16]->repeated.below == Bytes{50e6});
  CHECK(kernels.gemm[bf16]->repeated.share == 0.5);
  CHECK_THROWS_WITH_AS(static_cast<void>(chip({{"kernels.gemm.bf16.start", "-1 us"}})), doctest::Contains("start"),
                       UserError);
  CHECK_THROWS_WITH_AS(static_cast<void>(chip({{"kernels.mla_decode.bf16.split", "2 GB"}})), doctest::Contains("split"),
                       UserError);
}

TEST_CASE("read chip: what blocks of heads and lone tiles cost has a default that leaves prices as they are") {
  const auto chip = [](const std::vector<Override>& set) {
    return read_chip(YamlMap::load(catalogue("chips/h100-sxm"), "chip", set)).kernels;
  };
  const auto bf16 = static_cast<std::size_t>(Dtype::Bf16);
  CHECK(chip({}).mla_decode[bf16]->another_read == 0.0);
  CHECK(chip({}).mla_context[bf16]->alone == 1.0);
  CHECK(chip({{"kernels.mla_decode.bf16.another_read", "0.5"}}).mla_decode[bf16]->another_read == 0.5);
  CHECK(chip({{"kernels.attention_context.bf16.alone", "1.5"}}).context_attention[bf16]->alone == 1.5);
  CHECK_THROWS_WITH_AS(static_cast<void>(chip({{"kernels.mla_decode.bf16.another_read", "-1"}})),
                       doctest::Contains("another_read"), UserError);
  CHECK_THROWS_WITH_AS(static_cast<void>(chip({{"kernels.attention_context.bf16.alone", "0"}})),
                       doctest::Contains("alone"), UserError);
}

TEST_CASE("load chip: an entry of the catalogue by name and a file by path") {
  CHECK(load_chip("h100-sxm").name == "h100-sxm");
  CHECK(load_chip(catalogue("chips/h20").string()).name == "h20");
  CHECK_THROWS_WITH_AS(
      static_cast<void>(load_chip("h100-sxmm")),
      doctest::Contains("chip 'h100-sxmm': there is no 'h100-sxmm' in models/catalog/chips; is 'h100-sxm' meant?"),
      UserError);
}
