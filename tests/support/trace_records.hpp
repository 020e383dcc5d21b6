#pragma once

#include "tests/support/byte_sources.hpp"
#include "workloads/traces/checked_rows.hpp"
#include "workloads/traces/formats.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tokenyard::test {

/// Everything that drops or mends what it can.
inline workloads::TracePolicy lenient(workloads::OnFault what) {
  workloads::TracePolicy policy;
  policy.on.fill(what);
  policy.on[static_cast<std::size_t>(workloads::Fault::Malformed)] = workloads::OnFault::Drop;
  return policy;
}

inline workloads::CheckedRows rows_of(std::unique_ptr<workloads::ByteSource> bytes,
                                      const workloads::TraceFormat& format, const workloads::TracePolicy& policy = {}) {
  return workloads::CheckedRows{workloads::make_trace_reader(std::move(bytes), format), policy};
}

/// The records of a trace that stands in the test.
inline std::vector<workloads::TraceRecord> records_of(const std::string& text,
                                                      const workloads::TraceFormat& format = {},
                                                      const workloads::TracePolicy& policy = {},
                                                      std::size_t piece = 1'000'000) {
  workloads::CheckedRows rows = rows_of(std::make_unique<TextBytes>(text, piece), format, policy);
  std::vector<workloads::TraceRecord> all;
  workloads::TraceRecord record;
  while (rows.next(record)) all.push_back(record);
  return all;
}

}  // namespace tokenyard::test
