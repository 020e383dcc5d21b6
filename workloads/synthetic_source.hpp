#pragma once

#include "workloads/arrivals.hpp"
#include "workloads/client_draw.hpp"
#include "workloads/request_source.hpp"
#include "workloads/spec.hpp"

#include <cstdint>
#include <optional>

namespace tokenyard::workloads {

/// Requests drawn from distributions. Streams: "workload.arrivals", "workload.clients", and for every client NAME
/// "workload.prompt.NAME" and "workload.output.NAME". Changing one part, or adding a client, leaves the draws of the
/// others as they were. Prompt and output are drawn independently of each other unless the client correlates them.
/// REQUIRES of the whole: no client has sessions (SessionDraw has those).
///
/// Ends after `requests` or with the first arrival after `duration`, whichever comes first. A closed loop has no time
/// of its own: all arrivals carry 0, and a duration without `requests` makes the stream endless; the front door then
/// stops taking from it.
class SyntheticSource final : public RequestSource {
 public:
  /// REQUIRES: validate(spec) passed and spec.source is a SyntheticSpec.
  SyntheticSource(const WorkloadSpec& spec, std::uint64_t seed);

  /// Throws SpecError for a prompt + output beyond max_context, and for an arrival later than 9e9 s (285 years).
  [[nodiscard]] std::optional<Arrival> next() override;
  [[nodiscard]] std::optional<std::uint64_t> expected() const override;
  [[nodiscard]] std::optional<SimTime> horizon() const override;

 private:
  void check_context(const ClientDraw& client, std::uint32_t prompt, std::uint32_t output) const;

  bool closed_;
  std::optional<SimTime> duration_;
  std::optional<std::uint64_t> requests_;
  std::uint32_t max_context_;
  std::uint32_t block_tokens_;
  ArrivalClock clock_;
  ClientMix clients_;
  std::uint64_t sent_ = 0;
};

}  // namespace tokenyard::workloads
