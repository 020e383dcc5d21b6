#pragma once

#include "workloads/random_stream.hpp"
#include "workloads/spec.hpp"

#include <cstdint>

namespace tokenyard::workloads {

/// One length in tokens, >= 1. REQUIRES: validate(spec) passed.
/// A constant draws nothing; every other kind draws from `stream` alone.
[[nodiscard]] std::uint32_t draw_length(const LengthSpec& spec, RandomStream& stream);

}  // namespace tokenyard::workloads
