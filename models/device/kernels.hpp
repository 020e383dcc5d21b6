#pragma once

#include "models/base/units.hpp"
#include "models/device/attention_heads.hpp"
#include "models/device/collective_kernels.hpp"
#include "models/device/dtype.hpp"
#include "models/device/provenance.hpp"
#include "models/device/small_kernels.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>

namespace tokenyard::models {

/// A benchmark that repeats one kernel finds what it reads in the chip's L2 where that is small; a step never does,
/// since all other layers and their weights pass between two reads of a layer's cache or weights. So this part of a fit
/// describes tables, and is left out of a step's price: bytes cost `share` of what they cost from memory while all of
/// them stay below half of `below`, their full price from `below` on, and something on the straight line between.
struct RepeatedReads {
  Bytes below;  ///< 0: the table shows no such thing
  double share = 1.0;
};

/// Matrix product [M,K] x [K,N] on one chip:
///   t = t0 + k_latency * K/1000 + act_pass*4MK/BW + pnorm_p( 2MNK/(peak*eff_flops), memory )
///   memory = (NK*wB + MK*aB + 2MN)/(BW*eff_bw)
/// Where `walk` is known and the chip's multiprocessors are, thread blocks count. A block computes a tile of the result
/// alone on a multiprocessor, or s of them share its K and their sums are added up; full waves of blocks, and what is
/// left, which takes at least `last_wave` of a full one behind others and all of it alone:
///   block = max( 2*rows*columns*K/s on one multiprocessor at peak*eff_flops, walk*K/s/1000 ) +
///           store*rows*columns/1000
///   t = t0 + k_latency * K/1000 + act_pass*4MK/BW +
///       min over tiles and s of pnorm_p( waves*block, memory ) + start*(waves, whole ones) +
///                               (s > 1: split + s*8MN/(BW*eff_bw))
/// cost::ProductTiles has the tiles.
struct GemmCoefficients {
  Seconds t0;
  double eff_flops = 1.0;
  double eff_bw = 1.0;
  double p = 1e9;         ///< exponent of the p-norm; large = plain maximum
  Seconds k_latency;      ///< per 1,000 of K: a thread block walks K serially
  double act_pass = 0.0;  ///< passes over the activations when the kernel quantises them itself
  Seconds walk;           ///< per 1,000 of K: a block walks its tile no faster; 0: blocks do not count
  Seconds store;          ///< per 1,000 elements of a tile, at its end
  double last_wave = 0.0;
  Seconds split;  ///< once, where several blocks share a tile
  Seconds start;  ///< of each wave of blocks, while nothing else is read: a block fills its pipeline first
  RepeatedReads repeated;
  Provenance provenance;
};

/// How a chip's decode kernels split long contexts over thread blocks, so that few sequences fill the chip too: a block
/// for each KV head of each sequence, or as many as `keys` tokens each make, where that is more and at most `blocks`.
/// cost::DecodeGrid has the rule.
struct AttentionSplit {
  double keys = 0.0;           ///< 0: the tables show no such thing
  double blocks = 0.0;         ///< on the whole chip
  bool whole_context = false;  ///< blocks are counted by the whole context, not by what a window leaves of it
  double root = 0.0;           ///< at most the root of so many times as many parts of a context; 0: no such limit
};

/// Decode attention, GQA/MHA:
///   t = pnorm_p( t0, bytes/(BW*eff_bw) * padded(reading)/reading + (per_head + per_part*min(1, parts - 1)) *
///   padded(blocks) )
/// where blocks are sequences*kv_heads, or what AttentionSplit makes of them: `parts` of each. `reading` are those that
/// a window leaves something to read, without a window all of them. padded() adds the empty places of the last wave
/// (cost::DecodeGrid) where waves count. p < 1 is slower than the sum of both.
struct DecodeAttentionCoefficients {
  Seconds t0;
  double eff_bw = 1.0;
  double p = 1.0;
  Seconds per_head;        ///< start and end of a thread block of one KV head of one sequence, spread over the chip
  Seconds per_part;        ///< likewise of writing a part's result and adding it up, where a context is split
  double resident = 0.0;   ///< blocks that a multiprocessor holds at once, a fact of the kernel; 0: waves do not count
  double last_wave = 0.0;  ///< share of a full wave's time that its last wave takes at least
  RepeatedReads repeated;
  Seconds flash;  ///< how much longer FlashAttention takes, which some engines run instead of the tables' kernel
  Seconds added;  ///< to all of the above: of the kernel that an engine runs instead; 0 in a chip's entry
  Provenance provenance;
};

/// What a batch of unequal contexts costs beside one of equal ones with the same sum. Kernels split the KV of a
/// sequence over several thread blocks while blocks are few; from `unsplit` on (sequences * kv_heads) one block walks
/// all of it, and the last ones to end are the longest: t += per_key * (longest - mean context)
struct SkewCoefficients {
  Seconds per_key;       ///< about half of what a block needs for a key: a long one starts anywhere in the kernel
  double unsplit = 0.0;  ///< a fact of the kernel, not fitted
  Provenance provenance;
};

/// Context (prefill) attention, expanded:
///   t = pnorm_p( t0, FLOP of (area_x2 + 2*tile_keys*tokens) / (bf16 peak * eff_flops) + activation bytes/(BW * eff_io)
///   )
/// A head counts softmax_dim more than it has: its exponentials cost the same whatever its size. In the keys of a tile
/// it counts tile_dim more again: what a tile costs at its start and end depends less on the size of heads than what it
/// multiplies in between. Where tile_rows are
/// known, a thread block takes so many tokens of one head and walks the keys they see, alone on one of the chip's
/// multiprocessors:
///   longest  = alone * products of tile_rows*(most keys of a token + tile_keys) on one multiprocessor
///   products = max( longest, those above + last_tiles*longest*clamp(heads*tokens/tile_rows/multiprocessors - 1, 0, 1)
///   )
/// More tiles than run at once leave part of a tile's time to the last of them. A multiprocessor that holds two tiles
/// multiplies for one while it computes the exponentials of the other; one that holds a single tile waits for them in
/// between, which `alone` counts. Source: FlashAttention-3, arXiv 2407.08608, section 3.1 (ping-pong scheduling).
struct ContextAttentionCoefficients {
  Seconds t0;
  double eff_flops = 1.0;
  double eff_io = 1.0;
  double p = 1.0;
  double tile_keys = 0.0;  ///< keys a token pays beyond those it sees: tiles on the diagonal, start and end of a tile
  double softmax_dim = 0.0;
  double tile_dim = 0.0;
  double tile_rows = 0.0;  ///< a fact of the kernel; 0: tiles do not count
  double last_tiles = 0.0;
  double alone = 1.0;
  Provenance provenance;
};

/// Attention of a step that holds prompts, decodes beside them included, as one launch of a FlashAttention kernel with
/// sequences of any length. A thread block takes a tile of query rows of one head and walks its keys; a decode is a
/// tile too, however few of its rows are used. Of the step, over `lanes` heads (query heads; KV heads where packed,
/// whose tiles hold the rows of a whole group), a key of a tile costing k = 4*tile_rows*head_dim FLOP at peak*eff_flops
/// on the whole chip:
///   products = lanes*k*( sum over tiles (keys + block_keys) ) + per_empty*lanes*empty/blocks
///   longest  = blocks*k*( most keys of a tile + block_keys )       one block works alone on one `blocks`th of the chip
///   walk     = max( longest, products + longest/2 * clamp(2*(lanes*tiles/blocks - 1), 0, 1) )
///   t = t0 + sqrt( walk^2 + (KV bytes of the decodes * reads / (BW*eff_bw))^2 )
/// More tiles than run at once leave, on the mean, half a block's time to the last of them. The grid is as wide as the
/// longest chunk for every sequence: `empty` blocks find nothing to do. KV is read once where all of one head's fits
/// into `reuse`; above, a read serves the query heads of a group that run side by side (from `reuse` on rising, in full
/// at twice of it): reads = clamp(group*sequences/blocks, 1, group).
struct MixedAttentionCoefficients {
  Seconds t0;
  double eff_flops = 1.0;  ///< of the BF16 peak
  double eff_bw = 1.0;
  double block_keys = 0.0;  ///< start and end of a tile, as keys
  Seconds per_empty;        ///< a block without rows
  double blocks = 1.0;      ///< thread blocks that the chip runs at once
  double tile_rows = 64.0;
  bool packed = false;  ///< a tile holds the rows of all query heads that share a KV head
  Bytes reuse;          ///< 0: KV is read once whatever its size
  Provenance provenance;
};

/// MLA decode, absorbed:
///   t = pnorm_p( t0, pass + query_io * query bytes/BW )
///   pass = max( FLOP/(bf16 peak * eff_flops), latent bytes/(BW * eff_bw) )
/// A kernel that does not split contexts has a block for each 64 heads of a sequence, filled or not, which walks them
/// alone; blocks beyond those that run at once leave part of such a walk to the last of them:
///   pass = max( alone, pass of whole blocks + last_walk*alone*clamp(blocks/(resident*multiprocessors) - 1, 0, 1) ),
///   alone = walk * mean context
/// A kernel that splits contexts has n blocks walk a part of one each and joins what they made, which takes a*length/n
/// + b*n; the least of it over n, 2*sqrt(a*b*length), is `split` of each of them, however many there are:
///   pass += split * sqrt(mean context/1000)
/// The generated kernels of TensorRT-LLM and FlashInfer on Blackwell (another_read > 0) take up to 32 heads in blocks
/// of 16, each of which reads the cache: those behind the first find much of it in the L2, and cost `another_read` of a
/// read each. More heads stand in tiles of 64 and 128, and 64 rows take the tensor cores as long as 128 do: so many
/// heads are computed. Left out: below 1,024 tokens a block these kernels take 64 and 128 heads in blocks of 16 too,
/// which are slower there than the tiles a little above, and a price may not fall as contexts grow. Source:
/// flashinfer-ai/flashinfer, include/flashinfer/trtllm/fmha/fmhaKernels.cuh, selectMlaGenerationKernel().
struct MlaDecodeCoefficients {
  Seconds t0;
  double eff_flops = 1.0;
  double eff_bw = 1.0;
  double p = 1.0;
  double query_io = 0.0;  ///< passes over the absorbed queries and outputs
  Seconds walk;           ///< a key; 0: contexts are split, and heads count as they are
  double resident = 0.0;  ///< blocks on a multiprocessor at once, a fact of the kernel; below 1 where one takes several
  double last_walk = 0.0;
  double another_read = 0.0;
  Seconds split;  ///< of the root of 1,000 keys
  RepeatedReads repeated;
  Provenance provenance;
};

/// MoE grouped product of one layer on the busiest of ep ranks; T tokens of the whole group, T' of them whose results
/// it adds up (all where every chip holds every token, its own where they are dispatched), E experts, k chosen, I inner
/// size; r rows and H experts hit there (cost::ExpertLoad):
///   t = t0 + per_local_expert*(E/ep) + per_hit_expert*H + per_token*T'
///       + pnorm_p( 6*(r + tile_rows*H)*h*I/(peak*eff_flops), 3*H*h*I*wB/(BW*eff_bw) ) +
///       act_io*(r*(2h*aB+8I+4h)+4hT')/BW
/// Triton's kernels for MXFP4 (tile_most > 0) choose tiles for all experts by the rows of the mean one: B rows,
/// T*k*ep/E up to the next power of two, at least 16 and at most tile_most. There tile_fill*B takes the place of
/// tile_rows, and per_tile_row*B is added, since a tile walks its matrix alone. So a step of one token more can take
/// twice as long. Source: triton-lang/triton, python/triton_kernels, matmul_ogs' opt_flags and routing: block_m =
/// max(16, min(next_power_of_2(tokens_per_expt), 128)).
struct MoeCoefficients {
  Seconds t0;
  double eff_flops = 1.0;
  double eff_bw = 1.0;
  double p = 1e9;
  double act_io = 0.0;       ///< passes over the rows: permute, quantise, un-permute
  Seconds per_local_expert;  ///< bookkeeping for each expert of the rank
  Seconds per_hit_expert;    ///< a group of the product
  Seconds per_token;         ///< the kernel looks at all of these tokens for those that are its own
  double tile_rows = 0.0;    ///< rows that a hit expert's last tile is filled up with
  double tile_most = 0.0;    ///< a fact of the kernel; 0: all its tiles are alike
  double tile_fill = 0.0;    ///< of such a tile, what a hit expert's last one is filled up with
  Seconds per_tile_row;      ///< of such a tile, for each of its rows
  double most_rows = 0.0;    ///< of a library's kernel: r up to which it was measured; beyond, the chip's moe is taken
  Provenance provenance;
};

using ExpertKernels = std::array<std::optional<MoeCoefficients>, kGemmKinds>;  ///< by GemmKind

/// Coefficients of attention kernels by the format of the KV cache.
template <class Coefficients>
using ByCache = std::array<std::optional<Coefficients>, kDtypes>;

/// What the cost model knows about the kernels of one chip. A family that is absent cannot be priced on it.
struct KernelSet {
  std::array<std::optional<GemmCoefficients>, kGemmKinds> gemm;                    ///< by GemmKind
  ByCache<DecodeAttentionCoefficients> decode_attention;                           ///< heads of 128 in groups
  std::array<ByCache<DecodeAttentionCoefficients>, kDecodeHeads> decode_by_heads;  ///< by DecodeHeads; may be absent
  AttentionSplit attention_split;
  double multiprocessors = 0.0;  ///< 0: not known, and neither waves nor tiles of kernels count
  ByCache<ContextAttentionCoefficients> context_attention;  ///< heads up to 128, no window
  std::array<ByCache<ContextAttentionCoefficients>, kContextHeads>
      context_by_heads;                                 ///< by ContextHeads; may be absent
  ByCache<SkewCoefficients> attention_skew;             ///< may be absent
  ByCache<MixedAttentionCoefficients> mixed_attention;  ///< may be absent
  ByCache<MlaDecodeCoefficients> mla_decode;
  ByCache<ContextAttentionCoefficients> mla_context;
  ExpertKernels moe;                            ///< those of the tables
  std::map<std::string, ExpertKernels> moe_of;  ///< by library, those that an engine can run instead: "trtllm-gen"
  ExpertKernels moe_in_use;                     ///< of the library that is run, up to its most_rows; else as moe
  SmallKernels small;
  Seconds head_t0;  ///< a step's further time beside the head's product and sampling
  CollectiveKernels collectives;
};

}  // namespace tokenyard::models
