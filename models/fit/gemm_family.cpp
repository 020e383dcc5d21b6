#include "models/base/errors.hpp"
#include "models/cost/kernels.hpp"
#include "models/fit/families.hpp"

#include <cstddef>

namespace tokenyard::fit {
namespace {

using models::AcceleratorSpec;
using models::GemmCoefficients;
using models::GemmKind;

enum Figure : std::size_t { M, N, K };

GemmCoefficients coefficients(std::span<const double> values) {
  expect(values.size() == 13, "a product has thirteen coefficients");
  return {.t0 = Seconds{values[0]},
          .eff_flops = values[1],
          .eff_bw = values[2],
          .p = values[3],
          .k_latency = Seconds{values[4]},
          .act_pass = values[5],
          .walk = Seconds{values[6]},
          .store = Seconds{values[7]},
          .last_wave = values[8],
          .split = Seconds{values[9]},
          .start = Seconds{values[10]},
          .repeated = {.below = Bytes{values[11]}, .share = values[12]}};
}

/// Only chips whose multiprocessors are told have blocks that count.
bool counts_blocks(const AcceleratorSpec& chip) { return chip.kernels.multiprocessors > 0.0; }

/// Elsewhere the serial walk along K is a term of its own.
Parameter walk_apart() {
  const auto alone = [](const AcceleratorSpec& chip) { return !counts_blocks(chip); };
  return {.key = "k_latency", .unit = Parameter::Unit::Time, .highest = 4e-6, .of_chip = alone};
}

Parameter of_blocks(std::string_view key, Parameter::Unit unit, double trial, double highest) {
  return {.key = key, .unit = unit, .highest = highest, .term = 1, .trial = trial, .of_chip = counts_blocks};
}

Family gemm_family(GemmKind kind) {
  constexpr auto kTime = Parameter::Unit::Time;
  constexpr auto kNumber = Parameter::Unit::Number;
  Family family;
  family.place = "gemm." + std::string(name(kind));
  family.parameters = {{"t0", kTime, 4e-6, 0.0, 40e-6},
                       {"eff_flops", kNumber, 0.7, 0.05, 1.0},
                       {"eff_bw", kNumber, 0.8, 0.2, 1.0},
                       {"p", kNumber, 2.0, 0.6, 20.0},
                       walk_apart(),
                       {"act_pass", kNumber, 0.1, 0.0, 8.0},
                       of_blocks("walk", kTime, 1.2e-6, 8e-6),
                       of_blocks("store", kTime, 20e-9, 400e-9),
                       of_blocks("last_wave", kNumber, 0.3, 1),
                       of_blocks("split", kTime, 2e-6, 40e-6),
                       of_blocks("start", kTime, 0.3e-6, 8e-6),
                       {.key = "repeated.below",
                        .unit = Parameter::Unit::Size,
                        .start = 80e6,
                        .lowest = 16e6,
                        .highest = 160e6,
                        .term = 2,
                        .trial = 80e6,
                        .of_chip = counts_blocks},
                       {.key = "repeated.share",
                        .start = 1.0,
                        .lowest = 0.05,
                        .highest = 1.0,
                        .term = 2,
                        .trial = 0.5,
                        .of_chip = counts_blocks}};
  family.shape = {"m", "n", "k"};
  family.time = [kind](std::span<const double> values, std::span<const double> shape, const AcceleratorSpec& chip) {
    return cost::repeated_time({.m = shape[M], .n = shape[N], .k = shape[K]}, kind, coefficients(values), chip);
  };
  // Routers, projections, FFNs and heads of models from 1 to 700 billion parameters, split up to 8 ways. Only what
  // comes down from an inner size is deeper than a hidden one, and then as wide as that.
  family.serves = [](std::span<const double> shape, const AcceleratorSpec&) {
    const bool deep = shape[K] > 16384.0 && shape[K] <= 65536.0 && shape[N] >= 4096.0 && shape[N] <= 16384.0;
    return shape[N] >= 128.0 && shape[N] <= 160000.0 && shape[K] >= 256.0 && (shape[K] <= 16384.0 || deep);
  };
  family.stored = [kind](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto& gemm = kernels.gemm[static_cast<std::size_t>(kind)];
    if (!gemm) return std::nullopt;
    return std::vector{gemm->t0.value(),        gemm->eff_flops,     gemm->eff_bw,        gemm->p,
                       gemm->k_latency.value(), gemm->act_pass,      gemm->walk.value(),  gemm->store.value(),
                       gemm->last_wave,         gemm->split.value(), gemm->start.value(), gemm->repeated.below.value(),
                       gemm->repeated.share};
  };
  family.suits = [kind](const AcceleratorSpec& chip) {
    return chip.peak[static_cast<std::size_t>(models::compute_dtype(kind))].has_value();
  };
  return family;
}

}  // namespace

std::vector<Family> gemm_families() {
  std::vector<Family> all;
  for (std::size_t kind = 0; kind < models::kGemmKinds; ++kind) all.push_back(gemm_family(static_cast<GemmKind>(kind)));
  return all;
}

}  // namespace tokenyard::fit
