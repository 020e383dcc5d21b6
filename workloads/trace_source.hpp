#pragma once

#include "workloads/azure_rows.hpp"
#include "workloads/request_source.hpp"
#include "workloads/spec.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace tokenyard::workloads {

/// Replays a recorded trace row by row; all requests are of the first SLO class. A row that stands o after the first
/// one arrives at (o - window_start) / speedup; rows with o < window_start or o >= window_start + window are left out.
/// `duration` counts after the speedup. Rows behind the last one wanted are not read, hence not checked.
class TraceSource final : public RequestSource {
 public:
  /// REQUIRES: validate(spec) passed, spec.source is a TraceSpec, `bytes` is not null. Throws UserError for a bad
  /// header.
  TraceSource(const WorkloadSpec& spec, std::unique_ptr<ByteSource> bytes);

  /// Throws UserError for a malformed row, for one beyond max_context, and when nothing at all is replayed.
  [[nodiscard]] std::optional<Arrival> next() override;
  [[nodiscard]] std::optional<std::uint64_t> expected() const override;
  [[nodiscard]] std::optional<SimTime> horizon() const override;

 private:
  [[nodiscard]] std::optional<Arrival> end();

  AzureRows rows_;
  double speedup_;
  SimTime window_start_;
  std::optional<SimTime> window_;
  std::optional<SimTime> duration_;
  std::optional<std::uint64_t> requests_;
  std::uint32_t max_context_;
  std::optional<std::int64_t> first_stamp_ns_;
  SimTime last_offset_;  // of the row read last, from the first row
  std::uint64_t sent_ = 0;
  bool ended_ = false;
};

}  // namespace tokenyard::workloads
