#include "workloads/session_source.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace tokenyard::workloads {
namespace {

/// Names of an answer in blocks of another size. `prefix`: of the prompt, in the size that `history` comes in.
[[nodiscard]] std::vector<std::uint64_t> reblocked_behind(const PromptPrefix& prefix,
                                                          const std::vector<std::uint64_t>& history,
                                                          std::uint32_t prompt_tokens, std::uint32_t block_tokens) {
  if (history.empty()) return {};
  PromptPrefix whole{.block_tokens = prefix.block_tokens, .ids = prefix.ids};
  whole.ids.resize(prompt_tokens / prefix.block_tokens);
  whole.ids.insert(whole.ids.end(), history.begin(), history.end());
  const std::uint64_t tokens = whole.ids.size() * std::uint64_t{whole.block_tokens};
  const std::vector<std::uint64_t> ids = reblocked(whole, tokens, block_tokens).ids;
  const std::size_t from = std::min<std::size_t>(prompt_tokens / block_tokens, ids.size());
  return {ids.begin() + static_cast<std::ptrdiff_t>(from),
          ids.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(from, tokens / block_tokens))};
}

}  // namespace

SessionSource::SessionSource(std::unique_ptr<SessionFeed> feed, const SessionPlay& play)
    : feed_(std::move(feed)), play_(play) {
  expect(feed_ != nullptr, "sessions come from a feed");
  if (!play_.users) draw_ahead();
  for (std::uint32_t user = 0; user < play_.users.value_or(0) && !feed_ended_; ++user) {
    if (auto session = feed_->next()) {
      begin(std::move(*session), SimTime{});
    } else {
      feed_ended_ = true;
    }
  }
  look_ahead();
}

bool SessionSource::is_stale(const Due& due) const {
  const Live* live = live_[due.slot].get();
  return live == nullptr || live->serial != due.serial || live->abandoned;
}

bool SessionSource::over(SimTime at) const {
  return (play_.requests && requests_ >= *play_.requests) || (play_.duration && at > *play_.duration);
}

void SessionSource::draw_ahead() {
  ahead_ = feed_->next();
  feed_ended_ = !ahead_;
  expect(!ahead_ || ahead_->start.has_value(), "a session that no user waits for has a start");
}

void SessionSource::begin(Session session, SimTime at) {
  expect(!session.turns.empty(), "a session has a turn");
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(live_.size());
    live_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  auto live = std::make_unique<Live>();
  live->serial = sessions_++;
  live->left = session.turns.size();
  for (const Turn& turn : session.turns) live->missing.push_back(static_cast<std::uint32_t>(turn.after.size()));
  live->session = std::move(session);
  live_[slot] = std::move(live);
  const std::vector<Turn>& turns = live_[slot]->session.turns;
  for (std::uint32_t turn = 0; turn < turns.size(); ++turn) {
    if (turns[turn].after.empty()) schedule(slot, turn, at + turns[turn].wait);
  }
}

void SessionSource::schedule(std::uint32_t slot, std::uint32_t turn, SimTime at) {
  due_.push({at, order_++, live_[slot]->serial, slot, turn});
}

/// Brings the turn that is due first to the top: no turns of sessions that were left, and no session unbegun that could
/// send before it.
void SessionSource::look_ahead() {
  while (true) {
    while (!due_.empty() && is_stale(due_.top())) due_.pop();
    if (!ahead_ || (!due_.empty() && *ahead_->start > due_.top().at)) return;
    const SimTime start = *ahead_->start;
    begin(std::move(*ahead_), start);
    draw_ahead();
  }
}

std::optional<SimTime> SessionSource::due() const {
  if (due_.empty() || over(due_.top().at)) return std::nullopt;
  return due_.top().at;
}

bool SessionSource::exhausted() const {
  if (play_.requests && requests_ >= *play_.requests) return true;
  return feed_ended_ && !ahead_ && live_.size() == free_.size();
}

std::optional<Arrival> SessionSource::next() {
  if (!due()) return std::nullopt;
  const Due due = due_.top();
  due_.pop();
  Live& live = *live_[due.slot];
  const Turn& turn = live.session.turns[due.turn];
  expect(requests_ <= std::numeric_limits<std::uint32_t>::max(), "there are fewer than 2^32 requests");
  const RequestId id{static_cast<std::uint32_t>(requests_++)};
  sent_.emplace(id.index(), Sent{due.slot, due.turn});
  ++live.in_flight;
  auto [prefix, history] = names_of(live.session, due.turn);
  const Session& session = live.session;
  if (play_.block_tokens > 0) {
    history = reblocked_behind(prefix, history, turn.prompt_tokens, play_.block_tokens);
    prefix = reblocked(prefix, turn.prompt_tokens, play_.block_tokens);
  }
  Arrival arrival{.request = {.id = id,
                              .arrival = due.at,
                              .prompt_tokens = turn.prompt_tokens,
                              .slo_class = session.slo_class,
                              .prefix = std::move(prefix),
                              .priority = session.priority,
                              .tenant = session.tenant,
                              .session = session.turns.size() > 1 ? std::optional(session.name) : std::nullopt},
                  .fate = {.output_tokens = turn.output_tokens, .history_ids = std::move(history)}};
  look_ahead();
  return arrival;
}

void SessionSource::on_end(RequestId request, SimTime now, Ending how) {
  const auto found = sent_.find(request.index());
  expect(found != sent_.end(), "an answer is to a request that was sent");
  const Sent sent = found->second;
  sent_.erase(found);
  Live& live = *live_[sent.slot];
  --live.in_flight;
  if (how == Ending::TimedOut || how == Ending::Rejected) {
    if (!live.abandoned) ++abandoned_;
    live.abandoned = true;
  } else if (how == Ending::Cancelled) {
    ++cancelled_;
  }
  --live.left;
  if (!live.abandoned) {
    const std::vector<Turn>& turns = live.session.turns;
    for (std::uint32_t later = sent.turn + 1; later < turns.size(); ++later) {
      for (const std::uint32_t waits_for : turns[later].after) {
        if (waits_for == sent.turn && --live.missing[later] == 0) schedule(sent.slot, later, now + turns[later].wait);
      }
    }
  }
  if (live.left == 0 || (live.abandoned && live.in_flight == 0)) finish(sent.slot, now);
  look_ahead();
}

/// The session is over; its user takes the next.
void SessionSource::finish(std::uint32_t slot, SimTime now) {
  live_[slot].reset();
  free_.push_back(slot);
  if (!play_.users || feed_ended_ || over(now)) return;
  if (auto session = feed_->next()) {
    begin(std::move(*session), now);
  } else {
    feed_ended_ = true;
  }
}

std::vector<std::string> SessionSource::notes() const {
  std::vector<std::string> all = feed_->notes();
  if (abandoned_ > 0) {
    all.push_back(std::to_string(abandoned_) + " sessions of " + std::to_string(sessions_) +
                  " were left because a user's patience ran out");
  }
  if (cancelled_ > 0) all.push_back(std::to_string(cancelled_) + " requests were cancelled by their users");
  return all;
}

}  // namespace tokenyard::workloads
