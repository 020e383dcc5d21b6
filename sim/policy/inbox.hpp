#pragma once

#include "sim/policy/batch_rules.hpp"

#include <cstdint>
#include <optional>

namespace tokenyard::policy {

/// Which requests of its queue SGLang's scheduler has taken over from the processes before it: it looks once in so many
/// turns of its loop, where a turn after a decode step counts 1 and one after a batch of prompts 1,000. Turns without a
/// batch count 1 and take no time here, so a scheduler that has nothing to do looks at once. Source: SGLang,
/// python/sglang/srt/managers/scheduler_recv_skipper.py, as restated in docs/engines.md.
class Inbox {
 public:
  /// REQUIRES: interval >= 1.
  explicit Inbox(std::uint32_t interval) : interval_(interval) {}

  /// The loop comes round, with `steps` composed so far: `unasked` turns after decode steps without these rules, and
  /// then this one. `idle`: nothing runs.
  void turn(std::uint64_t steps, std::uint64_t unasked, bool idle) {
    turns_ += weight_;
    if (turns_ >= interval_) look(steps - unasked);
    turns_ += unasked;
    if (turns_ >= interval_) look(steps - turns_ % interval_, turns_ % interval_);
    if (idle) look(steps);
  }
  /// What the turn has run.
  void ran(bool prompts) { weight_ = prompts ? kPromptTurn : 1; }

  /// Head of the queue, if the scheduler has seen it.
  [[nodiscard]] std::optional<Candidate> head(const Desk& desk) const {
    auto candidate = desk.candidate();
    if (candidate && !sees(*candidate)) candidate.reset();
    return candidate;
  }
  [[nodiscard]] bool sees(const Candidate& candidate) const { return candidate.came <= seen_; }

 private:
  static constexpr std::uint64_t kPromptTurn = 1000;

  /// The last look was when so many steps were composed, `turns` turns ago.
  void look(std::uint64_t steps, std::uint64_t turns = 0) {
    seen_ = steps;
    turns_ = turns;
  }

  std::uint64_t interval_;
  std::uint64_t turns_ = 0;  // since the last look
  std::uint64_t weight_ = 1;
  std::uint64_t seen_ = 0;  // requests that came by then are the scheduler's
};

}  // namespace tokenyard::policy
