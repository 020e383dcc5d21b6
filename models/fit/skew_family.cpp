#include "models/fit/families.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

// Decodes of unequal contexts: `context` is the mean of a batch, `longest` the greatest, and `equal_us` the measured
// time of as many decodes that all have the mean, so that what is fitted is the difference alone. From how many blocks
// on contexts stay whole is a fact of the kernel that the chip's entry says; without it they always do.
namespace tokenyard::fit {
namespace {

using models::AcceleratorSpec;
using models::Dtype;

enum Figure : std::size_t { Sequences, Context, Longest, KvHeads, EqualUs };
constexpr auto kBf16 = static_cast<std::size_t>(Dtype::Bf16);

}  // namespace

std::vector<Family> skew_families() {
  Family family;
  family.place = "attention_skew." + std::string(name(Dtype::Bf16));
  family.parameters = {{"per_key", Parameter::Unit::Time, 10e-9, 0.0, 100e-9}};
  family.shape = {"sequences", "context", "longest", "kv_heads", "equal_us"};
  family.time = [](std::span<const double> values, std::span<const double> s, const AcceleratorSpec& chip) {
    const Seconds equal{1e-6 * s[EqualUs]};
    const auto& skew = chip.kernels.attention_skew[kBf16];
    if (skew && s[Sequences] * s[KvHeads] < skew->unsplit) return equal;
    return equal + Seconds{values[0] * std::max(0.0, s[Longest] - s[Context])};
  };
  // Nearly equal contexts tell nothing.
  family.serves = [](std::span<const double> s, const AcceleratorSpec&) {
    return s[Context] >= 128.0 && s[Longest] >= 1.25 * s[Context];
  };
  family.stored = [](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto& c = kernels.attention_skew[kBf16];
    if (!c) return std::nullopt;
    return std::vector{c->per_key.value()};
  };
  family.suits = [](const AcceleratorSpec&) { return true; };
  return {family};
}

}  // namespace tokenyard::fit
