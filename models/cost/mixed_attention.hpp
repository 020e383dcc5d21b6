#pragma once

#include "models/base/units.hpp"
#include "models/device/accelerator.hpp"
#include "models/device/dtype.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::cost {

/// What the attention kernels of one rank compute in one pass. A longest of 0 stands for sequences that are all alike.
struct AttentionWork {
  double sequences = 0;        ///< decodes
  double context = 0;          ///< sum of theirs
  double longest_context = 0;  ///< of them
  double chunks = 0;           ///< of prompt; 0 with tokens: one
  double tokens = 0;           ///< of prompt
  double area_x2 = 0;          ///< of prompt, as in StepShape
  double keys = 0;             ///< that prompts see, StepShape::keys_of_prompts()
  double longest_chunk = 0;    ///< as in StepShape
  double longest_prompt = 0;   ///< as in StepShape
};

/// Heads of one chip, after the split over the tensor ranks.
struct MixedAttentionHeads {
  double heads = 0;
  double kv_heads = 0;
  double head_dim = 0;
};

/// One layer's attention of a step with prompts as one launch (the form of models::MixedAttentionCoefficients),
/// compiled for one chip and model: no power, one square root.
///
/// Tiles of the chunks are counted as rows / tile_rows and half a tile more a chunk; each walks, beside the keys that
/// its rows see on the mean, tile_rows more (up to the edge of its diagonal, and of the last block of keys). Leaves
/// out: queries, outputs and a prompt's own keys, whose bytes hide behind the products; that a decode with drafts has
/// several rows, which one tile holds as well.
///
/// Sources: FlashAttention-2, csrc/flash_attn (flash_api.cpp, mha_varlen_fwd: query heads are packed and KV is split
/// only when no sequence has more than one query; paged KV takes the kernel of 64 rows, flash_fwd_launch_template.h);
/// FlashAttention-3, hopper/heuristics.h (always packed with sequences of any length), hopper/tile_size.h (128 rows for
/// heads of 128). T. Dao, FlashAttention-2, arXiv 2307.08691, section 3.2: a block a tile of queries.
class MixedAttention {
 public:
  MixedAttention(const MixedAttentionHeads& heads, models::Dtype kv, const models::MixedAttentionCoefficients& c,
                 const models::AcceleratorSpec& chip);

  /// Nanoseconds. Never falls when a context, the area, or a longest grows; so equal contexts cost the least of all
  /// with the same sum. REQUIRES: work.tokens > 0.
  [[nodiscard]] double operator()(const AttentionWork& work) const {
    const double chunks = std::max(work.chunks, 1.0);
    const double rows = work.tokens * rows_per_token_;
    const double tiles = rows * per_row_ + 0.5 * chunks;
    // Mean length of a chunk and mean end of one, where the longest is not told.
    const double chunk = work.longest_chunk > 0.0 ? work.longest_chunk : work.tokens / chunks;
    const double end = work.longest_prompt > 0.0 ? work.longest_prompt : 0.5 * (work.area_x2 / work.tokens + chunk);
    const double context =
        work.longest_context > 0.0 || work.sequences <= 0.0 ? work.longest_context : work.context / work.sequences;

    const double keys = work.context + block_keys_ * work.sequences + 0.5 * work.area_x2 * rows_per_token_ * per_row_ +
                        (block_keys_ + tile_rows_) * tiles;
    const double widest = std::max(chunk * rows_per_token_ * per_row_, 1.0);  // tiles of the longest chunk
    const double empty = std::max(0.0, (work.sequences + chunks) * widest - work.sequences - tiles);
    const double products = key_ns_ * keys + empty_ns_ * empty;
    const double longest = longest_ns_ * (std::max(context, end) + block_keys_);
    const double waves = waves_per_tile_ * (work.sequences + tiles);
    const double walk = std::max(longest, products + 0.5 * longest * std::clamp(2.0 * (waves - 1.0), 0.0, 1.0));
    const double memory = kv_ns_ * work.context * reads(work);
    return floor_ns_ + std::sqrt(walk * walk + memory * memory);
  }

 private:
  /// How often the KV of the decodes comes from memory.
  [[nodiscard]] double reads(const AttentionWork& work) const {
    const double missed = std::clamp(work.context * per_reuse_ - 1.0, 0.0, 1.0);
    return 1.0 + missed * (std::clamp(reads_per_sequence_ * work.sequences, 1.0, most_reads_) - 1.0);
  }

  double floor_ns_;
  double tile_rows_;
  double per_row_;         // 1 / tile_rows
  double rows_per_token_;  // of one lane's tiles
  double block_keys_;
  double key_ns_;      // a key of a tile in every lane, on the whole chip
  double empty_ns_;    // a block in every lane that finds nothing
  double longest_ns_;  // a key of a tile, alone on its share of the chip
  double waves_per_tile_;
  double kv_ns_;      // a cached token of all heads
  double per_reuse_;  // 1 / cached tokens whose keys and values of one head fit
  double reads_per_sequence_;
  double most_reads_;
};

}  // namespace tokenyard::cost
