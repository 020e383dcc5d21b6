#pragma once

#include "workloads/arrivals.hpp"
#include "workloads/own_history.hpp"
#include "workloads/request_source.hpp"
#include "workloads/spec.hpp"
#include "workloads/tied_rows.hpp"
#include "workloads/traces/byte_source.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::workloads {

/// The rows of a trace that pass its policy, with ties spread if so asked.
/// `max_context`: in place of the policy's; 0 = that one. Throws UserError for
/// a bad header and for a trace whose format cannot be told.
[[nodiscard]] TiedRows open_rows(const TraceSpec& trace, std::uint32_t max_context, std::uint64_t seed,
                                 std::unique_ptr<ByteSource> bytes);

/// Replays the rows of a recorded trace, one by one. A row that stands o after
/// the first one arrives at (o - window_start) / speedup; rows with o <
/// window_start or o >= window_start + window are left out. With `rate` the
/// speedup is such that the mean rate of what window, `requests` and `duration`
/// leave is that one, for which the trace is read through once before.
/// `duration` counts after the speedup. Rows behind the last one wanted are not
/// read, hence not checked. With `trace.arrivals` only the lengths are the
/// trace's.
///
/// A row's class is the SLO class that its category names, else the first. Its
/// prefix ids are put into blocks of `trace.block_tokens`; of scope Session
/// they are those of its session alone. Rows of a session without ids have
/// those of its own history (OwnHistory), in blocks of 16 where nothing else is
/// said.
class TraceSource final : public RequestSource {
 public:
  /// REQUIRES: validate(spec) passed, spec.source is a TraceSpec, `bytes` is
  /// not null. Throws like open_rows().
  TraceSource(const WorkloadSpec& spec, std::uint64_t seed, std::unique_ptr<ByteSource> bytes);
  /// Of rows that have been opened; `again`: the same file once more, for
  /// `rate`.
  TraceSource(const WorkloadSpec& spec, std::uint64_t seed, TiedRows rows, std::string file,
              std::unique_ptr<ByteSource> again);

  /// Throws UserError for a row that is refused, and when nothing at all is
  /// replayed.
  [[nodiscard]] std::optional<Arrival> next() override;
  [[nodiscard]] std::optional<std::uint64_t> expected() const override;
  [[nodiscard]] std::optional<SimTime> horizon() const override;
  [[nodiscard]] std::vector<std::string> notes() const override { return rows_.rows().notes(); }

 private:
  [[nodiscard]] std::optional<Arrival> end();
  [[nodiscard]] bool next_in_window();
  [[nodiscard]] SimTime arrival_time();

  TraceSpec trace_;
  std::string file_;
  double speedup_;
  TiedRows rows_;
  std::optional<ArrivalClock> clock_;
  std::optional<SimTime> duration_;
  std::optional<std::uint64_t> requests_;
  std::vector<SloClass> classes_;
  OwnHistory histories_;
  TraceRecord record_;
  std::optional<std::int64_t> first_ns_;
  SimTime last_offset_;  // of the row read last, from the first row
  std::uint64_t sent_ = 0;
  bool any_ = false;
  bool ended_ = false;
};

}  // namespace tokenyard::workloads
