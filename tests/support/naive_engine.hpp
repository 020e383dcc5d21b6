#pragma once

#include "tests/support/scripted.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

namespace tokenyard::test {

/// One engine played in the plainest way: every request by itself, every step by itself, no KV limit. Slow, and shares
/// no code with sim/serving; what the two agree on is no accident of either.
/// Rules: scheduling study section 2 (running first, then first come; a prompt is cut to the budget; the step that
/// completes it gives the first token; `depth` steps in flight; a request whose last token is in flight keeps its
/// slot).
class NaiveEngine {
 public:
  struct Settings {
    std::uint32_t slots = 256;
    std::uint32_t budget = 2048;
    std::uint32_t depth = 2;
    bool one_token_chunk_decodes = true;  ///< price a chunk of one token like a decode
  };
  struct Stamps {
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
  };
  using Price = std::function<std::int64_t(const cost::StepShape&)>;

  NaiveEngine(const Settings& settings, Price price) : settings_(settings), price_(std::move(price)) {}

  /// Plays all of `rows` (in order of arrival); stamps in their order.
  std::vector<Stamps> play(const std::vector<ScriptedSource::Row>& rows) {
    requests_.clear();
    for (const auto& row : rows) requests_.push_back({.row = row});
    next_ = 0;
    now_ = 0;
    while (true) {
      take_arrivals();
      while (flights_.size() < settings_.depth && compose()) {
      }
      if (!flights_.empty()) {
        complete();
      } else if (next_ < requests_.size()) {
        now_ = requests_[next_].row.arrival_ns;
      } else {
        break;
      }
    }
    std::vector<Stamps> stamps;
    for (const Request& request : requests_) stamps.push_back(request.stamps);
    return stamps;
  }

  std::uint64_t steps = 0;  ///< of all calls of play()
  std::uint64_t one_token_chunks = 0;

 private:
  struct Request {
    ScriptedSource::Row row;
    std::uint32_t computed = 0;
    std::uint32_t planned = 0;  ///< output tokens in flight or handed out
    std::uint32_t given = 0;
    Stamps stamps{};
  };
  struct Flight {
    std::int64_t end_ns;
    std::vector<std::size_t> give;
  };

  void take_arrivals() {
    while (next_ < requests_.size() && requests_[next_].row.arrival_ns <= now_) waiting_.push_back(next_++);
  }

  bool compose() {
    Flight flight;
    cost::StepShape shape;
    std::uint32_t left = settings_.budget;
    for (const std::size_t id : running_) put(id, left, shape, flight);
    while (left > 0 && !waiting_.empty() && running_.size() < settings_.slots) {
      running_.push_back(waiting_.front());
      waiting_.pop_front();
      put(running_.back(), left, shape, flight);
    }
    if (shape.tokens() == 0) return false;
    const std::int64_t start = flights_.empty() ? now_ : std::max(now_, flights_.back().end_ns);
    flight.end_ns = start + price_(shape);
    flights_.push_back(std::move(flight));
    ++steps;
    return true;
  }

  void put(std::size_t id, std::uint32_t& left, cost::StepShape& shape, Flight& flight) {
    Request& request = requests_[id];
    const bool prompt = request.computed < request.row.prompt;
    if (left == 0 || (!prompt && request.planned == request.row.output)) return;
    const std::uint32_t tokens = prompt ? std::min(left, request.row.prompt - request.computed) : 1;
    if (prompt && tokens == 1) ++one_token_chunks;
    if (!prompt || (tokens == 1 && settings_.one_token_chunk_decodes)) {
      shape.decodes += 1;
      shape.decode_context += request.computed + 1;
    } else {
      shape.chunks += 1;
      shape.prefill_tokens += tokens;
      shape.prefill_area_x2 += std::uint64_t{tokens} * (2 * std::uint64_t{request.computed} + tokens);
    }
    left -= tokens;
    request.computed += tokens;
    if (request.computed < request.row.prompt) return;
    ++request.planned;
    flight.give.push_back(id);
  }

  void complete() {
    now_ = flights_.front().end_ns;
    for (const std::size_t id : flights_.front().give) {
      Request& request = requests_[id];
      if (request.given++ == 0) request.stamps.first_ns = now_;
      if (request.given < request.row.output) continue;
      request.stamps.last_ns = now_;
      running_.erase(std::find(running_.begin(), running_.end(), id));
    }
    flights_.pop_front();
  }

  Settings settings_;
  Price price_;
  std::vector<Request> requests_;
  std::size_t next_ = 0;
  std::int64_t now_ = 0;
  std::deque<std::size_t> waiting_;
  std::vector<std::size_t> running_;
  std::deque<Flight> flights_;
};

}  // namespace tokenyard::test
