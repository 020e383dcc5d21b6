#include "workloads/make_request_source.hpp"

#include "models/base/errors.hpp"
#include "workloads/synthetic_source.hpp"
#include "workloads/trace_source.hpp"

#include <utility>

namespace tokenyard::workloads {

std::unique_ptr<RequestSource> make_request_source(const WorkloadSpec& spec, std::uint64_t seed,
                                                   std::unique_ptr<ByteSource> trace) {
  const bool wants_trace = std::holds_alternative<TraceSpec>(spec.source);
  expect(wants_trace == (trace != nullptr), "a trace is given exactly when the workload replays one");
  if (wants_trace) return std::make_unique<TraceSource>(spec, std::move(trace));
  return std::make_unique<SyntheticSource>(spec, seed);
}

}  // namespace tokenyard::workloads
