#pragma once

#include "models/base/sim_time.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tokenyard::serving {

/// Work of the processes between the users and the scheduler of an instance; none by default.
struct FrontEndSpec {
  SimTime per_request;        ///< parse and check a call, whatever its length
  SimTime per_prompt_token;   ///< tokenise
  SimTime per_output_token;   ///< turn a token into text and send it
  std::uint32_t workers = 1;  ///< processes that share the work
  SimTime latency{};          ///< of a call, in which no worker is busy: connections, queues between processes
  SimTime way_back{};         ///< from there to the user, any number of tokens at once
};

/// The front end of one instance as two queues, first come first served.
///   in   a call waits for the worker that is free first and takes per_request + prompt * per_prompt_token of it;
///        latency later the scheduler has it
///   out  the tokens of a step are sent in order, those of decodes before first tokens: the n-th of them is out
///        ceil(n / workers) * per_output_token after what earlier steps left to send, and there way_back later
/// Costs O(workers) a request and O(1) a step. Leaves out that a worker does both: a burst of prompts does not delay
/// tokens, nor do tokens delay prompts.
class FrontEnd {
 public:
  /// REQUIRES: workers >= 1.
  explicit FrontEnd(const FrontEndSpec& spec) : spec_(spec), free_at_(spec.workers) {}

  [[nodiscard]] bool sends() const { return spec_.per_output_token > SimTime{}; }

  /// When the scheduler gets a call that arrives now. REQUIRES: calls come in order of time.
  [[nodiscard]] SimTime accept(SimTime now, std::uint32_t prompt_tokens) {
    SimTime& worker = *std::min_element(free_at_.begin(), free_at_.end());
    worker = std::max(worker, now) + spec_.per_request + spec_.per_prompt_token * std::int64_t{prompt_tokens};
    return worker + spec_.latency;
  }

  /// How long the `place`-th token (from 1) that a step hands out now is on its way. REQUIRES: before send() of that
  /// step.
  [[nodiscard]] SimTime delay(SimTime now, std::uint64_t place) const {
    return std::max(sent_until_, now) + work(place) + spec_.way_back - now;
  }

  /// A step hands out so many tokens now.
  void send(SimTime now, std::uint64_t tokens) { sent_until_ = std::max(sent_until_, now) + work(tokens); }

 private:
  [[nodiscard]] SimTime work(std::uint64_t tokens) const {
    return spec_.per_output_token * static_cast<std::int64_t>((tokens + spec_.workers - 1) / spec_.workers);
  }

  FrontEndSpec spec_;
  std::vector<SimTime> free_at_;  // by worker
  SimTime sent_until_;
};

}  // namespace tokenyard::serving
