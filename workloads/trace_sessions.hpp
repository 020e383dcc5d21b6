#pragma once

#include "workloads/arrivals.hpp"
#include "workloads/session.hpp"
#include "workloads/spec.hpp"
#include "workloads/traces/byte_source.hpp"
#include "workloads/traces/checked_rows.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::workloads {

/// The sessions of a recorded trace. One that began o after the first starts at
/// (o - window_start) / speedup; starts outside of the window are left out.
/// Thinking is not sped up: it is the users', not the load's. Waits are cut to
/// `wait_cap`. With `trace.arrivals` they begin by those, with `trace.users`
/// whenever one of them is free; sessions without recorded starts need one of
/// the two and have no window. Turns one behind the other without prefix ids
/// have those of their session's own history (OwnHistory).
class TraceSessions final : public SessionFeed {
 public:
  /// REQUIRES: rows.order() is Sessions. Throws UserError when it is not known
  /// when sessions begin, or when a window or speedup is asked of starts that
  /// were not recorded.
  TraceSessions(CheckedRows rows, const WorkloadSpec& spec, std::uint64_t seed, std::string file);

  [[nodiscard]] std::optional<Session> next() override;
  [[nodiscard]] std::vector<std::string> notes() const override { return rows_.notes(); }

 private:
  [[nodiscard]] bool read_session(std::vector<TraceRecord>& turns);
  [[nodiscard]] std::optional<SimTime> into_window(const TraceRecord& first);
  [[nodiscard]] Session session_of(const std::vector<TraceRecord>& turns) const;

  CheckedRows rows_;
  TraceSpec trace_;
  std::vector<SloClass> classes_;
  std::string file_;
  std::optional<ArrivalClock> clock_;
  std::optional<TraceRecord> ahead_;  // first turn of the next session
  std::optional<std::int64_t> first_ns_;
  std::uint64_t given_ = 0;
  bool uses_starts_ = false;
  bool ended_ = false;
};

}  // namespace tokenyard::workloads
