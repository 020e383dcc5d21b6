#include "sim/serving/tier_flows.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <utility>

namespace tokenyard::serving {
namespace {

constexpr std::uint64_t kRest = std::uint64_t{1} << 32U;  // event code: what other tiers bring to this read

}  // namespace

TierFlows::TierFlows(engine::Engine& engine, const std::vector<TierWays>& ways) : engine_(engine) {
  for (const TierWays& instance : ways) {
    first_.push_back(queues_.size());
    for (const auto& rank : instance) {
      for (const std::optional<TierWay>& way : rank) {
        for (const bool reads : {true, false}) {
          queues_.emplace_back();
          if (way) queues_.back() = Queue{.way = *way, .reads = reads, .waiting = {}};
        }
      }
    }
  }
}

SimTime TierFlows::end_of_read(InstanceId instance, std::uint32_t rank, SimTime now,
                               const kv::TierStack::Counts& blocks) const {
  SimTime end = now;
  for (std::size_t tier = 0; tier < kv::kTiers; ++tier) {
    if (blocks[tier] == 0) continue;
    const std::optional<Queue>& queue = queues_[queue_of(instance, rank, tier)];
    if (!queue) continue;
    const SimTime ready = now + SimTime::from(queue->way.before_read);
    end =
        std::max(end, std::max(ready, queue->clear) + SimTime::from(queue->way.block * blocks[tier] / queue->way.read));
  }
  return end;
}

void TierFlows::read(InstanceId instance, std::uint32_t rank, const kv::TierStack::Counts& blocks,
                     SimTime rest_is_there, engine::EventHandler& handler, std::uint64_t what, double share) {
  const SimTime now = engine_.now();
  std::size_t number = reads_.size();
  if (free_reads_.empty()) {
    reads_.emplace_back();
  } else {
    number = free_reads_.back();
    free_reads_.pop_back();
  }
  // The rest is a part as well, so that an end is never at the instant of its beginning.
  reads_[number] = {.parts = 1, .handler = &handler, .what = what};
  engine_.at(std::max(rest_is_there, now + SimTime{1}), engine::rank_of_flow(static_cast<std::uint32_t>(number)), *this,
             kRest | number);
  for (std::size_t tier = 0; tier < kv::kTiers; ++tier) {
    const std::size_t at = queue_of(instance, rank, tier);
    std::optional<Queue>& queue = queues_[at];
    if (blocks[tier] == 0 || !queue) continue;
    ++reads_[number].parts;
    const Load load{.size = queue->way.block * blocks[tier] * share,
                    .ready = now + SimTime::from(queue->way.before_read),
                    .read = number};
    if (queue->waiting.empty()) queue->clear = now;
    queue->clear = std::max(queue->clear, load.ready) + SimTime::from(load.size / queue->way.read);
    queue->waiting.push_back(load);
    if (queue->waiting.size() == 1) start(at);
  }
}

void TierFlows::write(InstanceId instance, std::uint32_t rank, const std::array<std::uint64_t, kv::kTiers>& blocks) {
  for (std::size_t tier = 0; tier < kv::kTiers; ++tier) {
    const std::size_t at = queue_of(instance, rank, tier) + 1;
    std::optional<Queue>& queue = queues_[at];
    if (blocks[tier] == 0 || !queue) continue;
    const Bytes size = queue->way.block * static_cast<double>(blocks[tier]);
    // One is on its way, what follows it grows, unless somebody waits for just that.
    if (queue->waiting.size() >= 2 && queue->waiting.back().waiters.empty()) {
      queue->waiting.back().size += size;
      continue;
    }
    queue->waiting.push_back({.size = size, .ready = engine_.now() + SimTime::from(queue->way.before_write)});
    if (queue->waiting.size() == 1) start(at);
  }
}

bool TierFlows::await_written(InstanceId instance, std::uint32_t rank, kv::TierKind tier, engine::EventHandler& handler,
                              std::uint64_t what) {
  std::optional<Queue>& queue = queues_[queue_of(instance, rank, static_cast<std::size_t>(tier)) + 1];
  if (!queue || queue->waiting.empty()) return false;
  queue->waiting.back().waiters.push_back({&handler, what});
  return true;
}

/// The first load of a queue sets out.
void TierFlows::start(std::size_t at) {
  Queue& queue = *queues_[at];
  const Load& load = queue.waiting.front();
  const Seconds delay = std::max((load.ready - engine_.now()).seconds(), Seconds{});
  queue.flows = queue.way.legs.size();
  for (const TierWay::Leg& leg : queue.way.legs) {
    const EndpointId from = queue.reads ? leg.store : leg.chips;
    const EndpointId to = queue.reads ? leg.chips : leg.store;
    engine_.transfer(queue.way.network, from, to, load.size * leg.share, delay, *this, at, engine::Traffic::Tier);
  }
}

void TierFlows::part_came(std::size_t number) {
  if (--reads_[number].parts > 0) return;
  const Read done = reads_[number];
  free_reads_.push_back(number);
  done.handler->on_event(done.what);
}

void TierFlows::on_event(std::uint64_t what) {
  if (what >= kRest) {
    part_came(what - kRest);
    return;
  }
  const auto at = static_cast<std::size_t>(what);
  Queue& queue = *queues_[at];
  const bool last = --queue.flows == 0;
  // A run does not wait for what is still being written.
  if (!queue.reads && !(last && !queue.waiting.front().waiters.empty())) engine_.pass();
  if (!last) return;
  const Load done = std::move(queue.waiting.front());
  queue.waiting.erase(queue.waiting.begin());
  if (!queue.waiting.empty()) start(at);
  if (queue.reads) part_came(done.read);
  for (const Waiter& waiter : done.waiters) waiter.handler->on_event(waiter.what);
}

}  // namespace tokenyard::serving
