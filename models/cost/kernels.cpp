#include "models/cost/kernels.hpp"

#include "models/base/errors.hpp"
#include "models/cost/decode_grid.hpp"
#include "models/cost/latent_walk.hpp"
#include "models/device/attention_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace tokenyard::cost {
namespace {

using models::AcceleratorSpec;
using models::Dtype;
using models::GemmKind;

constexpr double kPlainMaximum = 1000.0;  // a p-norm from here on is the maximum
constexpr double kRepeatedCopies = 5.0;   // of the weights of a product that a benchmark repeats

constexpr const char* kHasFamily = "the chip has this kernel family (checked when a step cost is compiled)";

template <class Families, class Index>
const auto& family(const Families& families, Index index) {
  const auto& coefficients = families.at(static_cast<std::size_t>(index));
  expect(coefficients.has_value(), kHasFamily);
  return *coefficients;
}

double bf16_peak(const AcceleratorSpec& chip) { return chip.peak_of(Dtype::Bf16).value(); }

/// Of context attention of heads that count `head_dim` in products, from the activations of a token.
ContextTiles tiles(double head_dim, double bytes_per_token, double heads, const models::ContextAttentionCoefficients& c,
                   const AcceleratorSpec& chip) {
  const double flop_per_area_x2 = 2.0 * heads * head_dim;  // of a query and half a key in all heads
  return ContextTiles({.per_area_x2 = Seconds{flop_per_area_x2 / (bf16_peak(chip) * c.eff_flops)},
                       .per_token = Seconds{bytes_per_token / (chip.memory_bandwidth.value() * c.eff_io)},
                       .heads = heads,
                       .head_dim = head_dim},
                      c, chip.kernels.multiprocessors);
}

/// Of decode attention that reads and writes as if it were `bytes`.
Seconds decode_work(const DecodeAttentionShape& s, double bytes, const models::DecodeAttentionCoefficients& c,
                    const AcceleratorSpec& chip) {
  const Seconds read{bytes / (chip.memory_bandwidth.value() * c.eff_bw)};
  if (s.sequences <= 0.0) return read;
  const double seen = s.context / s.sequences;
  const double length = chip.kernels.attention_split.whole_context ? seen + s.unseen / s.sequences : seen;
  const DecodeGrid grid(chip.kernels, c, heads_of(s));
  const DecodeGrid::Cost cost = grid.cost(grid.lanes(s.sequences * s.kv_heads), seen, length);
  return read * cost.reads + cost.starts;
}

/// Of latent decode attention that reads as if its cache were `bytes`.
Seconds latent_work(const MlaDecodeShape& s, double bytes, const models::MlaDecodeCoefficients& c,
                    const AcceleratorSpec& chip) {
  const double width = 2.0 * s.kv_rank + s.rope_dim;
  const double bandwidth = chip.memory_bandwidth.value();
  const LatentWalk walk(c, s.heads, chip.kernels.multiprocessors);
  const double compute = 2.0 * s.context * walk.heads() * width / (bf16_peak(chip) * c.eff_flops);
  const double pass = std::max(compute, walk.reads() * bytes / (bandwidth * c.eff_bw));
  return Seconds{walk.pass(pass, s.sequences, s.context) +
                 c.query_io * 2.0 * s.sequences * s.heads * width / bandwidth};
}

/// Rows of a tile, chosen by those of the mean expert of a rank.
double tile_of_mean_expert(const MoeShape& s, double most) {
  constexpr double kLeast = 16.0;
  const double mean = s.tokens * s.top_k * s.expert_ranks / (s.experts + s.redundant);
  if (mean <= kLeast) return kLeast;
  return std::min(std::exp2(std::ceil(std::log2(mean))), most);
}

struct ProductBytes {
  double weights, activations, results;
};

ProductBytes bytes_of(const GemmShape& s, GemmKind kind) {
  return {.weights = s.batch * s.n * s.k * models::weight_bytes(kind),
          .activations = s.batch * s.m * s.k * models::activation_bytes(kind),
          .results = 2.0 * s.batch * s.m * s.n};
}

/// Of a product that reads and writes as if it were `bytes`.
Seconds product_time(const GemmShape& s, double bytes, GemmKind kind, const models::GemmCoefficients& c,
                     const AcceleratorSpec& chip) {
  const double bandwidth = chip.memory_bandwidth.value();
  const double peak = chip.peak_of(models::compute_dtype(kind)).value();
  const Seconds memory{bytes / (bandwidth * c.eff_bw)};
  const Seconds around =
      c.t0 + c.k_latency * (s.k / 1000.0) + Seconds{c.act_pass * 4.0 * s.batch * s.m * s.k / bandwidth};
  if (c.walk > Seconds{} && chip.kernels.multiprocessors > 0.0) {
    const Seconds partial{8.0 * s.batch * s.m * s.n / (bandwidth * c.eff_bw)};
    return around + ProductTiles(c, peak, chip.kernels.multiprocessors).time(s, memory, partial);
  }
  const double compute = 2.0 * s.batch * s.m * s.n * s.k / (peak * c.eff_flops);
  return around + Seconds{p_norm(compute, memory.value(), c.p)};
}

template <class Coefficients>
Seconds with_floor(Seconds work, const Coefficients& c) {
  return Seconds{p_norm(c.t0.value(), work.value(), c.p)};
}

}  // namespace

double p_norm(double a, double b, double p) {
  const double large = std::max(a, b);
  if (large <= 0.0 || p >= kPlainMaximum) return large;
  const double ratio = std::min(a, b) / large;  // scaled, so that no power under- or overflows
  return large * std::pow(1.0 + std::pow(ratio, p), 1.0 / p);
}

double priced_bytes(double bytes, Bytes below, double share) {
  if (bytes >= below.value()) return bytes;
  const double way = std::max(0.0, 2.0 * bytes / below.value() - 1.0);  // 0 up to half of it, 1 at the end
  return bytes * (share + (1.0 - share) * way);
}

Bytes product_bytes(const GemmShape& s, GemmKind kind) {
  const ProductBytes bytes = bytes_of(s, kind);
  return Bytes{bytes.weights + bytes.activations + bytes.results};
}

Seconds gemm_time(const GemmShape& s, GemmKind kind, const AcceleratorSpec& chip) {
  return gemm_time(s, kind, family(chip.kernels.gemm, kind), chip);
}

Seconds gemm_time(const GemmShape& s, GemmKind kind, const models::GemmCoefficients& c, const AcceleratorSpec& chip) {
  return product_time(s, product_bytes(s, kind).value(), kind, c, chip);
}

Seconds repeated_time(const GemmShape& s, GemmKind kind, const models::GemmCoefficients& c,
                      const AcceleratorSpec& chip) {
  const ProductBytes bytes = bytes_of(s, kind);
  const double standing = kRepeatedCopies * bytes.weights + bytes.activations + bytes.results;
  const double share = standing > 0.0 ? priced_bytes(standing, c.repeated.below, c.repeated.share) / standing : 1.0;
  return product_time(s, share * (bytes.weights + bytes.activations) + bytes.results, kind, c, chip);
}

Bytes decode_attention_bytes(const DecodeAttentionShape& s, Dtype kv) {
  return Bytes{s.context * s.kv_heads * s.head_dim * 2.0 * models::kv_bytes(kv) +
               4.0 * s.sequences * s.heads * s.head_dim};
}

Seconds kernel_work(const DecodeAttentionShape& s, Dtype kv, const models::DecodeAttentionCoefficients& c,
                    const AcceleratorSpec& chip) {
  return decode_work(s, decode_attention_bytes(s, kv).value(), c, chip);
}

Bytes latent_cache_bytes(const MlaDecodeShape& s, Dtype kv) {
  return Bytes{s.context * (s.kv_rank + s.rope_dim) * models::kv_bytes(kv)};
}

models::HeadShape heads_of(const DecodeAttentionShape& s) {
  return {.head_dim = s.head_dim, .group = s.heads / s.kv_heads, .windowed = s.windowed};
}

models::HeadShape heads_of(const ContextAttentionShape& s) {
  return {.head_dim = s.head_dim, .group = s.heads / s.kv_heads, .windowed = s.windowed};
}

ContextTiles context_tiles(const ContextAttentionShape& s, const models::ContextAttentionCoefficients& c,
                           const AcceleratorSpec& chip) {
  return tiles(s.head_dim + c.softmax_dim, (2.0 * s.heads + 4.0 * s.kv_heads) * s.head_dim * 2.0, s.heads, c, chip);
}

ContextTiles context_tiles(const MlaContextShape& s, const models::ContextAttentionCoefficients& c,
                           const AcceleratorSpec& chip) {
  const double dims = s.nope_dim + s.rope_dim + s.v_dim;
  return tiles(0.5 * dims + c.softmax_dim, s.heads * 4.0 * dims, s.heads, c, chip);
}

Seconds kernel_work(const ContextAttentionShape& s, const models::ContextAttentionCoefficients& c,
                    const AcceleratorSpec& chip) {
  return context_tiles(s, c, chip).work(s.tokens, s.area_x2, s.longest);
}

Seconds kernel_work(const MlaDecodeShape& s, Dtype kv, const models::MlaDecodeCoefficients& c,
                    const AcceleratorSpec& chip) {
  return latent_work(s, latent_cache_bytes(s, kv).value(), c, chip);
}

Seconds kernel_work(const MlaContextShape& s, const models::ContextAttentionCoefficients& c,
                    const AcceleratorSpec& chip) {
  return context_tiles(s, c, chip).work(s.tokens, s.area_x2, s.longest);
}

Seconds decode_attention_time(const DecodeAttentionShape& s, Dtype kv, const AcceleratorSpec& chip) {
  const auto* const c = models::decode_kernel(chip.kernels, kv, heads_of(s));
  expect(c != nullptr, kHasFamily);
  return with_floor(kernel_work(s, kv, *c, chip), *c) + c->added;
}

Seconds context_attention_time(const ContextAttentionShape& s, Dtype kv, const AcceleratorSpec& chip) {
  const auto* const c = models::context_kernel(chip.kernels, kv, heads_of(s));
  expect(c != nullptr, kHasFamily);
  return context_time(s, *c, chip);
}

Seconds mla_decode_time(const MlaDecodeShape& s, Dtype kv, const AcceleratorSpec& chip) {
  const auto& c = family(chip.kernels.mla_decode, kv);
  return with_floor(kernel_work(s, kv, c, chip), c);
}

Seconds mla_absorbed_time(const MlaDecodeShape& s, Dtype kv, const AcceleratorSpec& chip) {
  const auto& c = family(chip.kernels.mla_decode, kv);
  return with_floor(absorbed_work(s, c, chip), c);
}

Seconds absorbed_work(const MlaDecodeShape& s, const models::MlaDecodeCoefficients& c, const AcceleratorSpec& chip) {
  const double width = 2.0 * s.kv_rank + s.rope_dim;
  return Seconds{2.0 * s.context * s.heads * width / (bf16_peak(chip) * c.eff_flops) +
                 c.query_io * 2.0 * s.sequences * s.heads * width / chip.memory_bandwidth.value()};
}

Seconds mla_context_time(const MlaContextShape& s, Dtype kv, const AcceleratorSpec& chip) {
  return context_time(s, family(chip.kernels.mla_context, kv), chip);
}

Seconds context_time(const ContextAttentionShape& s, const models::ContextAttentionCoefficients& c,
                     const AcceleratorSpec& chip) {
  return with_floor(kernel_work(s, c, chip), c);
}

Seconds context_time(const MlaContextShape& s, const models::ContextAttentionCoefficients& c,
                     const AcceleratorSpec& chip) {
  return with_floor(kernel_work(s, c, chip), c);
}

Seconds repeated_time(const DecodeAttentionShape& s, Dtype kv, const models::DecodeAttentionCoefficients& c,
                      const AcceleratorSpec& chip) {
  const double bytes = decode_attention_bytes(s, kv).value();
  return with_floor(decode_work(s, priced_bytes(bytes, c.repeated.below, c.repeated.share), c, chip), c);
}

Seconds repeated_time(const MlaDecodeShape& s, Dtype kv, const models::MlaDecodeCoefficients& c,
                      const AcceleratorSpec& chip) {
  const double bytes = latent_cache_bytes(s, kv).value();
  return with_floor(latent_work(s, priced_bytes(bytes, c.repeated.below, c.repeated.share), c, chip), c);
}

Bytes moe_weight_bytes(const MoeShape& s, const ExpertLoad& load, GemmKind kind) {
  return Bytes{s.matrices * load.hit * s.hidden * s.inner * models::weight_bytes(kind)};
}

double moe_rows(const MoeShape& s, const ExpertLoad& load) { return s.tokens * s.top_k / s.expert_ranks * load.rows; }

Bytes moe_moved_bytes(const MoeShape& s, const ExpertLoad& load, GemmKind kind) {
  return Bytes{moe_rows(s, load) * (2.0 * s.hidden * models::activation_bytes(kind) + 8.0 * s.inner + 4.0 * s.hidden) +
               4.0 * s.hidden * s.tokens * s.gathered};
}

const models::MoeCoefficients& moe_kernel(const MoeShape& s, const ExpertLoad& load, GemmKind kind,
                                          const AcceleratorSpec& chip) {
  const auto& library = chip.kernels.moe_in_use[static_cast<std::size_t>(kind)];
  const double rows = moe_rows(s, load);
  return library && rows <= library->most_rows ? *library : family(chip.kernels.moe, kind);
}

Seconds moe_time(const MoeShape& s, const ExpertLoad& load, GemmKind kind, const AcceleratorSpec& chip) {
  return moe_time(s, load, kind, moe_kernel(s, load, kind, chip), chip);
}

Seconds moe_time(const MoeShape& s, const ExpertLoad& load, GemmKind kind, const models::MoeCoefficients& c,
                 const AcceleratorSpec& chip) {
  const double bandwidth = chip.memory_bandwidth.value();
  const double rows = moe_rows(s, load);
  const double tile = c.tile_most > 0.0 ? tile_of_mean_expert(s, c.tile_most) : 0.0;
  const double filled = c.tile_most > 0.0 ? c.tile_fill * tile : c.tile_rows;
  const double flop = 2.0 * s.matrices * (rows + filled * load.hit) * s.hidden * s.inner;
  const double compute = flop / (chip.peak_of(models::compute_dtype(kind)).value() * c.eff_flops);
  const double memory = moe_weight_bytes(s, load, kind).value() / (bandwidth * c.eff_bw);
  const double moved = moe_moved_bytes(s, load, kind).value();
  return c.t0 + c.per_local_expert * ((s.experts + s.redundant) / s.expert_ranks) + c.per_hit_expert * load.hit +
         c.per_token * (s.tokens * s.gathered) + c.per_tile_row * tile +
         Seconds{p_norm(compute, memory, c.p) + c.act_io * moved / bandwidth};
}

}  // namespace tokenyard::cost
