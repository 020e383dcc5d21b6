#pragma once

#include "models/base/units.hpp"
#include "models/cost/kernels.hpp"
#include "models/cost/small_kernels.hpp"
#include "models/device/accelerator.hpp"
#include "models/device/dtype.hpp"

namespace tokenyard::cost {

/// What a kernel has to compute and to move on one chip, however long it takes, and how long that would last at the
/// rates of the datasheet. Its time over the greater of both is how far it is from the roofline; what is left are
/// launches, waits and rates that no kernel reaches. Source: S. Williams, A. Waterman, D. Patterson, Roofline, Commun.
/// ACM 52(4), 2009, pp. 65-76.
struct Roofline {
  Flop flop;        ///< of multiplications and additions of matrices; 0 where there are none
  Bytes bytes;      ///< each operand read once, each result written once, as if nothing stood in a cache
  Seconds compute;  ///< flop at the dense peak of the format that is multiplied
  Seconds memory;   ///< bytes at the memory's bandwidth

  Roofline& operator+=(const Roofline& other);
  friend Roofline operator+(Roofline a, const Roofline& b) { return a += b; }
  friend Roofline operator*(double factor, const Roofline& one);
};

/// 2*batch*m*n*k ; product_bytes().
[[nodiscard]] Roofline product_roofline(const GemmShape& shape, models::GemmKind kind,
                                        const models::AcceleratorSpec& chip);

/// On the busiest chip: 2*matrices*rows*hidden*inner of the rows that come to it, without those that fill up tiles;
/// the weights of its hit experts and moe_moved_bytes().
[[nodiscard]] Roofline experts_roofline(const MoeShape& shape, const ExpertLoad& load, models::GemmKind kind,
                                        const models::AcceleratorSpec& chip);

/// No FLOP; the bytes of the shape.
[[nodiscard]] Roofline small_roofline(const SmallShape& shape, const models::AcceleratorSpec& chip);

// Attention, all heads of one layer. FLOP of both products, of a prompt those below its diagonal alone; softmax is not
// counted. A cache of FP8 is multiplied in FP8 on chips that have such a peak, everything else in BF16: kernels of
// prompts that the tables hold reach more than the peak of BF16 with it.

/// 4*heads*head_dim*context ; decode_attention_bytes().
[[nodiscard]] Roofline attention_roofline(const DecodeAttentionShape& shape, models::Dtype kv,
                                          const models::AcceleratorSpec& chip);
/// 2*heads*head_dim*area_x2 ; queries, outputs, new keys and values in and into the cache, BF16, and the keys and
/// values of `prefix` tokens, those that the chunks have in the cache and see.
[[nodiscard]] Roofline attention_roofline(const ContextAttentionShape& shape, double prefix, models::Dtype kv,
                                          const models::AcceleratorSpec& chip);
/// 2*heads*(2*kv_rank + rope_dim)*context ; the latents of the cache, BF16 queries and outputs.
[[nodiscard]] Roofline attention_roofline(const MlaDecodeShape& shape, models::Dtype kv,
                                          const models::AcceleratorSpec& chip);
/// Of a prompt that is computed absorbed (mla_absorbed_time()); its cache of `keys` is read once.
[[nodiscard]] Roofline absorbed_roofline(const MlaDecodeShape& shape, double keys, models::Dtype kv,
                                         const models::AcceleratorSpec& chip);
/// heads*(nope + rope + v)*area_x2 ; queries, keys, values and outputs of new tokens, and keys and values of a prefix,
/// as they are multiplied: expanded, BF16.
[[nodiscard]] Roofline attention_roofline(const MlaContextShape& shape, double prefix, models::Dtype kv,
                                          const models::AcceleratorSpec& chip);

}  // namespace tokenyard::cost
