#include "models/cost/roofline.hpp"

#include <cstddef>

namespace tokenyard::cost {
namespace {

using models::AcceleratorSpec;
using models::Dtype;

constexpr double kBf16 = 2.0;

Roofline at_rates(Flop flop, Bytes bytes, FlopPerSecond peak, const AcceleratorSpec& chip) {
  return {.flop = flop, .bytes = bytes, .compute = flop / peak, .memory = bytes / chip.memory_bandwidth};
}

FlopPerSecond attention_peak(Dtype kv, const AcceleratorSpec& chip) {
  const auto& own = chip.peak[static_cast<std::size_t>(kv)];
  return kv == Dtype::Fp8 && own ? *own : chip.peak_of(Dtype::Bf16);
}

}  // namespace

Roofline& Roofline::operator+=(const Roofline& other) {
  flop += other.flop;
  bytes += other.bytes;
  compute += other.compute;
  memory += other.memory;
  return *this;
}

Roofline operator*(double factor, const Roofline& one) {
  return {.flop = factor * one.flop,
          .bytes = factor * one.bytes,
          .compute = factor * one.compute,
          .memory = factor * one.memory};
}

Roofline product_roofline(const GemmShape& s, models::GemmKind kind, const AcceleratorSpec& chip) {
  return at_rates(Flop{2.0 * s.batch * s.m * s.n * s.k}, product_bytes(s, kind),
                  chip.peak_of(models::compute_dtype(kind)), chip);
}

Roofline experts_roofline(const MoeShape& s, const ExpertLoad& load, models::GemmKind kind,
                          const AcceleratorSpec& chip) {
  return at_rates(Flop{2.0 * s.matrices * moe_rows(s, load) * s.hidden * s.inner},
                  moe_weight_bytes(s, load, kind) + moe_moved_bytes(s, load, kind),
                  chip.peak_of(models::compute_dtype(kind)), chip);
}

Roofline small_roofline(const SmallShape& s, const AcceleratorSpec& chip) {
  return {.bytes = Bytes{s.bytes}, .memory = Bytes{s.bytes} / chip.memory_bandwidth};
}

Roofline attention_roofline(const DecodeAttentionShape& s, Dtype kv, const AcceleratorSpec& chip) {
  return at_rates(Flop{4.0 * s.heads * s.head_dim * s.context}, decode_attention_bytes(s, kv), attention_peak(kv, chip),
                  chip);
}

Roofline attention_roofline(const ContextAttentionShape& s, double prefix, Dtype kv, const AcceleratorSpec& chip) {
  const double own = s.tokens * (2.0 * s.heads + 4.0 * s.kv_heads) * s.head_dim * kBf16;
  const double cached = prefix * 2.0 * s.kv_heads * s.head_dim * models::kv_bytes(kv);
  return at_rates(Flop{2.0 * s.heads * s.head_dim * s.area_x2}, Bytes{own + cached}, attention_peak(kv, chip), chip);
}

Roofline attention_roofline(const MlaDecodeShape& s, Dtype kv, const AcceleratorSpec& chip) {
  const double width = 2.0 * s.kv_rank + s.rope_dim;
  return at_rates(Flop{2.0 * s.heads * width * s.context},
                  latent_cache_bytes(s, kv) + Bytes{kBf16 * s.sequences * s.heads * width}, attention_peak(kv, chip),
                  chip);
}

Roofline absorbed_roofline(const MlaDecodeShape& s, double keys, Dtype kv, const AcceleratorSpec& chip) {
  const double width = 2.0 * s.kv_rank + s.rope_dim;
  MlaDecodeShape cache = s;
  cache.context = keys;
  return at_rates(Flop{2.0 * s.heads * width * s.context},
                  latent_cache_bytes(cache, kv) + Bytes{kBf16 * s.sequences * s.heads * width},
                  attention_peak(kv, chip), chip);
}

Roofline attention_roofline(const MlaContextShape& s, double prefix, Dtype kv, const AcceleratorSpec& chip) {
  const double dims = s.nope_dim + s.rope_dim + s.v_dim;
  return at_rates(Flop{s.heads * dims * s.area_x2}, Bytes{kBf16 * s.heads * dims * (2.0 * s.tokens + prefix)},
                  attention_peak(kv, chip), chip);
}

}  // namespace tokenyard::cost
