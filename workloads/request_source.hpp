#pragma once

#include "workloads/fate.hpp"
#include "workloads/request.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::workloads {

struct Arrival {
  Request request;
  Fate fate;
};

/// How a request ended, as its user sees it.
enum class Ending : std::uint8_t {
  Answered,   ///< its last token has come
  TimedOut,   ///< its user's patience ran out
  Cancelled,  ///< its user had seen enough
  Rejected,   ///< it was turned away when it came
};

/// Requests one by one; nothing of a long trace is held but the row at hand.
class RequestSource {
 public:
  virtual ~RequestSource() = default;

  /// The next request in order of arrival (never earlier than the one before), or nothing when the stream has ended.
  /// Throws UserError with file and row for a malformed row of a trace, SpecError with the key of the experiment for
  /// draws that cannot be.
  [[nodiscard]] virtual std::optional<Arrival> next() = 0;

  /// Whether what is sent depends on how earlier requests fare: sessions, users who wait, retries. Then next() is
  /// called when due() says so, and every end is told.
  [[nodiscard]] virtual bool interactive() const { return false; }
  /// Of an interactive source: when the next request is sent as far as is known now; nothing while all wait for
  /// answers, or at the end. on_end() may bring it forward, never to before `now`.
  [[nodiscard]] virtual std::optional<SimTime> due() const { return std::nullopt; }
  /// Of an interactive source: a request given by next() has ended.
  virtual void on_end(RequestId request, SimTime now, Ending how) {
    static_cast<void>(request);
    static_cast<void>(now);
    static_cast<void>(how);
  }

  /// Of an interactive source: nothing more will be sent, whatever ends.
  [[nodiscard]] virtual bool exhausted() const { return false; }

  /// How many requests there will be, if that is known beforehand; for progress only.
  [[nodiscard]] virtual std::optional<std::uint64_t> expected() const = 0;

  /// When the last request will arrive at the latest, if known beforehand (an open loop that ends after a duration);
  /// for progress only.
  [[nodiscard]] virtual std::optional<SimTime> horizon() const = 0;

  /// After the last request: what whoever reads the results must know of the stream, a sentence each (rows dropped
  /// ...).
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
};

}  // namespace tokenyard::workloads
