#pragma once

#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "models/cost/micro_batches.hpp"

#include <array>
#include <cstdint>

namespace tokenyard::cost {

/// A step of chips of attention and of FFN that stand apart, as its micro-batches go through it: round_trips() of
/// `layers`, then the head; beside it, or after it, the host.
struct StepTrips {
  /// What a chip with attention sends and gets in one layer of one micro-batch.
  struct WayBytes {
    Bytes out;
    Bytes back;
  };
  std::array<LayerTrips, 2> layers;   ///< dense, MoE: in this order
  std::array<WayBytes, 2> way_bytes;  ///< of each
  std::uint32_t micro_batches = 1;
  SimTime head;
  SimTime host;
  bool host_overlapped = true;
};

}  // namespace tokenyard::cost
