#pragma once

#include "models/base/sim_time.hpp"

#include <cstdint>
#include <optional>

namespace tokenyard::policy {

/// What a router expects of an instance of the pool it chooses from, from the same prices that the instance will pay.
class Forecast {
 public:
  virtual ~Forecast() = default;
  /// Of `tokens` of a prompt behind `cached` ones that are there, alone in its steps. REQUIRES: tokens > 0.
  [[nodiscard]] virtual SimTime prefill(std::uint32_t cached, std::uint32_t tokens) const = 0;
  /// A step of `decodes` requests with `context` tokens among them. REQUIRES: decodes > 0.
  [[nodiscard]] virtual SimTime decode_step(std::uint32_t decodes, std::uint64_t context) const = 0;
  /// KV of `tokens` from another instance of the pool over idle links; nothing where instances cannot copy.
  [[nodiscard]] virtual std::optional<SimTime> copy(std::uint32_t tokens) const = 0;
};

}  // namespace tokenyard::policy
