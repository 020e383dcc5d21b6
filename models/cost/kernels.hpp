#pragma once

#include "models/base/units.hpp"
#include "models/cost/context_tiles.hpp"
#include "models/cost/expert_load.hpp"
#include "models/cost/product_tiles.hpp"
#include "models/device/accelerator.hpp"
#include "models/device/attention_heads.hpp"
#include "models/device/dtype.hpp"

#include <cstdint>

namespace tokenyard::cost {

/// Time of one kernel on one chip, a pure function per family. The forms and their coefficients stand in
/// models/device/kernels.hpp; shapes are what one chip computes, after the split over the tensor ranks.
/// All REQUIRE that the chip has the family's coefficients, and give a floor even for an empty shape.
/// Source of the forms: fits of the aiconfigurator kernel tables; see the room's README.

/// (a^p + b^p)^(1/p): the sum of both at p = 1, their maximum at large p, more than the sum below 1. A p of 1,000
/// or more is the plain maximum (the true norm is at most 0.07 % above it). REQUIRES: a, b >= 0, p > 0.
[[nodiscard]] double p_norm(double a, double b, double p);

/// Bytes that cost as much from memory as `bytes` of which the L2 may hold some: `share` of them while all stay below
/// half of `below`, all from `below` on, and something on the straight line between.
[[nodiscard]] double priced_bytes(double bytes, Bytes below, double share);

/// Weights, activations and BF16 results: batch*(n*k*wB + m*k*aB + 2*m*n).
[[nodiscard]] Bytes product_bytes(const GemmShape& shape, models::GemmKind kind);
[[nodiscard]] Seconds gemm_time(const GemmShape& shape, models::GemmKind kind, const models::AcceleratorSpec& chip);
/// The same with coefficients `c` in place of the chip's: this is what a fit turns.
[[nodiscard]] Seconds gemm_time(const GemmShape& shape, models::GemmKind kind, const models::GemmCoefficients& c,
                                const models::AcceleratorSpec& chip);
/// The same as a benchmark sees it that runs it over and over, on five copies of the weights and the same activations:
/// what a table of measured products holds, and what a fit compares it with. What all of these read and write is what
/// stays in the L2 (models::RepeatedReads); results are written at their full price.
/// Source of the copies: ai-dynamo/aiconfigurator, collector/trtllm/collect_gemm.py: as many as exceed the L2, at
/// most 5.
[[nodiscard]] Seconds repeated_time(const GemmShape& shape, models::GemmKind kind, const models::GemmCoefficients& c,
                                    const models::AcceleratorSpec& chip);

/// Heads of one chip, and what its sequences hold.
struct DecodeAttentionShape {
  double sequences = 0;
  double context = 0;  ///< sum over the sequences, of what the layer sees
  double heads = 0;
  double kv_heads = 0;
  double head_dim = 0;
  bool windowed = false;  ///< models::HeadShape
  double unseen = 0;      ///< sum over the sequences, of what lies outside the window
};
/// What the kernel moves: the cached keys and values, and BF16 queries and outputs:
///   context*kv_heads*head_dim*2*kv + 4*sequences*heads*head_dim
[[nodiscard]] Bytes decode_attention_bytes(const DecodeAttentionShape& shape, models::Dtype kv);

/// FLOP = 2*heads*(head_dim + softmax_dim)*area, activation bytes = tokens*(2*heads + 4*kv_heads)*head_dim*2. The
/// reading of a cached prefix is not counted: it is hidden behind the products.
struct ContextAttentionShape {
  double tokens = 0;   ///< sum of the chunks' lengths q
  double area_x2 = 0;  ///< sum of q*(2*prefix + q), of what the layer sees
  double longest = 0;  ///< most keys that one of the tokens sees: largest prefix + q
  double heads = 0;
  double kv_heads = 0;
  double head_dim = 0;
  bool windowed = false;  ///< models::HeadShape
};

/// Absorbed decode: FLOP = 2*context*heads*(2*kv_rank + rope_dim), bytes = context*(kv_rank + rope_dim)*kv; BF16
/// queries and outputs = sequences*heads*(2*kv_rank + rope_dim)*2 bytes.
struct MlaDecodeShape {
  double sequences = 0;
  double context = 0;  ///< sum over the sequences
  double heads = 0;
  double kv_rank = 0;
  double rope_dim = 0;
};

/// A prompt that is computed so: `sequences` are its tokens, `context` is what all of them see together.
///   t = pnorm_p( t0, FLOP/(bf16 peak * eff_flops) + query_io * query bytes/BW )
[[nodiscard]] Seconds mla_absorbed_time(const MlaDecodeShape& shape, models::Dtype kv,
                                        const models::AcceleratorSpec& chip);
/// Of these the work behind the launch.
[[nodiscard]] Seconds absorbed_work(const MlaDecodeShape& shape, const models::MlaDecodeCoefficients& c,
                                    const models::AcceleratorSpec& chip);
/// Of these the cache: context*(kv_rank + rope_dim)*kv.
[[nodiscard]] Bytes latent_cache_bytes(const MlaDecodeShape& shape, models::Dtype kv);

/// Expanded prefill: FLOP = heads*area*(nope + rope + v + 2*softmax_dim), bytes = tokens*heads*4*(nope + rope + v):
/// queries and keys of nope + rope, values and outputs of v, all BF16.
struct MlaContextShape {
  double tokens = 0;
  double area_x2 = 0;
  double longest = 0;
  double heads = 0;
  double nope_dim = 0;
  double rope_dim = 0;
  double v_dim = 0;
};

/// All four attention kernels: t = pnorm_p(t0, work), where the work is a sum of a part that grows in proportion to the
/// context (or the area) and one that grows in proportion to the sequences (or the tokens), and with GQA decodes of
/// decode_blocks() times per_head. `c` are the coefficients of `kv`, those that the chip has for these heads when they
/// are not given (models::decode_kernel, context_kernel). The price is that of a step, with nothing in the L2
/// (RepeatedReads).
[[nodiscard]] Seconds kernel_work(const DecodeAttentionShape& shape, models::Dtype kv,
                                  const models::DecodeAttentionCoefficients& c, const models::AcceleratorSpec& chip);
[[nodiscard]] Seconds kernel_work(const ContextAttentionShape& shape, const models::ContextAttentionCoefficients& c,
                                  const models::AcceleratorSpec& chip);
[[nodiscard]] Seconds kernel_work(const MlaDecodeShape& shape, models::Dtype kv, const models::MlaDecodeCoefficients& c,
                                  const models::AcceleratorSpec& chip);
[[nodiscard]] Seconds kernel_work(const MlaContextShape& shape, const models::ContextAttentionCoefficients& c,
                                  const models::AcceleratorSpec& chip);

/// The two of prompts, compiled for the heads of `shape`.
[[nodiscard]] ContextTiles context_tiles(const ContextAttentionShape& shape,
                                         const models::ContextAttentionCoefficients& c,
                                         const models::AcceleratorSpec& chip);
[[nodiscard]] ContextTiles context_tiles(const MlaContextShape& shape, const models::ContextAttentionCoefficients& c,
                                         const models::AcceleratorSpec& chip);

/// What chooses among a chip's kernels.
[[nodiscard]] models::HeadShape heads_of(const DecodeAttentionShape& shape);
[[nodiscard]] models::HeadShape heads_of(const ContextAttentionShape& shape);

[[nodiscard]] Seconds decode_attention_time(const DecodeAttentionShape& shape, models::Dtype kv,
                                            const models::AcceleratorSpec& chip);
[[nodiscard]] Seconds context_attention_time(const ContextAttentionShape& shape, models::Dtype kv,
                                             const models::AcceleratorSpec& chip);
[[nodiscard]] Seconds mla_decode_time(const MlaDecodeShape& shape, models::Dtype kv,
                                      const models::AcceleratorSpec& chip);
[[nodiscard]] Seconds mla_context_time(const MlaContextShape& shape, models::Dtype kv,
                                       const models::AcceleratorSpec& chip);

/// The two context kernels with coefficients `c` in place of the chip's.
[[nodiscard]] Seconds context_time(const ContextAttentionShape& shape, const models::ContextAttentionCoefficients& c,
                                   const models::AcceleratorSpec& chip);
[[nodiscard]] Seconds context_time(const MlaContextShape& shape, const models::ContextAttentionCoefficients& c,
                                   const models::AcceleratorSpec& chip);

/// The two decode kernels as a benchmark sees them that repeats them on one KV cache: what a table of measured kernels
/// holds, and what a fit compares it with.
[[nodiscard]] Seconds repeated_time(const DecodeAttentionShape& shape, models::Dtype kv,
                                    const models::DecodeAttentionCoefficients& c, const models::AcceleratorSpec& chip);
[[nodiscard]] Seconds repeated_time(const MlaDecodeShape& shape, models::Dtype kv,
                                    const models::MlaDecodeCoefficients& c, const models::AcceleratorSpec& chip);

/// Routed experts of one layer on one chip.
struct MoeShape {
  double tokens = 0;  ///< of all ranks that share the experts
  double hidden = 0;
  double inner = 0;    ///< inner size of an expert on this chip (after a split inside the expert)
  double experts = 0;  ///< of the layer
  double top_k = 0;
  double expert_ranks = 1;  ///< groups the experts are dealt to
  double gathered = 1;      ///< share of these whose results the chip adds up: all where every chip holds every token;
                            ///< where tokens are dispatched, its own
  double redundant = 0;     ///< experts held besides, so that a group holds (experts + redundant) / expert_ranks
  double matrices = 3;      ///< 3 when gated, else 2
};
/// Rows that come to the busiest chip, a token's once for each of its experts there.
[[nodiscard]] double moe_rows(const MoeShape& shape, const ExpertLoad& load);
/// Activations that it reads and writes: permute, quantise, products in and out, un-permute.
[[nodiscard]] Bytes moe_moved_bytes(const MoeShape& shape, const ExpertLoad& load, models::GemmKind kind);
/// Weights that the busiest chip reads: matrices*hit*hidden*inner*wB.
[[nodiscard]] Bytes moe_weight_bytes(const MoeShape& shape, const ExpertLoad& load, models::GemmKind kind);
/// The coefficients that price it: those of the library in use while the busiest rank has at most its most_rows rows,
/// else the chip's own. REQUIRES: load is that of the shape's experts and tokens, as below.
[[nodiscard]] const models::MoeCoefficients& moe_kernel(const MoeShape& shape, const ExpertLoad& load,
                                                        models::GemmKind kind, const models::AcceleratorSpec& chip);
[[nodiscard]] Seconds moe_time(const MoeShape& shape, const ExpertLoad& load, models::GemmKind kind,
                               const models::AcceleratorSpec& chip);
/// The same with coefficients `c` in place of the chip's.
[[nodiscard]] Seconds moe_time(const MoeShape& shape, const ExpertLoad& load, models::GemmKind kind,
                               const models::MoeCoefficients& c, const models::AcceleratorSpec& chip);

}  // namespace tokenyard::cost
