#include "models/cost/mixed_attention.hpp"
#include "models/fit/families.hpp"

#include <cstddef>
#include <string>

// Attention of a step with a prompt as one launch: a chunk of `tokens` behind `prefix` cached ones, and beside it
// `sequences` decodes of `context` each, or none. Tables show the kernel of FlashAttention-2, whose tiles are known: 64
// rows of one query head.
namespace tokenyard::fit {
namespace {

using models::AcceleratorSpec;
using models::Dtype;
using models::MixedAttentionCoefficients;

constexpr auto kTime = Parameter::Unit::Time;
constexpr auto kNumber = Parameter::Unit::Number;
constexpr auto kSize = Parameter::Unit::Size;

enum Figure : std::size_t { Tokens, Prefix, Sequences, Context, Heads, KvHeads, HeadDim };

MixedAttentionCoefficients coefficients(std::span<const double> values) {
  return {.t0 = Seconds{values[0]},
          .eff_flops = values[1],
          .eff_bw = values[2],
          .block_keys = values[3],
          .per_empty = Seconds{values[4]},
          .blocks = values[5],
          .reuse = Bytes{values[6]}};
}

}  // namespace

std::vector<Family> mixed_families() {
  Family family;
  family.place = "attention_mixed." + std::string(name(Dtype::Bf16));
  family.parameters = {{"t0", kTime, 4e-6, 0.5e-6, 60e-6},      {"eff_flops", kNumber, 0.6, 0.05, 1.0},
                       {"eff_bw", kNumber, 0.9, 0.2, 1.0},      {"block_keys", kNumber, 150.0, 0.0, 1000.0},
                       {"per_empty", kTime, 0.3e-6, 0.0, 5e-6}, {"blocks", kNumber, 160.0, 64.0, 512.0},
                       {"reuse", kSize, 80e6, 4e6, 400e6}};
  family.shape = {"tokens", "prefix", "sequences", "context", "heads", "kv_heads", "head_dim"};
  family.time = [](std::span<const double> values, std::span<const double> s, const AcceleratorSpec& chip) {
    const cost::MixedAttention kernel({.heads = s[Heads], .kv_heads = s[KvHeads], .head_dim = s[HeadDim]}, Dtype::Bf16,
                                      coefficients(values), chip);
    const double ns = kernel({.sequences = s[Sequences],
                              .context = s[Sequences] * s[Context],
                              .longest_context = s[Context],
                              .chunks = 1.0,
                              .tokens = s[Tokens],
                              .area_x2 = s[Tokens] * (2.0 * s[Prefix] + s[Tokens]),
                              .longest_chunk = s[Tokens],
                              .longest_prompt = s[Prefix] + s[Tokens]});
    return Seconds{1e-9 * ns};
  };
  family.serves = [](std::span<const double> shape, const AcceleratorSpec&) {
    return shape[Sequences] == 0.0 || shape[Context] >= 128.0;
  };
  family.stored = [](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto& c = kernels.mixed_attention[static_cast<std::size_t>(Dtype::Bf16)];
    if (!c) return std::nullopt;
    return std::vector{c->t0.value(),        c->eff_flops, c->eff_bw,       c->block_keys,
                       c->per_empty.value(), c->blocks,    c->reuse.value()};
  };
  family.suits = [](const AcceleratorSpec& chip) {
    return chip.peak[static_cast<std::size_t>(Dtype::Bf16)].has_value();
  };
  return {family};
}

}  // namespace tokenyard::fit
