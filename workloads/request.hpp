#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"

#include <cstdint>

namespace tokenyard::workloads {

/// One user's call, as the front door, the routers and the schedulers see it.
struct Request {
  RequestId id;  ///< in order of arrival, from 0
  SimTime arrival;
  std::uint32_t prompt_tokens = 1;  ///< >= 1
  ClassId slo_class;                ///< index into the experiment's SLO classes
};

}  // namespace tokenyard::workloads
