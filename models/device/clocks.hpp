#pragma once

#include "models/base/units.hpp"

namespace tokenyard::models {

/// How long a chip keeps its full clocks under large products and the attention of many decodes, which draw its full
/// power. From then on its power limit sets them: that work runs at `sustained` of its speed, until the chip has
/// rested. All else keeps its speed.
struct BurstClocks {
  Seconds burst;                  ///< of large products at full clocks, from rest
  double recovery = 1.0;          ///< seconds of other work, or of none, that give one second of it back
  double sustained = 1.0;         ///< speed from then on, as a share of that at full clocks
  double reach = 1.0;             ///< FLOP/s of large products at full clocks, as a share of the dense peak
  double decode_attention = 0.0;  ///< of the time of decode attention, what counts as large products
};

}  // namespace tokenyard::models
