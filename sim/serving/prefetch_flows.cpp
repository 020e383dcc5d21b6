#include "sim/serving/prefetch_flows.hpp"

#include <algorithm>
#include <utility>

namespace tokenyard::serving {

PrefetchFlows::PrefetchFlows(engine::Engine& engine, TierFlows& flows, InstanceId instance, std::uint32_t rank,
                             kv::TierStack& tiers, std::function<void(std::uint32_t key)> came)
    : engine_(engine), flows_(flows), instance_(instance), rank_(rank), tiers_(tiers), came_(std::move(came)) {
  tiers.carry_ahead(*this);
}

void PrefetchFlows::read_ahead(std::uint32_t key, kv::TierKind tier, std::uint32_t blocks) {
  const auto at = static_cast<std::size_t>(tier);
  lines_[at].readings.push_back({.key = key, .left = blocks});
  if (lines_[at].batch == 0) ask(at);
}

void PrefetchFlows::stop_ahead(std::uint32_t key) {
  for (Line& line : lines_) {
    if (line.readings.empty()) continue;
    // The batch on its way belongs to the first.
    Reading& first = line.readings.front();
    if (first.key == key) first.wanted = false;
    line.readings.erase(std::remove_if(line.readings.begin() + 1, line.readings.end(),
                                       [key](const Reading& reading) { return reading.key == key; }),
                        line.readings.end());
  }
}

void PrefetchFlows::ask(std::size_t tier) {
  Line& line = lines_[tier];
  if (line.readings.empty()) return;
  line.batch = std::min(line.readings.front().left, kBatch);
  kv::TierStack::Counts counts{};
  counts[tier] = line.batch;
  flows_.read(instance_, rank_, counts, engine_.now(), *this, tier);
}

void PrefetchFlows::on_event(std::uint64_t what) {
  Line& line = lines_[what];
  Reading& first = line.readings.front();
  const std::uint32_t batch = std::exchange(line.batch, 0);
  const Reading reading = first;
  first.left -= batch;
  if (first.left == 0 || !reading.wanted) line.readings.pop_front();
  if (reading.wanted) tiers_.came(reading.key, static_cast<kv::TierKind>(what), batch);
  ask(what);
  if (reading.wanted) {
    came_(reading.key);
  } else {
    engine_.pass();  // its request waits no longer
  }
}

}  // namespace tokenyard::serving
