#pragma once

#include "workloads/request.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::workloads {

/// One request as a trace recorded it, in the terms of every format. Token counts may be 0 here: whether that is a
/// fault is for CheckedRows to say.
struct TraceRecord {
  /// On the trace's own clock: since 1970 UTC, or since some beginning. Of a turn inside a session whose clock is its
  /// own, since the session's beginning. Nothing where the trace holds lengths only.
  std::optional<std::int64_t> at_ns{};
  std::uint64_t prompt_tokens = 0;  ///< the whole context, history included
  std::uint64_t output_tokens = 0;
  PromptPrefix prefix{};
  std::string category{};   ///< kind of request, in the trace's words ("Conversation log"); empty = none
  bool failed = false;      ///< the recorded service gave no answer
  bool lost_front = false;  ///< mended: the beginning of its prompt is not the recorded one
  bool duplicate = false;   ///< its session has stood in the trace before, with another name
  std::int32_t priority = 0;
  std::uint32_t tenant = 0;

  std::optional<std::int64_t> elapsed_ns{};  ///< how long the recorded service took
  std::optional<std::uint64_t>
      shared_tokens{};  ///< of formats that say how much instead of what: shared with the text before

  // ---- of a request that belongs with others ----
  std::optional<std::uint64_t> session{};
  std::uint32_t turn = 0;  ///< place in its session, from 0, in order of the trace
  /// Turns of its session that must have ended before it is sent; always earlier ones. Empty: none, as of the first.
  std::vector<std::uint32_t> after{};
  std::optional<std::int64_t> wait_ns{};  ///< from the end of the last of these (or the session's beginning)
  /// Names of the blocks of its answer as later turns repeat it (Fate::history_ids); absent: told by those turns.
  std::optional<std::vector<std::uint64_t>> answer{};

  /// As if new, but its vectors and texts keep their memory.
  void clear() {
    at_ns.reset();
    prompt_tokens = 0;
    output_tokens = 0;
    prefix.block_tokens = 0;
    prefix.ids.clear();
    category.clear();
    failed = false;
    lost_front = false;
    duplicate = false;
    priority = 0;
    tenant = 0;
    elapsed_ns.reset();
    shared_tokens.reset();
    session.reset();
    turn = 0;
    after.clear();
    wait_ns.reset();
    answer.reset();
  }
};

}  // namespace tokenyard::workloads
