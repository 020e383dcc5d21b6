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
/// A turn waits for the one before it and `think_time` seconds. The turns of a sub-agent form a chain of their own
/// behind the turn before it in the list, and begin at its `t` - `duration_ms`: in 57 of the 59 recorded ones that have
/// a duration that is within 30 s after that turn's end, and `t` is where it ends. One without a duration was launched
/// at `t` and goes on beside the turns behind it. The first turn that was sent after a sub-agent had ended waits for it
/// too. The first turn of a sub-agent, a turn that waits for sub-agents and one without think_time wait for the
/// recorded gap between the last end (t + api_time) of what they wait for and their own `t`.
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
    bool recorded_gap = false;         // the next turn waits for what was between end_s and its own t
  };
  [[nodiscard]] static double begin_of(const JsonValue& sub_agent);
  /// Lets the next turn of `chain` wait for the branches that had ended at `now_s`, and leaves the others.
  static void join(Chain& chain, std::vector<Chain>& branches, double now_s);
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
