#pragma once

#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "models/cost/step_shape.hpp"

#include <cstdint>

namespace tokenyard::test {

/// A step of `sequences` decodes that hold `context` tokens together.
inline cost::StepShape decodes(std::uint32_t sequences, std::uint64_t context) {
  return {.decodes = sequences, .decode_context = context};
}

/// A step of one whole prompt.
inline cost::StepShape prompt(std::uint32_t tokens) {
  return {.chunks = 1, .prefill_tokens = tokens, .prefill_area_x2 = std::uint64_t{tokens} * tokens};
}

/// Microseconds.
inline double us(SimTime time) { return static_cast<double>(time.ns()) * 1e-3; }
inline double us(Seconds time) { return time.value() * 1e6; }

}  // namespace tokenyard::test
