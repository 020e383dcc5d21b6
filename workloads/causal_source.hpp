#pragma once

#include "workloads/request_source.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

namespace tokenyard::workloads {

/// Rows of conversations in their order of cause: a row whose session has an answer outstanding is sent when that has
/// ended, and else at its own time. Where what is simulated is slower than what was recorded, an open loop would send
/// the next question before the answer to the last. Rows without a session pass unchanged. Holds the rows that wait and
/// one entry for every session with an answer outstanding.
class CausalSource final : public RequestSource {
 public:
  /// `rows`: in order of arrival, not interactive.
  explicit CausalSource(std::unique_ptr<RequestSource> rows);

  [[nodiscard]] bool interactive() const override { return true; }
  [[nodiscard]] std::optional<SimTime> due() const override;
  /// Nothing when what is due has to wait for an answer after all.
  [[nodiscard]] std::optional<Arrival> next() override;
  void on_end(RequestId request, SimTime now, Ending how) override;
  [[nodiscard]] bool exhausted() const override { return !ahead_ && ready_.empty() && held_ == 0; }

  [[nodiscard]] std::optional<std::uint64_t> expected() const override { return rows_->expected(); }
  [[nodiscard]] std::optional<SimTime> horizon() const override { return rows_->horizon(); }
  [[nodiscard]] std::vector<std::string> notes() const override;

 private:
  std::unique_ptr<RequestSource> rows_;
  std::optional<Arrival> ahead_;
  std::deque<Arrival> ready_;  // waited, may be sent now; in order
  std::unordered_map<std::uint64_t, std::deque<Arrival>>
      waiting_;  // by session with an answer outstanding; looked up only
  std::unordered_map<std::uint32_t, std::uint64_t> session_of_;  // by request sent; looked up only
  std::uint64_t sent_ = 0;
  std::uint64_t delayed_ = 0;
  std::uint64_t held_ = 0;
};

}  // namespace tokenyard::workloads
