#include "models/cost/mixed_attention.hpp"

namespace tokenyard::cost {
namespace {
constexpr double kNanosecond = 1e-9;
}

MixedAttention::MixedAttention(const MixedAttentionHeads& heads, models::Dtype kv,
                               const models::MixedAttentionCoefficients& c, const models::AcceleratorSpec& chip)
    : floor_ns_(c.t0.value() / kNanosecond),
      tile_rows_(c.tile_rows),
      per_row_(1.0 / c.tile_rows),
      rows_per_token_(c.packed ? heads.heads / heads.kv_heads : 1.0),
      block_keys_(c.block_keys) {
  const double lanes = c.packed ? heads.kv_heads : heads.heads;
  const double flop = 4.0 * c.tile_rows * heads.head_dim;  // a key of a tile: two products
  const double rate = chip.peak_of(models::Dtype::Bf16).value() * c.eff_flops;
  const double head_bytes = 2.0 * heads.head_dim * models::kv_bytes(kv);  // keys and values of a token
  key_ns_ = lanes * flop / rate / kNanosecond;
  empty_ns_ = lanes * c.per_empty.value() / c.blocks / kNanosecond;
  longest_ns_ = c.blocks * flop / rate / kNanosecond;
  waves_per_tile_ = lanes / c.blocks;
  kv_ns_ = heads.kv_heads * head_bytes / (chip.memory_bandwidth.value() * c.eff_bw) / kNanosecond;
  per_reuse_ = c.reuse > Bytes{} ? head_bytes / c.reuse.value() : 0.0;
  most_reads_ = lanes / heads.kv_heads;
  reads_per_sequence_ = most_reads_ / c.blocks;
}

}  // namespace tokenyard::cost
