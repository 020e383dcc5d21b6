#include "sim/serving/instance.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

// An Instance as seen from outside, and beginnings that are copied between instances.

namespace tokenyard::serving {

std::uint32_t Instance::next_rank() const {
  const auto chosen = std::min_element(ranks_.begin(), ranks_.end(), [](const Rank& a, const Rank& b) {
    return 4 * a.waiting() + a.running() < 4 * b.waiting() + b.running();
  });
  return static_cast<std::uint32_t>(chosen - ranks_.begin());
}

policy::InstanceView Instance::view() const {
  policy::InstanceView view{.id = settings_.id,
                            .running = running(),
                            .waiting = waiting(),
                            .used_blocks = used_blocks(),
                            .total_blocks = total_blocks(),
                            .block_tokens = settings_.block_tokens};
  view.outstanding_tokens = held_tokens_;
  for (const Rank& rank : ranks_) {
    view.outstanding_tokens += rank.outstanding_tokens();
    view.prompt_tokens += rank.prompt_tokens();
  }
  return view;
}

void Instance::on_names(const std::function<void(std::uint64_t name, bool here, SimTime when)>& listener) {
  for (Rank& rank : ranks_) {
    if (rank.cache() == nullptr) continue;
    rank.cache()->on_change(
        [listener](const kv::BlockStore::NameChange& change) { listener(change.name, change.here, change.when); });
  }
}

std::uint32_t Instance::running() const {
  std::uint32_t count = 0;
  for (const Rank& rank : ranks_) count += rank.running();
  return count;
}

std::uint32_t Instance::waiting() const {
  std::uint32_t count = 0;
  for (const Rank& rank : ranks_) count += rank.waiting();
  return count;
}

std::uint64_t Instance::used_blocks() const {
  std::uint64_t count = 0;
  for (const Rank& rank : ranks_) count += rank.used_blocks();
  return count;
}

std::uint64_t Instance::total_blocks() const { return std::uint64_t{settings_.blocks_per_rank} * ranks_.size(); }

// ---------------------------------------------------------------- expectations and copies

SimTime Instance::queued_prefill() const {
  SimTime queue = held_prefill_;
  for (const Rank& rank : ranks_) queue += rank.expected_prefill();
  const SimTime now = engine_.now();
  SimTime busy;
  for (const Lane& lane : lanes_) {
    if (lane.in_flight == 0 || lane.at(lane.in_flight - 1).end == SimTime::never()) continue;
    busy = std::max(busy, lane.at(lane.in_flight - 1).end - now);
  }
  return queue + busy;
}

Instance::Beginning Instance::longest_beginning(SequenceId id) {
  Beginning longest;
  for (std::uint32_t rank = 0; rank < ranks_.size(); ++rank) {
    const std::uint32_t blocks = beginning_at(id, rank);
    if (blocks > longest.blocks) longest = {.rank = rank, .blocks = blocks};
  }
  return longest;
}

std::uint32_t Instance::beginning_at(SequenceId id, std::uint32_t rank) {
  if (ranks_[rank].cache() == nullptr) return 0;
  ranks_[rank].set_time(engine_.now());
  return ranks_[rank].blocks_here(id);
}

void Instance::adopt(SequenceId id) {
  const Sequence& sequence = sequences_[id];
  Rank& rank = ranks_[sequence.rank];
  expect(rank.cache() != nullptr, "a beginning is copied from a cache to a cache");
  rank.set_time(engine_.now());
  meter_.cache(engine_.now(), {.copied_blocks = rank.adopt(id, sequence.copied_blocks)});
  stirred(rank);
}

}  // namespace tokenyard::serving
