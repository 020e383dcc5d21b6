#pragma once

#include "tests/support/small_cluster.hpp"

#include <sstream>
#include <string>

namespace tokenyard::test {

/// Every number of a run that could differ: all stamps, parts, meters, series, gaps.
inline std::string digest(const Played& played) {
  std::ostringstream text;
  text.precision(17);
  for (const metrics::RequestRecord& r : played.requests) {
    text << r.id.index() << ' ' << r.arrival.ns() << ' ' << r.admitted.ns() << ' ' << r.first_token.ns() << ' '
         << r.last_token.ns() << ' ' << r.preemptions << ' ' << r.prefill_instance.index() << ' '
         << r.decode_instance.index() << ' ' << r.cached_tokens;
    for (std::size_t part = 0; part < metrics::kParts; ++part) {
      text << ' ' << part_of(r, static_cast<metrics::Part>(part)).ns();
    }
    text << '\n';
  }
  for (const metrics::InstanceMeter& m : played.meters) {
    text << m.decode_steps << ' ' << m.mixed_steps << ' ' << m.decode_busy.ns() << ' ' << m.mixed_busy.ns() << ' '
         << m.decode_tokens << ' ' << m.prefill_tokens << ' ' << m.attention_pairs() << ' ' << m.traffic_bytes() << ' '
         << m.energy_joules() << ' ' << m.block_ns() << ' ' << m.unfilled_ns() << ' ' << m.running_ns() << ' '
         << m.waiting_ns() << ' ' << m.decode_exposed.ns() << ' ' << m.mixed_exposed.ns() << ' ' << m.preemptions << ' '
         << m.peak_blocks() << ' ' << m.gaps().count();
    if (m.gaps().count() > 0) {
      text << ' ' << m.gaps().mean().value() << ' ' << m.gaps().quantile(0.5).value() << ' '
           << m.gaps().quantile(0.99).value();
    }
    for (std::size_t i = 0; i < m.bins().size(); ++i) {
      const metrics::Bin& bin = m.bins()[i];
      const metrics::CacheSums cache = m.cache_in(i);
      text << ' ' << bin.busy_ns << ' ' << bin.block_ns << ' ' << bin.unfilled_ns << ' ' << bin.running_ns << ' '
           << bin.waiting_ns << ' ' << bin.decode_tokens << ' ' << bin.prefill_tokens << ' ' << cache.asked_tokens
           << ' ' << cache.found_tokens << ' ' << cache.evicted_blocks << ' ' << cache.recomputed_blocks << ' '
           << cache.repeated_tokens;
    }
    text << '\n';
  }
  return text.str();
}

}  // namespace tokenyard::test
