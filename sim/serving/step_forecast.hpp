#pragma once

#include "models/base/units.hpp"
#include "models/cost/step_cost.hpp"
#include "sim/policy/forecast.hpp"
#include "sim/policy/spec.hpp"

#include <cstdint>
#include <optional>

namespace tokenyard::serving {

/// Expectations from the prices of a pool's steps. A prompt is computed in chunks of the most tokens that its rules let
/// into a step; decodes are spread evenly over attention ranks, and of more than a step may hold the others wait with
/// their contexts. In a pipeline a step is the whole pass.
class StepForecast final : public policy::Forecast {
 public:
  /// How instances copy beginnings to each other.
  struct Copies {
    Seconds setup;
    Bytes per_token;
    BytesPerSecond rate;
  };
  /// `cost` outlives the object; `copies`: absent, they do not.
  StepForecast(const cost::StepCost& cost, const policy::RulesSpec& rules, std::uint32_t ranks,
               std::optional<Copies> copies = std::nullopt);

  [[nodiscard]] SimTime prefill(std::uint32_t cached, std::uint32_t tokens) const override;
  [[nodiscard]] SimTime decode_step(std::uint32_t decodes, std::uint64_t context) const override;
  [[nodiscard]] std::optional<SimTime> copy(std::uint32_t tokens) const override;

 private:
  const cost::StepCost& cost_;
  std::uint32_t most_tokens_;
  std::uint32_t most_decodes_;  // of an attention rank
  std::uint32_t ranks_;
  std::optional<Copies> copies_;
};

}  // namespace tokenyard::serving
