#include "workloads/causal_source.hpp"

#include "models/base/errors.hpp"

#include <utility>

namespace tokenyard::workloads {

CausalSource::CausalSource(std::unique_ptr<RequestSource> rows) : rows_(std::move(rows)) {
  expect(rows_ != nullptr && !rows_->interactive(), "rows have times of their own");
  ahead_ = rows_->next();
}

std::optional<SimTime> CausalSource::due() const {
  if (!ready_.empty()) return ready_.front().request.arrival;
  if (ahead_) return ahead_->request.arrival;
  return std::nullopt;
}

std::optional<Arrival> CausalSource::next() {
  std::optional<Arrival> arrival;
  if (!ready_.empty()) {
    arrival = std::move(ready_.front());
    ready_.pop_front();
  } else if (ahead_) {
    arrival = std::move(*ahead_);
    ahead_ = rows_->next();
    if (arrival->request.session) {
      const auto busy = waiting_.find(*arrival->request.session);
      if (busy != waiting_.end()) {
        ++delayed_;
        ++held_;
        busy->second.push_back(std::move(*arrival));
        return std::nullopt;
      }
      waiting_.try_emplace(*arrival->request.session);
    }
  }
  if (!arrival) return std::nullopt;
  arrival->request.id = RequestId{static_cast<std::uint32_t>(sent_++)};
  if (arrival->request.session) session_of_.emplace(arrival->request.id.index(), *arrival->request.session);
  return arrival;
}

void CausalSource::on_end(RequestId request, SimTime now, Ending) {
  const auto found = session_of_.find(request.index());
  if (found == session_of_.end()) return;
  const auto waiting = waiting_.find(found->second);
  expect(waiting != waiting_.end(), "a session with an answer outstanding is known");
  session_of_.erase(found);
  if (waiting->second.empty()) {
    waiting_.erase(waiting);
    return;
  }
  Arrival& arrival = waiting->second.front();
  arrival.request.arrival = now;
  ready_.push_back(std::move(arrival));
  waiting->second.pop_front();
  --held_;
}

std::vector<std::string> CausalSource::notes() const {
  std::vector<std::string> all = rows_->notes();
  if (delayed_ > 0) {
    all.push_back(std::to_string(delayed_) +
                  " requests were sent later than recorded: the answer before them in their session had not ended");
  }
  return all;
}

}  // namespace tokenyard::workloads
