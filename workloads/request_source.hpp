#pragma once

#include "workloads/fate.hpp"
#include "workloads/request.hpp"

#include <cstdint>
#include <optional>

namespace tokenyard::workloads {

struct Arrival {
  Request request;
  Fate fate;
};

/// Requests one by one; nothing of a long trace is held but the row at hand.
class RequestSource {
 public:
  virtual ~RequestSource() = default;

  /// The next request in order of arrival (never earlier than the one before), or nothing when the stream has ended.
  /// Throws UserError with file and row for a malformed row of a trace, SpecError with the key of the experiment for
  /// draws that cannot be.
  [[nodiscard]] virtual std::optional<Arrival> next() = 0;

  /// How many requests there will be, if that is known beforehand; for progress only.
  [[nodiscard]] virtual std::optional<std::uint64_t> expected() const = 0;

  /// When the last request will arrive at the latest, if known beforehand (an open loop that ends after a duration);
  /// for progress only.
  [[nodiscard]] virtual std::optional<SimTime> horizon() const = 0;
};

}  // namespace tokenyard::workloads
