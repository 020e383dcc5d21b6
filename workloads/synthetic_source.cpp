#include "workloads/synthetic_source.hpp"

#include "models/base/errors.hpp"
#include "workloads/lengths.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace tokenyard::workloads {
namespace {

constexpr Seconds kLastInstant{9.0e9};  // SimTime ends at 2^63 ns = 9.22e9 s

[[nodiscard]] ClassId class_named(const std::vector<SloClass>& classes, std::string_view name) {
  if (name.empty()) return ClassId{0};
  const auto found = std::find_if(classes.begin(), classes.end(), [&](const SloClass& c) { return c.name == name; });
  expect(found != classes.end(), "a validated client names a class that exists");
  return ClassId{static_cast<std::uint32_t>(found - classes.begin())};
}

}  // namespace

SyntheticSource::SyntheticSource(const WorkloadSpec& spec, std::uint64_t seed)
    : closed_(std::holds_alternative<ClosedLoop>(std::get<SyntheticSpec>(spec.source).arrivals)),
      duration_(spec.duration),
      requests_(spec.requests),
      max_context_(spec.max_context),
      clock_(std::get<SyntheticSpec>(spec.source).arrivals, RandomStream{seed, "workload.arrivals"}),
      client_stream_(seed, "workload.clients") {
  double weight = 0.0;
  for (const ClientSpec& client : std::get<SyntheticSpec>(spec.source).clients) {
    if (client.weight <= 0.0) continue;
    weight += client.weight;
    clients_.push_back(Client{.name = client.name,
                              .slo_class = class_named(spec.classes, client.slo_class),
                              .weight_up_to = weight,
                              .prompt = client.prompt,
                              .output = client.output,
                              .prompt_stream = RandomStream{seed, "workload.prompt." + client.name},
                              .output_stream = RandomStream{seed, "workload.output." + client.name}});
  }
  expect(!clients_.empty(), "a validated workload has a client with a weight above 0");
}

SyntheticSource::Client& SyntheticSource::choose_client() {
  if (clients_.size() == 1) return clients_.front();
  const double drawn = client_stream_.uniform01() * clients_.back().weight_up_to;
  const auto chosen = std::upper_bound(clients_.begin(), clients_.end(), drawn,
                                       [](double value, const Client& client) { return value < client.weight_up_to; });
  return chosen == clients_.end() ? clients_.back() : *chosen;
}

void SyntheticSource::check_context(const Client& client, std::uint32_t prompt, std::uint32_t output) const {
  const std::uint64_t sum = std::uint64_t{prompt} + output;
  if (max_context_ == 0 || sum <= max_context_) return;
  throw SpecError("workload", "request " + std::to_string(sent_) + " of client '" + client.name + "': prompt of " +
                  std::to_string(prompt) + " + output of " + std::to_string(output) + " = " + std::to_string(sum) +
                  " tokens, but the model's context is " + std::to_string(max_context_) +
                  "; draw shorter lengths or take a model with a longer context");
}

std::optional<Arrival> SyntheticSource::next() {
  if (requests_ && sent_ >= *requests_) return std::nullopt;
  const Seconds instant = clock_.next();
  if (instant > kLastInstant) {
    if (duration_) return std::nullopt;
    throw SpecError("workload.arrivals.rate", "request " + std::to_string(sent_) +
                    " would arrive after more than 285 years; raise the rate or ask for fewer requests");
  }
  const SimTime arrival = SimTime::from(instant);
  if (duration_ && !closed_ && arrival > *duration_) return std::nullopt;

  Client& client = choose_client();
  const std::uint32_t prompt = draw_length(client.prompt, client.prompt_stream);
  const std::uint32_t output = draw_length(client.output, client.output_stream);
  check_context(client, prompt, output);
  expect(sent_ <= std::numeric_limits<std::uint32_t>::max(), "there are fewer than 2^32 requests");
  const RequestId id{static_cast<std::uint32_t>(sent_)};
  ++sent_;
  return Arrival{.request = {.id = id, .arrival = arrival, .prompt_tokens = prompt, .slo_class = client.slo_class},
                 .fate = {.output_tokens = output}};
}

std::optional<std::uint64_t> SyntheticSource::expected() const {
  return duration_ ? std::nullopt : requests_;  // with a duration either may come first
}

std::optional<SimTime> SyntheticSource::horizon() const { return closed_ ? std::nullopt : duration_; }

}  // namespace tokenyard::workloads
