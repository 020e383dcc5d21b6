#include "sim/serving/step_forecast.hpp"

#include <algorithm>
#include <vector>

namespace tokenyard::serving {

StepForecast::StepForecast(const cost::StepCost& cost, const policy::RulesSpec& rules, std::uint32_t ranks,
                           std::optional<Copies> copies)
    : cost_(cost),
      most_tokens_(policy::max_step_tokens(rules)),
      most_decodes_(policy::max_sequences(rules)),
      ranks_(ranks),
      copies_(copies) {}

SimTime StepForecast::prefill(std::uint32_t cached, std::uint32_t tokens) const {
  SimTime sum;
  std::vector<cost::StepShape> shapes(ranks_);
  for (std::uint32_t done = 0; done < tokens;) {
    const std::uint32_t chunk = std::min(tokens - done, most_tokens_);
    shapes[0] = {};
    shapes[0].add_chunk(cached + done, chunk);
    sum += ranks_ == 1 ? cost_.step(shapes[0]) : cost_.step(shapes);
    done += chunk;
  }
  return sum;
}

SimTime StepForecast::decode_step(std::uint32_t decodes, std::uint64_t context) const {
  const auto together =
      static_cast<std::uint32_t>(std::min(std::uint64_t{decodes}, std::uint64_t{most_decodes_} * ranks_));
  const std::uint64_t theirs = context * together / decodes;
  const cost::StepShape shape{.decodes = (together + ranks_ - 1) / ranks_,
                              .decode_context = (theirs + ranks_ - 1) / ranks_,
                              .longest_context = static_cast<std::uint32_t>((context + decodes - 1) / decodes)};
  if (ranks_ == 1) return cost_.step(shape);
  return cost_.step(std::vector<cost::StepShape>(ranks_, shape));
}

std::optional<SimTime> StepForecast::copy(std::uint32_t tokens) const {
  if (!copies_) return std::nullopt;
  return SimTime::from(copies_->setup + copies_->per_token * static_cast<double>(tokens) / copies_->rate);
}

}  // namespace tokenyard::serving
