#include "models/cost/kernels.hpp"
#include "models/fit/by_cache.hpp"
#include "models/fit/families.hpp"

#include <cstddef>
#include <string>

// Grouped-query attention. A row is one batch of equal sequences: `context` and `tokens` are of each of them.
namespace tokenyard::fit {
namespace {

using models::AcceleratorSpec;
using models::ContextAttentionCoefficients;
using models::DecodeAttentionCoefficients;
using models::Dtype;

constexpr auto kTime = Parameter::Unit::Time;
constexpr auto kNumber = Parameter::Unit::Number;
constexpr auto kSize = Parameter::Unit::Size;

enum Figure : std::size_t { Sequences, Length, Heads, KvHeads, HeadDim };

/// Groups of 2 to 16 query heads. One head a group and more than 16 run other kernels, 2 to 50 times slower or faster.
bool grouped(std::span<const double> shape) {
  const double group = shape[Heads] / shape[KvHeads];
  return group >= 2.0 && group <= 16.0;
}

DecodeAttentionCoefficients decode_coefficients(std::span<const double> values) {
  return {.t0 = Seconds{values[0]},
          .eff_bw = values[1],
          .p = values[2],
          .per_head = Seconds{values[3]},
          .repeated = {.below = Bytes{values[4]}, .share = values[5]}};
}

Family decode_family(Dtype kv) {
  Family family;
  family.place = "attention_decode." + std::string(name(kv));
  family.parameters = {
      {"t0", kTime, 10e-6, 1e-6, 60e-6},
      {"eff_bw", kNumber, 0.85, 0.2, 1.0},
      {"p", kNumber, 0.9, 0.3, 4.0},
      {.key = "per_head", .unit = kTime, .highest = 0.1e-6, .term = 1, .trial = 5e-9},
      {.key = "repeated.below",
       .unit = kSize,
       .start = 80e6,
       .lowest = 16e6,
       .highest = 160e6,
       .term = 2,
       .trial = 80e6},
      {.key = "repeated.share", .start = 1.0, .lowest = 0.05, .highest = 1.0, .term = 2, .trial = 0.5}};
  family.shape = {"sequences", "context", "heads", "kv_heads", "head_dim"};
  family.time = [kv](std::span<const double> values, std::span<const double> s, const AcceleratorSpec& chip) {
    return cost::repeated_time({.sequences = s[Sequences],
                                .context = s[Sequences] * s[Length],
                                .heads = s[Heads],
                                .kv_heads = s[KvHeads],
                                .head_dim = s[HeadDim]},
                               kv, decode_coefficients(values), chip);
  };
  family.serves = [](std::span<const double> shape) {
    // Kernels for heads of 64 and 192 are others on Hopper; one set of coefficients would fit none of them.
    return grouped(shape) && shape[HeadDim] == 128.0 && shape[Length] >= 128.0 && shape[Sequences] <= 512.0;
  };
  family.stored = [kv](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto& c = kernels.decode_attention[static_cast<std::size_t>(kv)];
    if (!c) return std::nullopt;
    return std::vector{c->t0.value(),    c->eff_bw, c->p, c->per_head.value(), c->repeated.below.value(),
                       c->repeated.share};
  };
  return family;
}

ContextAttentionCoefficients context_coefficients(std::span<const double> values) {
  return {.t0 = Seconds{values[0]},
          .eff_flops = values[1],
          .eff_io = values[2],
          .p = values[3],
          .tile_keys = values[4],
          .softmax_dim = values[5]};
}

Family context_family(Dtype kv) {
  Family family;
  family.place = "attention_context." + std::string(name(kv));
  family.parameters = {{"t0", kTime, 14e-6, 1e-6, 60e-6},
                       {"eff_flops", kNumber, 0.6, 0.05, 4.0},
                       {"eff_io", kNumber, 0.5, 0.05, 1.0},
                       {.key = "p", .start = 1.0, .lowest = 0.4, .highest = 4.0, .term = 1, .trial = 0.8},
                       {.key = "tile_keys", .highest = 2000.0, .term = 1, .trial = 300.0},
                       {.key = "softmax_dim", .highest = 128.0, .term = 2, .told_by = "head_dim", .trial = 40.0}};
  family.shape = {"sequences", "tokens", "heads", "kv_heads", "head_dim"};
  family.time = [](std::span<const double> values, std::span<const double> s, const AcceleratorSpec& chip) {
    return cost::context_time({.tokens = s[Sequences] * s[Length],
                               .area_x2 = s[Sequences] * s[Length] * s[Length],
                               .heads = s[Heads],
                               .kv_heads = s[KvHeads],
                               .head_dim = s[HeadDim]},
                              context_coefficients(values), chip);
  };
  family.serves = [](std::span<const double> shape) {
    return grouped(shape) && shape[HeadDim] <= 128.0 && shape[Length] >= 64.0;
  };
  family.stored = [kv](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto& c = kernels.context_attention[static_cast<std::size_t>(kv)];
    if (!c) return std::nullopt;
    return std::vector{c->t0.value(), c->eff_flops, c->eff_io, c->p, c->tile_keys, c->softmax_dim};
  };
  return family;
}

}  // namespace

std::vector<Family> attention_families() { return by_cache({decode_family, context_family}); }

}  // namespace tokenyard::fit
