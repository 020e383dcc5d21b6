#include "workloads/impatient_source.hpp"

#include "models/base/errors.hpp"
#include "workloads/lengths.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace tokenyard::workloads {
namespace {

constexpr double kLongestWait_s = 9.0e7;  // an arrival and this stay within SimTime
constexpr std::uint32_t kMostDoublings = 20;

}  // namespace

bool is_impatient(const std::vector<SloClass>& classes) {
  return std::any_of(classes.begin(), classes.end(), [](const SloClass& one) { return one.patience.has_value(); });
}

bool tries_again(const std::vector<SloClass>& classes) {
  return std::any_of(classes.begin(), classes.end(),
                     [](const SloClass& one) { return one.patience && one.patience->attempts > 1; });
}

ImpatientSource::ImpatientSource(std::unique_ptr<RequestSource> source, const std::vector<SloClass>& classes,
                                 std::uint64_t seed, std::optional<SimTime> duration)
    : source_(std::move(source)), duration_(duration), tries_again_(tries_again(classes)) {
  for (const SloClass& one : classes) {
    specs_.push_back(one.patience);
    streams_.emplace_back(seed, "workload.patience." + one.name);
  }
  if (tries_again_ && !source_->interactive()) ahead_ = source_->next();
}

Patience ImpatientSource::draw(ClassId slo_class) {
  const std::optional<PatienceSpec>& spec = specs_.at(slo_class.index());
  Patience patience;
  if (!spec) return patience;
  RandomStream& stream = streams_[slo_class.index()];
  const auto span = [&](const TimeSpec& law) {
    // A user who leaves at once would not have asked.
    return std::max(SimTime{1}, SimTime::from(Seconds{std::min(draw_seconds(law, stream), kLongestWait_s)}));
  };
  if (spec->first_token) patience.first_token = span(*spec->first_token);
  if (spec->answer) patience.answer = span(*spec->answer);
  if (spec->cancel > 0.0 && stream.uniform01() < spec->cancel) {
    const SimTime enough = span(*spec->cancel_after);
    patience.seen_enough = enough < patience.answer;
    patience.answer = std::min(patience.answer, enough);
  }
  return patience;
}

std::uint32_t ImpatientSource::attempts_of(const Arrival& arrival) const {
  const std::optional<PatienceSpec>& spec = specs_.at(arrival.request.slo_class.index());
  return spec ? spec->attempts : 1;
}

std::optional<SimTime> ImpatientSource::source_due() const {
  if (source_->interactive()) return source_->due();
  return ahead_ ? std::optional(ahead_->request.arrival) : std::nullopt;
}

std::optional<SimTime> ImpatientSource::due() const {
  const std::optional<SimTime> first = source_due();
  if (again_.empty() || (first && *first <= again_.top().at)) return first;
  return again_.top().at;
}

std::optional<Arrival> ImpatientSource::from_source() {
  if (source_->interactive()) return source_->next();
  return ahead_ ? std::exchange(ahead_, source_->next()) : std::nullopt;
}

std::optional<Arrival> ImpatientSource::next() {
  if (!tries_again_) {
    std::optional<Arrival> arrival = source_->next();
    if (arrival) arrival->fate.patience = draw(arrival->request.slo_class);
    return arrival;
  }
  const std::optional<SimTime> first = source_due();
  if (again_.empty() || (first && *first <= again_.top().at)) {
    std::optional<Arrival> arrival = from_source();
    if (!arrival) return std::nullopt;
    const SimTime at = arrival->request.arrival;
    return send({.arrival = std::move(*arrival)}, at);
  }
  const Due due = again_.top();
  again_.pop();
  free_.push_back(due.attempt);
  ++retried_;
  return send(std::move(waiting_[due.attempt]), due.at);
}

Arrival ImpatientSource::send(Attempt attempt, SimTime at) {
  expect(sent_ <= std::numeric_limits<std::uint32_t>::max(), "there are fewer than 2^32 requests");
  Arrival arrival = attempt.arrival;
  arrival.request.id = RequestId{static_cast<std::uint32_t>(sent_++)};
  arrival.request.arrival = at;
  arrival.fate.patience = draw(arrival.request.slo_class);
  in_flight_.emplace(arrival.request.id.index(), std::move(attempt));
  return arrival;
}

void ImpatientSource::on_end(RequestId request, SimTime now, Ending how) {
  if (!tries_again_) {
    source_->on_end(request, now, how);
    return;
  }
  const auto found = in_flight_.find(request.index());
  expect(found != in_flight_.end(), "an end is of a request that was sent");
  Attempt attempt = std::move(found->second);
  in_flight_.erase(found);
  if (how == Ending::TimedOut || how == Ending::Rejected) {
    const std::uint32_t doublings = std::min(attempt.number - 1, kMostDoublings);
    const auto& spec = specs_.at(attempt.arrival.request.slo_class.index());
    const SimTime at = now + SimTime::from(spec->backoff) * (std::int64_t{1} << doublings);
    if (attempt.number < attempts_of(attempt.arrival) && !(duration_ && at > *duration_)) {
      ++attempt.number;
      if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(waiting_.size()));
        waiting_.emplace_back();
      }
      waiting_[free_.back()] = std::move(attempt);
      again_.push({at, order_++, free_.back()});
      free_.pop_back();
      return;
    }
    ++lost_;
  }
  if (source_->interactive()) source_->on_end(attempt.arrival.request.id, now, how);
}

bool ImpatientSource::exhausted() const {
  if (!tries_again_) return source_->exhausted();
  return again_.empty() && in_flight_.empty() && (source_->interactive() ? source_->exhausted() : !ahead_.has_value());
}

std::vector<std::string> ImpatientSource::notes() const {
  std::vector<std::string> all = source_->notes();
  if (retried_ + lost_ > 0) {
    all.push_back(std::to_string(retried_) + " of the requests are further attempts after a time-out or a rejection; " +
                  std::to_string(lost_) + " users gave up for good");
  }
  return all;
}

}  // namespace tokenyard::workloads
