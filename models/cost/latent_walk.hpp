#pragma once

#include "models/device/kernels.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::cost {

/// What blocks do to latent decodes (models::MlaDecodeCoefficients): that a kernel walks whole contexts, that it reads
/// them once for each block of heads, or that splitting them takes time. Of a kernel that does none of it all stays as
/// it is.
class LatentWalk {
 public:
  LatentWalk(const models::MlaDecodeCoefficients& c, double heads, double multiprocessors)
      : heads_(heads), walk_(c.walk.value()), last_(c.last_walk), split_(c.split.value()) {
    if (c.another_read > 0.0 && heads <= kFewHeads) {
      reads_ += c.another_read * (std::max(std::ceil(heads / kFewInABlock), 1.0) - 1.0);
    } else if (c.another_read > 0.0) {
      heads_ = kRows * std::ceil(heads / kRows);
    }
    if (walk_ <= 0.0) return;
    const double blocks = std::ceil(heads / kHeads);
    heads_ = kHeads * blocks;
    const double places = c.resident * multiprocessors;
    waves_ = places > 0.0 ? blocks / places : 0.0;
  }

  /// Whether a pass stays as it is.
  [[nodiscard]] bool plain() const { return walk_ <= 0.0 && split_ <= 0.0; }
  /// Heads that are computed.
  [[nodiscard]] double heads() const { return heads_; }
  /// How often the cache is read, in the cost of one read.
  [[nodiscard]] double reads() const { return reads_; }

  /// Seconds of a pass over the caches, all of `context` tokens, that takes `pass` with all of the chip at work.
  [[nodiscard]] double pass(double pass, double sequences, double context) const {
    if (plain() || sequences <= 0.0) return pass;
    if (walk_ <= 0.0) return pass + split_ * std::sqrt(context / sequences / 1000.0);
    const double alone = walk_ * context / sequences;
    return std::max(alone, pass + last_ * alone * std::clamp(waves_ * sequences - 1.0, 0.0, 1.0));
  }

 private:
  static constexpr double kHeads = 64.0;  // of a block that walks a whole context
  static constexpr double kFewHeads = 32.0;
  static constexpr double kFewInABlock = 16.0;
  static constexpr double kRows = 128.0;  // that the tensor cores take at a time

  double heads_;
  double reads_ = 1.0;
  double walk_;
  double last_;
  double split_;
  double waves_ = 0.0;  // a sequence
};

}  // namespace tokenyard::cost
