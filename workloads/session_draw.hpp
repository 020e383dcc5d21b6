#pragma once

#include "workloads/arrivals.hpp"
#include "workloads/client_draw.hpp"
#include "workloads/session.hpp"
#include "workloads/spec.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace tokenyard::workloads {

/// Sessions drawn from distributions: conversations, agents, and single requests as sessions of one turn. All that a
/// session will ask is drawn when it begins; when it asks is up to those who answer. Every client NAME has streams of
/// its own: "workload.turns.NAME", "workload.append.NAME", "workload.wait.NAME", "workload.reasoning.NAME",
/// "workload.agents.NAME".
///
/// The context of a conversation is the shared prefix, and all prompts and answers so far less what was thought
/// (ClientSpec::reasoning). An agent's is cut to compact_to tokens when the next step would exceed compact_at;
/// sub-agents begin with the shared prefix and a context of their own. A session ends before it exceeds the workload's
/// session_context, and one whose first request does is left out; notes() counts both.
class SessionDraw final : public SessionFeed {
 public:
  /// REQUIRES: validate(spec) passed, spec.source is a SyntheticSpec. In a closed loop sessions have no start.
  SessionDraw(const WorkloadSpec& spec, std::uint64_t seed);

  [[nodiscard]] std::optional<Session> next() override;
  [[nodiscard]] std::vector<std::string> notes() const override;

 private:
  struct Streams {
    RandomStream turns;
    RandomStream append;
    RandomStream wait;
    RandomStream reasoning;
    RandomStream agents;
  };
  /// A line of turns over one text.
  struct Line {
    std::uint32_t text = 0;
    std::uint64_t tokens = 0;            // of the text so far
    std::vector<std::uint32_t> after{};  // what its next turn waits for
  };

  /// Adds a turn; false when it would exceed the context, and nothing is added.
  [[nodiscard]] bool add_turn(Session& session, Line& line, std::uint64_t new_tokens, std::uint32_t output,
                              SimTime wait, std::size_t client);
  void tell(Session& session);
  void converse(const SessionSpec& spec, Session& session, Line line, std::size_t client);
  void work(const AgentSpec& spec, Session& session, Line line, std::size_t client, std::uint64_t group);
  void fan_out(const AgentSpec& spec, Session& session, Line& line, std::size_t client, std::uint64_t group);
  [[nodiscard]] SimTime draw_wait(const TimeSpec& spec, std::size_t client);
  [[nodiscard]] std::uint32_t add_text(Session& session, std::size_t client, std::uint64_t group) const;

  ClientMix clients_;
  std::vector<Streams> streams_;  // by client of the mix
  std::optional<ArrivalClock> clock_;
  std::optional<SimTime> duration_;
  std::uint32_t block_tokens_;
  std::uint64_t max_context_;
  std::uint64_t seed_;
  std::uint64_t sessions_ = 0;
  std::uint64_t cut_short_ = 0;
  std::uint64_t left_out_ = 0;
};

/// Whether some client's arrivals bring more than a request each.
[[nodiscard]] bool tells_stories(const SyntheticSpec& spec);

}  // namespace tokenyard::workloads
