#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "workloads/request.hpp"
#include "workloads/traces/prefix_blocks.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::workloads {

/// One request of a session, and what it waits for.
struct Turn {
  std::uint32_t prompt_tokens = 1;  ///< the whole context
  std::uint32_t output_tokens = 1;
  std::vector<std::uint32_t> after{};    ///< earlier turns that must have ended; none = the session's beginning
  SimTime wait{};                        ///< from the end of the last of these until it is sent: think or tool time
  PromptPrefix prefix{};                 ///< as recorded; of drawn sessions made from `text` when it is sent
  std::vector<std::uint64_t> history{};  ///< as recorded: Fate::history_ids in the blocks of `prefix`
  bool repeated = false;                 ///< of drawn sessions: the answer stands in later prompts as it was given
  std::uint32_t text = 0;                ///< which of Session::texts its context is
  std::optional<std::uint64_t> keep{};   ///< of that text the first so many tokens are kept, and the rest is new
};

/// Requests that belong together, in an order in which each waits for earlier ones only.
struct Session {
  std::uint64_t name = 0;
  std::optional<SimTime> start{};  ///< absent: whenever a user is free
  ClassId slo_class{};
  std::uint32_t tenant = 0;
  std::int32_t priority = 0;
  std::vector<Turn> turns;  ///< >= 1
  std::vector<ContextNames> texts{};
};

/// Names of what a turn begins with, and of the answer behind it (Fate::history_ids).
struct TurnNames {
  PromptPrefix prefix{};
  std::vector<std::uint64_t> history{};
};
/// Of turn `index`. Cuts the text of a drawn session where the turn does: to be asked once a turn, and of those of one
/// text in order.
[[nodiscard]] TurnNames names_of(Session& session, std::size_t index);

/// Sessions one by one, in order of their starts where they have any.
class SessionFeed {
 public:
  virtual ~SessionFeed() = default;
  [[nodiscard]] virtual std::optional<Session> next() = 0;
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
};

}  // namespace tokenyard::workloads
