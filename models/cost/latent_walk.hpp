#pragma once

#include "models/device/kernels.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::cost {

/// Latent decodes whose contexts a kernel does not split: models::MlaDecodeCoefficients. Of a kernel that does, all
/// stays as it is.
class LatentWalk {
 public:
  LatentWalk(const models::MlaDecodeCoefficients& c, double heads, double multiprocessors)
      : heads_(heads), walk_(c.walk.value()), last_(c.last_walk) {
    if (walk_ <= 0.0) return;
    const double blocks = std::ceil(heads / kHeads);
    heads_ = kHeads * blocks;
    const double places = c.resident * multiprocessors;
    waves_ = places > 0.0 ? blocks / places : 0.0;
  }

  /// Whether contexts are split after all, and a pass is as it was.
  [[nodiscard]] bool splits() const { return walk_ <= 0.0; }
  /// Heads that are computed.
  [[nodiscard]] double heads() const { return heads_; }

  /// Seconds of a pass over the caches, all of `context` tokens, that takes `pass` with all of the chip at work.
  [[nodiscard]] double pass(double pass, double sequences, double context) const {
    if (walk_ <= 0.0 || sequences <= 0.0) return pass;
    const double alone = walk_ * context / sequences;
    return std::max(alone, pass + last_ * alone * std::clamp(waves_ * sequences - 1.0, 0.0, 1.0));
  }

 private:
  static constexpr double kHeads = 64.0;  // of a block

  double heads_;
  double walk_;
  double last_;
  double waves_ = 0.0;  // a sequence
};

}  // namespace tokenyard::cost
