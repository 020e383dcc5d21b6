#include "models/cost/small_kernels.hpp"
#include "models/fit/families.hpp"

#include <cstddef>
#include <string>

// Small kernels: a row is one kernel for all tokens of a step.
namespace tokenyard::fit {
namespace {

using models::AcceleratorSpec;
using models::SmallKernel;
using models::SmallKernelCoefficients;

enum Figure : std::size_t { Tokens, Width, MovedBytes };

/// Kinds whose thread blocks walk a row each.
bool walks_rows(SmallKernel kind) {
  return kind == SmallKernel::Norm || kind == SmallKernel::NormQuantise || kind == SmallKernel::Routing ||
         kind == SmallKernel::Sampling;
}

/// `values` in the order of the family's parameters: the latency of a row stands last, where it has one.
SmallKernelCoefficients coefficients(std::span<const double> values) {
  return {.t0 = Seconds{values[0]},
          .eff_bw = values[1],
          .row_latency = Seconds{values.size() > 5 ? values[5] : 0.0},
          .p = values[2],
          .near = {.below = Bytes{values[3]}, .share = values[4]}};
}

Family small_family(SmallKernel kind) {
  constexpr auto kTime = Parameter::Unit::Time;
  constexpr auto kSize = Parameter::Unit::Size;
  constexpr auto kNumber = Parameter::Unit::Number;
  const bool rows = walks_rows(kind);
  Family family;
  family.place = "small." + std::string(name(kind));
  const bool sorts = kind == SmallKernel::TopP;  // dozens of kernels, and not one
  family.parameters = {{"t0", kTime, sorts ? 300e-6 : 1.5e-6, 0.1e-6, sorts ? 1000e-6 : 30e-6},
                       {"eff_bw", kNumber, sorts ? 0.02 : 0.85, 0.005, 1.0},
                       {"p", kNumber, 1.2, 0.5, 8.0},
                       {"near.below", kSize, 60e6, 10e6, 200e6},
                       {"near.share", kNumber, 0.5, 0.02, 1.0}};
  if (rows) family.parameters.push_back({"row_latency", kTime, 0.1e-6, 0.0, 1e-6});
  family.shape = {"tokens", "width", "bytes"};
  family.time = [rows](std::span<const double> values, std::span<const double> shape, const AcceleratorSpec& chip) {
    return cost::small_kernel_time({.width = rows ? shape[Width] : 0.0, .bytes = shape[MovedBytes]},
                                   coefficients(values), chip);
  };
  family.serves = [sorts](std::span<const double> shape, const AcceleratorSpec&) {
    return shape[Tokens] >= (sorts ? 2.0 : 1.0) && shape[Tokens] <= 16384.0;  // a row alone is sorted by another kernel
  };
  family.stored = [kind, rows](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto& c = kernels.small.by_kind[static_cast<std::size_t>(kind)];
    if (!c) return std::nullopt;
    std::vector<double> values{c->t0.value(), c->eff_bw, c->p, c->near.below.value(), c->near.share};
    if (rows) values.push_back(c->row_latency.value());
    return values;
  };
  family.suits = [](const AcceleratorSpec&) { return true; };
  return family;
}

}  // namespace

std::vector<Family> small_families() {
  std::vector<Family> all;
  for (std::size_t kind = 0; kind < models::kSmallKernels; ++kind) {
    all.push_back(small_family(static_cast<SmallKernel>(kind)));
  }
  return all;
}

}  // namespace tokenyard::fit
