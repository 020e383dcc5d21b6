#pragma once

#include "workloads/traces/json_value.hpp"
#include "workloads/traces/line_reader.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

namespace tokenyard::workloads {

/// Sessions of coding agents as kv-cache-tester (WEKA, github.com/callanjfox/kv-cache-tester) records them: a JSON
/// object a session, one behind the other or a file each in a folder. Prefix ids as `hash_ids`, or run-length coded as
/// `hash_ranges` [[first, count], ...]; they are local to a session, and so are their names here.
///
/// A turn waits for the one before it and `think_time` seconds (the first of a sub-agent: the recorded gap). The turns
/// of a sub-agent form a chain of their own, which begins when the turn before it in the list has ended; the next turn
/// of the list waits for all sub-agents in between. Where a turn has no think_time, the time between its `t` and the
/// end of its predecessor (t + api_time) is taken.
class WekaReader final : public TraceReader {
 public:
  explicit WekaReader(LineReader lines);

  [[nodiscard]] bool next(TraceRecord& record) override;
  [[nodiscard]] std::string place() const override;
  [[nodiscard]] TraceOrder order() const override { return TraceOrder::Sessions; }
  [[nodiscard]] bool starts_known() const override { return false; }

 private:
  struct Chain {                       // where in the session a list of turns stands
    std::vector<std::uint32_t> after;  // what its next turn waits for
    double end_s = 0.0;                // when the last of these ended, on the recorded clock
    bool begins = false;               // a sub-agent's, before its first turn
  };
  void read_session(const JsonValue& session);
  void read_turns(const JsonValue& turns, double begin_s, Chain& chain);
  void read_turn(const JsonValue& turn, double begin_s, Chain& chain);

  LineReader lines_;
  JsonParser parser_;
  std::unordered_set<std::uint64_t> seen_;  // digests of the sessions so far; looked up only
  std::vector<TraceRecord> session_;
  std::size_t given_ = 0;
  std::uint64_t sessions_ = 0;
  std::uint32_t block_tokens_ = 64;
};

}  // namespace tokenyard::workloads
