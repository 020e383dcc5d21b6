#include "models/device/accelerator.hpp"

#include "models/base/errors.hpp"

#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::models;

namespace {

AcceleratorSpec sound_chip() {
  AcceleratorSpec chip{.name = "plain-100",
                       .vendor = "nobody",
                       .scenario = true,
                       .peak = {},
                       .memory = 80_GB,
                       .memory_bandwidth = 1000_GBps,
                       .scale_up = 100_GBps,
                       .scale_out = 50_GBps,
                       .power = {.idle = 50_W, .decode = 200_W, .prefill = 380_W, .tdp = 400_W},
                       .kernels = {}};
  chip.peak[static_cast<std::size_t>(Dtype::Bf16)] = 100_TFLOPps;
  chip.kernels.small.other.provenance.source = "test";
  chip.kernels.collectives = test::round_collectives();
  return chip;
}

std::string refusal(const AcceleratorSpec& chip) {
  try {
    validate(chip);
  } catch (const SpecError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("accelerator: a sound chip passes") { CHECK(refusal(sound_chip()) == "accepted"); }

TEST_CASE("accelerator: the peak of a missing format is refused with those it has") {
  AcceleratorSpec chip = sound_chip();
  chip.peak[static_cast<std::size_t>(Dtype::Int8)] = 200_TFLOPps;
  CHECK(chip.peak_of(Dtype::Int8) == 200_TFLOPps);
  CHECK_THROWS_WITH_AS((void)chip.peak_of(Dtype::Fp8),
                       "weights: plain-100 has no dense peak for fp8; it has one for: bf16, int8", SpecError);
}

TEST_CASE("accelerator: absurd data-sheet figures are refused by the key they stand under") {
  AcceleratorSpec chip = sound_chip();
  SUBCASE("no BF16 peak") {
    chip.peak = {};
    CHECK(refusal(chip) == "peak.bf16: every chip needs a dense BF16 peak (FP16 where the chip has no BF16)");
  }
  SUBCASE("no memory") {
    chip.memory = 0_GB;
    CHECK(refusal(chip) == "memory.capacity: must be above 0");
  }
  SUBCASE("idle above TDP") {
    chip.power.idle = 500_W;
    CHECK(refusal(chip) == "power.idle: is above power.tdp; an idle chip draws less");
  }
  SUBCASE("decode below idle") {
    chip.power.decode = 40_W;
    CHECK(refusal(chip) == "power.decode: is below power.idle");
  }
}

TEST_CASE("accelerator: kernel coefficients are checked family by family") {
  AcceleratorSpec chip = sound_chip();
  auto& gemm = chip.kernels.gemm[static_cast<std::size_t>(GemmKind::Fp8Block)];
  gemm = GemmCoefficients{.t0 = 3_us, .eff_flops = 0.7, .eff_bw = 0.9, .p = 2, .provenance = {.source = "test"}};
  CHECK(refusal(chip) == "accepted");
  SUBCASE("an efficiency above 1") {
    gemm->eff_bw = 1.2;
    CHECK(refusal(chip) == "kernels.gemm.fp8_block.eff_bw: an efficiency lies above 0 and is at most 1");
  }
  SUBCASE("an exponent of 0 has no norm") {
    gemm->p = 0.0;
    CHECK(refusal(chip) == "kernels.gemm.fp8_block.p: must be above 0");
  }
  SUBCASE("no source") {
    gemm->provenance.source.clear();
    CHECK(refusal(chip) == "kernels.gemm.fp8_block.source: every group of figures says where it comes from");
  }
}

TEST_CASE("accelerator: collectives are checked table by table") {
  AcceleratorSpec chip = sound_chip();
  SUBCASE("a share of a link above 1") {
    chip.kernels.collectives.exchanges["exchange"].combine.eff = 1.5;
    CHECK(refusal(chip) ==
          "kernels.collectives.exchanges.exchange.combine.eff: an efficiency lies above 0 and is at most 1");
  }
  SUBCASE("a name in use that nobody describes") {
    chip.kernels.collectives.library = "nccl";
    CHECK(refusal(chip) == "kernels.collectives.library: there is no table 'nccl'; there are: library");
  }
}
