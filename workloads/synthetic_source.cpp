#include "workloads/synthetic_source.hpp"

#include "models/base/errors.hpp"
#include "workloads/traces/prefix_blocks.hpp"

#include <limits>
#include <string>

namespace tokenyard::workloads {
namespace {

constexpr Seconds kLastInstant{9.0e9};  // SimTime ends at 2^63 ns = 9.22e9 s

}  // namespace

SyntheticSource::SyntheticSource(const WorkloadSpec& spec, std::uint64_t seed)
    : closed_(std::holds_alternative<ClosedLoop>(std::get<SyntheticSpec>(spec.source).arrivals)),
      duration_(spec.duration),
      requests_(spec.requests),
      max_context_(spec.max_context),
      block_tokens_(std::get<SyntheticSpec>(spec.source).block_tokens),
      clock_(std::get<SyntheticSpec>(spec.source).arrivals, RandomStream{seed, "workload.arrivals"},
             std::get<SyntheticSpec>(spec.source).curve),
      clients_(std::get<SyntheticSpec>(spec.source).clients, spec.classes, seed) {}

void SyntheticSource::check_context(const ClientDraw& client, std::uint32_t prompt, std::uint32_t output) const {
  const std::uint64_t sum = std::uint64_t{prompt} + output;
  if (max_context_ == 0 || sum <= max_context_) return;
  throw SpecError("workload", "request " + std::to_string(sent_) + " of client '" + client.spec().name +
                                  "': prompt of " + std::to_string(prompt) + " + output of " + std::to_string(output) +
                                  " = " + std::to_string(sum) + " tokens, but the model's context is " +
                                  std::to_string(max_context_) +
                                  "; draw shorter lengths or take a model with a longer context");
}

std::optional<Arrival> SyntheticSource::next() {
  if (requests_ && sent_ >= *requests_) return std::nullopt;
  const Seconds instant = clock_.next();
  if (instant > kLastInstant) {
    if (duration_) return std::nullopt;
    throw SpecError("workload.arrivals.rate",
                    "request " + std::to_string(sent_) +
                        " would arrive after more than 285 years; raise the rate or ask for fewer requests");
  }
  const SimTime arrival = SimTime::from(instant);
  if (duration_ && !closed_ && arrival > *duration_) return std::nullopt;

  ClientDraw& client = clients_.client(clients_.choose());
  const auto [drawn, output] = client.lengths();
  const std::uint32_t prompt = drawn + client.shared_tokens();
  check_context(client, prompt, output);
  expect(sent_ <= std::numeric_limits<std::uint32_t>::max(), "there are fewer than 2^32 requests");
  const RequestId id{static_cast<std::uint32_t>(sent_)};
  ++sent_;
  Arrival next{.request = {.id = id,
                           .arrival = arrival,
                           .prompt_tokens = prompt,
                           .slo_class = client.slo_class(),
                           .priority = client.spec().priority,
                           .tenant = client.spec().tenant},
               .fate = {.output_tokens = output}};
  if (const auto group = client.group()) {
    // Full blocks only: what begins in the last one of the group ends in a text of the request's own.
    const std::uint32_t shared = client.shared_tokens() / block_tokens_ * block_tokens_;
    next.request.prefix = ContextNames(*group, block_tokens_).prefix(shared);
  }
  return next;
}

std::optional<std::uint64_t> SyntheticSource::expected() const {
  return duration_ ? std::nullopt : requests_;  // with a duration either may come first
}

std::optional<SimTime> SyntheticSource::horizon() const { return closed_ ? std::nullopt : duration_; }

}  // namespace tokenyard::workloads
