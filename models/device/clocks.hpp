#pragma once

#include "models/base/units.hpp"

namespace tokenyard::models {

/// How long a chip keeps its full clocks under large products. From then on its power limit sets them: work that is
/// bound by FLOPs runs at `sustained` of its speed, until the chip has rested. Reads of memory keep their speed.
struct BurstClocks {
  Seconds burst;           ///< of large products at full clocks, from rest
  double recovery = 1.0;   ///< seconds of other work, or of none, that give one second of it back
  double sustained = 1.0;  ///< speed from then on, as a share of that at full clocks
  double reach = 1.0;      ///< FLOP/s of large products at full clocks, as a share of the dense peak
};

}  // namespace tokenyard::models
