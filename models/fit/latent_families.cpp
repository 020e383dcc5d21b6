#include "models/cost/kernels.hpp"
#include "models/fit/by_cache.hpp"
#include "models/fit/families.hpp"

#include <cstddef>
#include <string>

// Latent attention (MLA) with the dimensions of DeepSeek-V2 and V3, the only ones that tables measure. A row is one
// batch of equal sequences: `context` and `tokens` are of each of them.
namespace tokenyard::fit {
namespace {

using models::AcceleratorSpec;
using models::ContextAttentionCoefficients;
using models::Dtype;
using models::MlaDecodeCoefficients;

constexpr auto kTime = Parameter::Unit::Time;
constexpr auto kNumber = Parameter::Unit::Number;
constexpr auto kSize = Parameter::Unit::Size;

// deepseek-ai/DeepSeek-V3, config.json: kv_lora_rank, qk_rope_head_dim, qk_nope_head_dim, v_head_dim
constexpr double kLatent = 512.0;
constexpr double kRope = 64.0;
constexpr double kNope = 128.0;
constexpr double kValue = 128.0;

enum Figure : std::size_t { Sequences, Length, Heads };

/// Kernels that the library generates for Blackwell, which split contexts; it has XQA for Ampere and Hopper, whose
/// blocks of other decodes the entries count (attention_split).
bool has_generated_kernels(const AcceleratorSpec& chip) {
  return counts_tiles(chip) && chip.kernels.attention_split.keys <= 0.0;
}
bool walks(const AcceleratorSpec& chip) { return counts_tiles(chip) && !has_generated_kernels(chip); }

cost::MlaDecodeShape decode_shape(std::span<const double> s) {
  return {.sequences = s[Sequences],
          .context = s[Sequences] * s[Length],
          .heads = s[Heads],
          .kv_rank = kLatent,
          .rope_dim = kRope};
}

cost::MlaContextShape context_shape(std::span<const double> s) {
  return {.tokens = s[Sequences] * s[Length],
          .area_x2 = s[Sequences] * s[Length] * s[Length],
          .longest = s[Length],
          .heads = s[Heads],
          .nope_dim = kNope,
          .rope_dim = kRope,
          .v_dim = kValue};
}

Family decode_family(Dtype kv) {
  Family family;
  family.place = "mla_decode." + std::string(name(kv));
  family.parameters = {
      {"t0", kTime, 14e-6, 1e-6, 60e-6},
      {"eff_flops", kNumber, 0.6, 0.05, 4.0},
      {"eff_bw", kNumber, 0.85, 0.2, 1.0},
      {.key = "p", .start = 1.0, .lowest = 0.4, .highest = 4.0, .term = 1, .trial = 0.8},
      {.key = "query_io", .highest = 20.0, .term = 1, .trial = 1.0},
      {.key = "repeated.below",
       .unit = kSize,
       .start = 80e6,
       .lowest = 16e6,
       .highest = 160e6,
       .term = 2,
       .trial = 80e6},
      {.key = "repeated.share", .start = 1.0, .lowest = 0.05, .highest = 1.0, .term = 2, .trial = 0.5},
      {.key = "walk", .unit = kTime, .highest = 1e-6, .term = 3, .trial = 0.1e-6, .of_chip = walks},
      {.key = "resident", .highest = 1.0, .term = 3, .choices = {0.25, 1.0 / 3.0, 0.5, 1.0}, .of_chip = walks},
      {.key = "last_walk", .highest = 2.0, .term = 3, .trial = 0.8, .of_chip = walks},
      {.key = "another_read",
       .highest = 2.0,
       .term = 1,
       .told_by = "heads",
       .trial = 0.5,
       .of_chip = has_generated_kernels},
      {.key = "split", .unit = kTime, .highest = 10e-6, .term = 1, .trial = 1e-6, .of_chip = has_generated_kernels}};
  family.shape = {"sequences", "context", "heads"};
  family.time = [kv](std::span<const double> v, std::span<const double> s, const AcceleratorSpec& chip) {
    const MlaDecodeCoefficients c{.t0 = Seconds{v[0]},
                                  .eff_flops = v[1],
                                  .eff_bw = v[2],
                                  .p = v[3],
                                  .query_io = v[4],
                                  .walk = Seconds{v[7]},
                                  .resident = v[8],
                                  .last_walk = v[9],
                                  .another_read = v[10],
                                  .split = Seconds{v[11]},
                                  .repeated = {.below = Bytes{v[5]}, .share = v[6]}};
    return cost::repeated_time(decode_shape(s), kv, c, chip);
  };
  family.roofline = [kv](std::span<const double> s, const AcceleratorSpec& chip) {
    return cost::attention_roofline(decode_shape(s), kv, chip);
  };
  family.serves = [](std::span<const double> shape, const AcceleratorSpec&) {
    return shape[Length] >= 128.0 && shape[Sequences] <= 512.0;
  };
  family.stored = [kv](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto& c = kernels.mla_decode[static_cast<std::size_t>(kv)];
    if (!c) return std::nullopt;
    return std::vector{
        c->t0.value(),     c->eff_flops,    c->eff_bw,   c->p,         c->query_io,     c->repeated.below.value(),
        c->repeated.share, c->walk.value(), c->resident, c->last_walk, c->another_read, c->split.value()};
  };
  return family;
}

Family context_family(Dtype kv) {
  Family family;
  family.place = "mla_context." + std::string(name(kv));
  family.parameters = {{"t0", kTime, 16e-6, 1e-6, 60e-6},
                       {"eff_flops", kNumber, 0.6, 0.05, 4.0},
                       {"eff_io", kNumber, 0.5, 0.05, 1.0},
                       {.key = "p", .start = 1.0, .lowest = 0.4, .highest = 4.0, .term = 1, .trial = 0.8},
                       {.key = "tile_keys", .highest = 2000.0, .term = 1, .trial = 300.0},
                       tile_rows(),
                       last_tiles(),
                       alone()};
  family.shape = {"sequences", "tokens", "heads"};
  family.time = [](std::span<const double> v, std::span<const double> s, const AcceleratorSpec& chip) {
    const ContextAttentionCoefficients c{.t0 = Seconds{v[0]},
                                         .eff_flops = v[1],
                                         .eff_io = v[2],
                                         .p = v[3],
                                         .tile_keys = v[4],
                                         .tile_rows = v[5],
                                         .last_tiles = v[6],
                                         .alone = v[7]};
    return cost::context_time(context_shape(s), c, chip);
  };
  family.roofline = [kv](std::span<const double> s, const AcceleratorSpec& chip) {
    return cost::attention_roofline(context_shape(s), 0.0, kv, chip);
  };
  family.serves = [](std::span<const double> shape, const AcceleratorSpec&) { return shape[Length] >= 64.0; };
  family.stored = [kv](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto& c = kernels.mla_context[static_cast<std::size_t>(kv)];
    if (!c) return std::nullopt;
    return std::vector{c->t0.value(), c->eff_flops, c->eff_io,     c->p,
                       c->tile_keys,  c->tile_rows, c->last_tiles, c->alone};
  };
  return family;
}

}  // namespace

std::vector<Family> latent_families() { return by_cache({decode_family, context_family}); }

}  // namespace tokenyard::fit
