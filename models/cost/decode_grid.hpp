#pragma once

#include "models/base/units.hpp"
#include "models/device/attention_heads.hpp"
#include "models/device/kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tokenyard::cost {

/// Thread blocks of a decode kernel on one chip, and the waves they run in: the chip holds so many at once, and the
/// blocks of the last wave take as long as those of a full one, or nearly (models::DecodeAttentionCoefficients).
///
/// Of `lanes` KV heads of all sequences together, each of contexts of `length` tokens:
///   parts  = clamp( min( length/keys, sqrt(root*length/keys) ), 1, floor(blocks/lanes) )
///   blocks = lanes*parts
/// Parts need not be whole, so that a price never falls as contexts grow.
///
/// A group of one query head runs another kernel where waves are counted. An SM holds 1,024 of its threads: four blocks
/// of 256, two of 512 or one of 1,024, the largest that still fill the chip (kPlaces); only the largest split contexts,
/// into as many parts as give each SM one. A block of twice the threads counts as two here.
/// Source: NVIDIA TensorRT-LLM, computeMultiBlockCount() of decoderXQAImplJIT.cpp; mmha_launch_kernel_ex() and
/// multi_block_grid_setup() of decoderMaskedMultiheadAttentionLaunch.h.
class DecodeGrid {
 public:
  /// REQUIRES: heads.head_dim > 0 where the group is one.
  DecodeGrid(const models::KernelSet& kernels, const models::DecodeAttentionCoefficients& c,
             const models::HeadShape& heads);

  struct Launch {
    double parts = 1.0;   ///< of each lane
    double blocks = 0.0;  ///< of all
  };
  struct Cost {
    double reads = 1.0;  ///< times that reading takes of what full waves would
    Seconds starts;      ///< start and end of all blocks
  };
  /// What all steps of a run share: `count` KV heads of all sequences together, and the most parts of each.
  struct Lanes {
    double count;
    double most;
  };
  /// REQUIRES: count > 0.
  [[nodiscard]] Lanes lanes(double count) const {
    return {.count = count, .most = waves_ ? whole(most_ / count) : most_ / count};
  }

  /// Of lanes whose blocks are counted by contexts of `length` tokens and that read `seen` of each. REQUIRES:
  /// seen <= length.
  [[nodiscard]] Cost cost(const Lanes& lanes, double seen, double length) const {
    const Launch reading = launch(lanes, seen);
    const double padded_reading = padded(reading.blocks);
    const double reads = padded_reading / reading.blocks;
    if (length <= seen) return {.reads = reads, .starts = start_of(reading.parts) * padded_reading};
    const Launch all = launch(lanes, length);
    return {.reads = reads, .starts = start_of(all.parts) * padded(all.blocks)};
  }

  [[nodiscard]] Launch launch(const Lanes& lanes, double length) const {
    if (single_) return launch_single(lanes.count, length);
    const double filled = length * per_key_;
    const double parts = std::max(std::min(std::min(filled, std::sqrt(root_ * filled)), lanes.most), 1.0);
    return {.parts = parts, .blocks = lanes.count * parts};
  }

  /// `blocks` and the places that their last wave leaves empty; `blocks` itself where waves are not counted.
  [[nodiscard]] double padded(double blocks) const {
    if (!waves_) return blocks;
    const double waves = blocks * per_place_;
    const double full = whole(waves + kRounding);
    const double last = waves - full;
    return places_ * (last > kRounding ? full + std::max(last, last_wave_) : full);
  }

 private:
  static constexpr double kRounding = 1e-9;  // of a wave: what divisions leave of a full one

  /// std::floor() of what is not negative and below 2^63, without a call: this stands in every decode step's price.
  [[nodiscard]] static double whole(double x) { return static_cast<double>(static_cast<std::int64_t>(x)); }

  [[nodiscard]] Launch launch_single(double lanes, double length) const;
  [[nodiscard]] Seconds start_of(double parts) const { return per_head_ + per_part_ * std::min(1.0, parts - 1.0); }

  Seconds per_head_;
  Seconds per_part_;

  double per_key_ = 0.0;  // parts a token; 0: contexts stay whole
  double root_;           // the largest double where nothing else limits the parts
  double most_;           // blocks
  double places_;         // at once
  double per_place_;      // waves a block
  double last_wave_;
  bool waves_;
  bool single_;
};

}  // namespace tokenyard::cost
