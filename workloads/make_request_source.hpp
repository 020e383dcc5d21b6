#pragma once

#include "workloads/request_source.hpp"
#include "workloads/spec.hpp"
#include "workloads/traces/byte_source.hpp"

#include <cstdint>
#include <memory>

namespace tokenyard::workloads {

/// Synthetic streams draw arrivals, clients and lengths from independent streams of `seed`. In a closed loop every
/// arrival carries time 0: the front door decides when it is sent, and stops taking after `duration`.
/// REQUIRES: validate(spec) passed; `trace` is given exactly when spec.source is a TraceSpec.
/// Throws UserError for a trace without the needed header.
[[nodiscard]] std::unique_ptr<RequestSource> make_request_source(const WorkloadSpec& spec, std::uint64_t seed,
                                                                 std::unique_ptr<ByteSource> trace);

}  // namespace tokenyard::workloads
