#pragma once

#include "workloads/request_source.hpp"
#include "workloads/session.hpp"
#include "workloads/spec.hpp"
#include "workloads/traces/byte_source.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace tokenyard::workloads {

/// Synthetic streams draw arrivals, clients and lengths from independent streams of `seed`. In a closed loop every
/// arrival carries time 0: the front door decides when it is sent, and stops taking after `duration`.
/// REQUIRES: validate(spec) passed; `trace` is given exactly when spec.source is a TraceSpec.
/// Throws UserError for a trace without the needed header.
[[nodiscard]] std::unique_ptr<RequestSource> make_request_source(const WorkloadSpec& spec, std::uint64_t seed,
                                                                 std::unique_ptr<ByteSource> trace);

/// The sessions of a synthetic workload that waits for answers, as make_request_source() draws them.
struct DrawnSessions {
  std::unique_ptr<SessionFeed> feed;
  std::optional<std::uint32_t> users{};  ///< who play them; absent: each has its start
};
/// Nothing where what is sent depends on no answer. A closed loop without sessions is one of sessions of a request
/// each. REQUIRES: validate(spec) passed, spec.source is a SyntheticSpec.
[[nodiscard]] std::optional<DrawnSessions> drawn_sessions(const WorkloadSpec& spec, std::uint64_t seed);

}  // namespace tokenyard::workloads
