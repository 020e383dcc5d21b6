#pragma once

#include "workloads/request_source.hpp"
#include "workloads/session.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

namespace tokenyard::workloads {

/// How sessions are begun and ended.
struct SessionPlay {
  /// Users who each play one session after the other, all from time 0; absent: sessions begin at their starts.
  std::optional<std::uint32_t> users{};
  std::optional<SimTime> duration{};        ///< no request is sent after this; sessions then break off
  std::optional<std::uint64_t> requests{};  ///< at most so many
  std::uint32_t block_tokens = 0;           ///< recorded prefix ids are put into blocks of so many; 0 = as they are
};

/// Plays sessions against whatever serves them: a turn is sent when all it waits for has ended and been thought about,
/// however long that took. Whose patience runs out (ImpatientSource may ask again before it says so) leaves the
/// session; whose answer is cancelled goes on. Holds the sessions that have begun and not ended.
class SessionSource final : public RequestSource {
 public:
  SessionSource(std::unique_ptr<SessionFeed> feed, const SessionPlay& play);

  [[nodiscard]] bool interactive() const override { return true; }
  [[nodiscard]] std::optional<SimTime> due() const override;
  /// The request that is due first. REQUIRES: due() gave an instant, not in the past of any earlier call.
  [[nodiscard]] std::optional<Arrival> next() override;
  void on_end(RequestId request, SimTime now, Ending how) override;
  [[nodiscard]] bool exhausted() const override;

  [[nodiscard]] std::optional<std::uint64_t> expected() const override { return play_.requests; }
  [[nodiscard]] std::optional<SimTime> horizon() const override { return play_.duration; }
  [[nodiscard]] std::vector<std::string> notes() const override;

 private:
  struct Live {  // a session that has begun
    Session session;
    std::uint64_t serial = 0;
    std::vector<std::uint32_t> missing;  // by turn: what it still waits for
    std::size_t left = 0;                // turns not ended
    bool abandoned = false;
    std::size_t in_flight = 0;
  };
  struct Due {
    SimTime at;
    std::uint64_t order;   // of being known: breaks ties
    std::uint64_t serial;  // of the session: its slot may be another's by now
    std::uint32_t slot;
    std::uint32_t turn;
    friend bool operator>(const Due& a, const Due& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  };
  struct Sent {
    std::uint32_t slot;
    std::uint32_t turn;
  };

  void draw_ahead();
  void look_ahead();
  void begin(Session session, SimTime at);
  void schedule(std::uint32_t slot, std::uint32_t turn, SimTime at);
  void finish(std::uint32_t slot, SimTime now);
  [[nodiscard]] bool over(SimTime at) const;
  [[nodiscard]] bool is_stale(const Due& due) const;

  std::unique_ptr<SessionFeed> feed_;
  SessionPlay play_;
  std::optional<Session> ahead_;  // the next to begin at its start
  bool feed_ended_ = false;
  std::vector<std::unique_ptr<Live>> live_;
  std::vector<std::uint32_t> free_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::unordered_map<std::uint32_t, Sent> sent_;  // by request; looked up only
  std::uint64_t order_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t sessions_ = 0;
  std::uint64_t cancelled_ = 0;
  std::uint64_t abandoned_ = 0;
};

}  // namespace tokenyard::workloads
