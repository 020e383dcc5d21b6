#include "models/cost/exchange.hpp"
#include "models/fit/communication_families.hpp"

#include <cstddef>
#include <string>

// MoE dispatch and combine of one kernel. A row is the exchange of `tokens` a rank with `top_k` copies of `bytes` each,
// by `sms` SMs (0: none to speak of); `balanced` is 1 where a token's experts never meet on a rank before all ranks
// have one.
namespace tokenyard::fit {
namespace {

using cost::Direction;
using models::AcceleratorSpec;
using models::ExchangeCoefficients;
using models::ExchangeKernel;

constexpr auto kTime = Parameter::Unit::Time;
constexpr auto kNumber = Parameter::Unit::Number;
constexpr auto kRate = Parameter::Unit::Rate;

enum Figure : std::size_t { Tokens, Ranks, TopK, CopyBytes, Sms, Balanced };

const ExchangeKernel* find(const AcceleratorSpec& chip, const std::string& name) {
  const auto found = chip.kernels.collectives.exchanges.find(name);
  return found == chip.kernels.collectives.exchanges.end() ? nullptr : &found->second;
}

ExchangeCoefficients coefficients(std::span<const double> v) {
  return {.launch = Seconds{v[0]},
          .per_doubling = Seconds{v[9]},
          .across_launch = Seconds{v[1]},
          .across_per_doubling = Seconds{v[2]},
          .eff = v[3],
          .across_eff = v[4],
          .overlap = v[5],
          .norm = v[10],
          .rate_per_sm = BytesPerSecond{1e9 * v[6]},
          .across_rate_per_sm = BytesPerSecond{1e9 * v[7]},
          .per_token = Seconds{v[8]}};
}

Family exchange_family(const CommunicationSetup& setup, Direction direction) {
  const bool dispatch = direction == Direction::Dispatch;
  const std::string& software = setup.exchange;
  Family family;
  family.place = dispatch ? "exchange.dispatch" : "exchange.combine";
  family.keys = {"collectives", "exchanges", software, dispatch ? "dispatch" : "combine"};
  // Rows of one domain tell nothing of several, and those of kernels without SMs nothing of what an SM moves: such
  // terms stay away.
  family.parameters = {
      {"launch", kTime, 15e-6, 0.0, 200e-6},
      {.key = "across_launch", .unit = kTime, .highest = 300e-6, .term = 1, .told_by = "ranks", .trial = 20e-6},
      {.key = "across_per_doubling", .unit = kTime, .highest = 200e-6, .term = 1, .told_by = "ranks", .trial = 3e-6},
      {"eff", kNumber, 0.6, 0.02, 1.0},
      {.key = "across_eff", .start = 1.0, .lowest = 0.2, .highest = 1.0, .term = 1, .told_by = "ranks", .trial = 0.9},
      {.key = "overlap", .start = 1.0, .lowest = 1.0, .highest = 20.0, .term = 1, .told_by = "ranks", .trial = 1.5},
      {.key = "rate_per_sm", .unit = kRate, .highest = 200.0, .term = 1, .told_by = "sms", .trial = 15.0},
      {.key = "across_rate_per_sm", .unit = kRate, .highest = 200.0, .term = 1, .told_by = "sms", .trial = 10.0},
      {.key = "per_token", .unit = kTime, .highest = 0.5e-6, .term = 2, .trial = 20e-9},
      {.key = "per_doubling", .unit = kTime, .highest = 50e-6, .term = 3, .told_by = "ranks", .trial = 2e-6},
      {.key = "norm", .start = 1.0, .lowest = 1.0, .highest = 8.0, .term = 3, .trial = 1.5}};
  family.shape = {"tokens", "ranks", "top_k", "bytes", "sms", "balanced"};
  family.time = [links = setup.links, software, direction](std::span<const double> v, std::span<const double> s,
                                                           const AcceleratorSpec& chip) {
    ExchangeKernel kernel = *find(chip, software);
    kernel.sms = static_cast<std::uint32_t>(s[Sms]);
    (direction == Direction::Dispatch ? kernel.dispatch : kernel.combine) = coefficients(v);
    const cost::ExchangeShape shape{.tokens_per_chip = s[Tokens] * kernel.ranks_per_chip,
                                    .choices = s[TopK],
                                    .groups = s[Ranks] / kernel.ranks_per_chip,
                                    .bytes_per_copy = s[CopyBytes],
                                    .balanced = s[Balanced] > 0.0};
    return cost::exchange_time(shape, links(static_cast<std::uint32_t>(s[Ranks]) / kernel.ranks_per_chip), kernel,
                               direction);
  };
  family.serves = [](std::span<const double>, const AcceleratorSpec&) { return true; };
  family.stored = [software, dispatch](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto found = kernels.collectives.exchanges.find(software);
    if (found == kernels.collectives.exchanges.end()) return std::nullopt;
    const ExchangeCoefficients& c = dispatch ? found->second.dispatch : found->second.combine;
    return std::vector{c.launch.value(),
                       c.across_launch.value(),
                       c.across_per_doubling.value(),
                       c.eff,
                       c.across_eff,
                       c.overlap,
                       1e-9 * c.rate_per_sm.value(),
                       1e-9 * c.across_rate_per_sm.value(),
                       c.per_token.value(),
                       c.per_doubling.value(),
                       c.norm};
  };
  family.suits = [software](const AcceleratorSpec& chip) { return find(chip, software) != nullptr; };
  return family;
}

}  // namespace

std::vector<Family> exchange_families(const CommunicationSetup& setup) {
  return {exchange_family(setup, Direction::Dispatch), exchange_family(setup, Direction::Combine)};
}

}  // namespace tokenyard::fit
