#include "workloads/trace_sessions.hpp"

#include "models/base/errors.hpp"
#include "workloads/own_history.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tokenyard::workloads {
namespace {

/// What the first turn that waits for turn `index` calls the blocks of its
/// answer, if it begins with prompt and answer.
void name_answer(std::vector<Turn>& turns, std::size_t index) {
  Turn& turn = turns[index];
  const std::uint64_t block = turn.prefix.block_tokens;
  if (turn.prefix.ids.empty() || turn.prefix.ids.size() < turn.prompt_tokens / block) return;
  const auto next = std::find_if(
      turns.begin() + static_cast<std::ptrdiff_t>(index), turns.end(),
      [&](const Turn& later) { return std::find(later.after.begin(), later.after.end(), index) != later.after.end(); });
  if (next == turns.end() || next->prefix.block_tokens != block) return;
  const auto from = static_cast<std::ptrdiff_t>(turn.prompt_tokens / block);
  const auto until = static_cast<std::ptrdiff_t>((std::uint64_t{turn.prompt_tokens} + turn.output_tokens) / block);
  const std::vector<std::uint64_t>& ids = next->prefix.ids;
  if (static_cast<std::ptrdiff_t>(next->prompt_tokens / block) < until ||
      static_cast<std::ptrdiff_t>(ids.size()) < until)
    return;
  if (!std::equal(ids.begin(), ids.begin() + from, turn.prefix.ids.begin())) return;
  turn.history.assign(ids.begin() + from, ids.begin() + until);
}

/// Several turns, each behind the one before it, of which the trace does not
/// say what they begin with.
[[nodiscard]] bool is_chain_without_ids(const std::vector<TraceRecord>& turns) {
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (!turns[i].prefix.ids.empty()) return false;
    if (i > 0 && (turns[i].after.size() != 1 || turns[i].after.front() != i - 1)) return false;
  }
  return turns.size() > 1;
}

}  // namespace

TraceSessions::TraceSessions(CheckedRows rows, const WorkloadSpec& spec, std::uint64_t seed, std::string file)
    : rows_(std::move(rows)), trace_(std::get<TraceSpec>(spec.source)), classes_(spec.classes), file_(std::move(file)) {
  expect(rows_.order() == TraceOrder::Sessions, "sessions are read from sessions");
  if (trace_.arrivals) clock_.emplace(*trace_.arrivals, RandomStream{seed, "workload.arrivals"});
  TraceRecord first;
  if (rows_.next(first)) ahead_ = std::move(first);
  const bool known = rows_.starts_known() && ahead_ && ahead_->at_ns;
  if (ahead_ && !known && !clock_ && !trace_.users) {
    throw UserError(file_ +
                    ": does not say when its sessions began; give "
                    "trace.users, such as 8, or trace.arrivals, such "
                    "as {kind: poisson, rate: 1 /min}");
  }
  const bool windowed = trace_.window || trace_.window_start > SimTime{};
  if (ahead_ && !known && (windowed || trace_.speedup != 1.0)) {
    throw UserError(file_ +
                    ": does not say when its sessions began; window, window_start "
                    "and speedup are of the times of a "
                    "trace, workload.requests and duration end a run without them");
  }
  uses_starts_ = windowed || (!clock_ && !trace_.users);
}

/// Where the session that begins with `first` begins in the window; nothing
/// when it begins outside.
std::optional<SimTime> TraceSessions::into_window(const TraceRecord& first) {
  if (!first.at_ns)
    rows_.fail("time",
               "this session has no start, though the first one has; "
               "give trace.arrivals");
  if (!first_ns_) first_ns_ = rows_.origin_ns().value_or(*first.at_ns);
  const SimTime into = SimTime{*first.at_ns - *first_ns_} - trace_.window_start;
  ended_ = trace_.window && into >= *trace_.window;
  if (ended_ || into < SimTime{}) return std::nullopt;
  return into;
}

/// The turns of the next session; false at the end.
bool TraceSessions::read_session(std::vector<TraceRecord>& turns) {
  turns.clear();
  if (!ahead_) return false;
  turns.push_back(std::move(*ahead_));
  ahead_.reset();
  TraceRecord record;
  while (rows_.next(record)) {
    if (record.turn == 0) {
      ahead_ = std::move(record);
      break;
    }
    turns.push_back(std::move(record));
    record = {};
  }
  return true;
}

Session TraceSessions::session_of(const std::vector<TraceRecord>& turns) const {
  const TraceRecord& first = turns.front();
  Session session{.name = first.session.value_or(given_),
                  .slo_class = class_named(classes_, first.category),
                  .tenant = first.tenant,
                  .priority = first.priority};
  for (const TraceRecord& record : turns) {
    std::int64_t wait = std::max<std::int64_t>(record.wait_ns.value_or(0), 0);
    if (trace_.wait_cap) wait = std::min(wait, trace_.wait_cap->ns());
    session.turns.push_back({.prompt_tokens = static_cast<std::uint32_t>(record.prompt_tokens),
                             .output_tokens = static_cast<std::uint32_t>(record.output_tokens),
                             .after = record.after,
                             .wait = SimTime{wait},
                             .prefix = record.prefix});
  }
  if (is_chain_without_ids(turns)) {
    OwnHistory history(trace_.block_tokens);
    for (std::size_t i = 0; i < turns.size(); ++i) {
      Turn& turn = session.turns[i];
      auto [prefix, answer] = history.next(session.name, turn.prompt_tokens, turn.output_tokens, turns[i].lost_front);
      turn.prefix = std::move(prefix);
      turn.history = std::move(answer);
    }
    return session;
  }
  for (std::size_t i = 0; i < session.turns.size(); ++i) {
    if (turns[i].answer) {
      session.turns[i].history = *turns[i].answer;
    } else {
      name_answer(session.turns, i);
    }
  }
  return session;
}

std::optional<Session> TraceSessions::next() {
  std::vector<TraceRecord> turns;
  while (!ended_) {
    if (!read_session(turns)) break;
    constexpr std::int64_t kLongestWait_ns = 1'000'000'000'000'000'000;  // 31 years
    for (const TraceRecord& turn : turns) {
      if (turn.wait_ns.value_or(0) > kLongestWait_ns)
        rows_.fail("wait", "of a turn of this session is longer than 1e9 s");
    }
    std::optional<SimTime> into;
    if (uses_starts_ && !(into = into_window(turns.front()))) continue;
    Session session = session_of(turns);
    ++given_;
    if (clock_) {
      session.start = SimTime::from(clock_->next());
    } else if (!trace_.users) {
      session.start = SimTime{std::llround(static_cast<double>(into->ns()) / trace_.speedup)};
    }
    return session;
  }
  ended_ = true;
  if (given_ == 0)
    throw UserError(file_ +
                    ": no session to replay: all are outside of the "
                    "window, or were dropped");
  return std::nullopt;
}

}  // namespace tokenyard::workloads
