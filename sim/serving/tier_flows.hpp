#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "sim/engine/engine.hpp"
#include "sim/kv/tiers.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tokenyard::serving {

/// How the blocks of one tier travel between a store of the machine and the chips of an attention rank.
struct TierWay {
  /// From the store's devices in one leaf domain, or from a pool, to the rank's chips in one leaf domain.
  struct Leg {
    EndpointId store;
    EndpointId chips;
    double share = 1.0;  ///< of the bytes: as many as chips of the rank stand there
  };
  std::size_t network = 0;  ///< of the engine
  std::vector<Leg> legs;    ///< shares add up to 1
  Seconds before_read;      ///< from asking to the first byte: there and back, the devices, software
  Seconds before_write;     ///< to the first byte at the store
  BytesPerSecond read;      ///< of the rank alone on idle links
  Bytes block;              ///< on all chips of the rank
};

/// Of an instance, lane by lane by attention rank; absent: the tier has a link of its own (kv::TierStack).
using TierWays = std::vector<std::array<std::optional<TierWay>, kv::kTiers>>;

/// Reads and writes of KV tiers as flows on the machine's links, which they share with those of other instances, KV
/// hand-offs and collectives.
///
/// Reads of one rank from one tier follow each other, as an engine copies: the first byte of one comes when it has been
/// asked for long enough and the one before is there. On idle links a read takes before_read + bytes / read. What is
/// written goes in one flow at a time, and what comes together meanwhile in the next; it delays nobody.
/// Limits: a block is spread evenly over the chips of its rank.
class TierFlows final : public engine::EventHandler {
 public:
  /// `ways`: by instance; empty for one without tiers on links. `engine` outlives the object.
  TierFlows(engine::Engine& engine, const std::vector<TierWays>& ways);

  /// When the blocks of these tiers would be there if the read began at `now` and the links were otherwise idle; `now`
  /// if none is on links.
  [[nodiscard]] SimTime end_of_read(InstanceId instance, std::uint32_t rank, SimTime now,
                                    const kv::TierStack::Counts& blocks) const;

  /// Starts it; `handler` gets `what` when all is there, and not before `rest_is_there`, what other tiers bring. At
  /// least 1 ns after now. `share`: of every block, for a step that waits layer by layer. REQUIRES: handler outlives
  /// the read.
  void read(InstanceId instance, std::uint32_t rank, const kv::TierStack::Counts& blocks, SimTime rest_is_there,
            engine::EventHandler& handler, std::uint64_t what, double share = 1.0);

  /// The rank has given up blocks to these tiers. Of tiers on links.
  void write(InstanceId instance, std::uint32_t rank, const std::array<std::uint64_t, kv::kTiers>& blocks);

  /// `handler` gets `what` when all that has been given up to a tier so far has been written; gives false, and nothing
  /// comes, if it has. REQUIRES: handler outlives that.
  bool await_written(InstanceId instance, std::uint32_t rank, kv::TierKind tier, engine::EventHandler& handler,
                     std::uint64_t what);

  void on_event(std::uint64_t what) override;

 private:
  struct Read {
    std::size_t parts = 0;  // to come
    engine::EventHandler* handler = nullptr;
    std::uint64_t what = 0;
  };
  struct Waiter {
    engine::EventHandler* handler = nullptr;
    std::uint64_t what = 0;
  };
  struct Load {
    Bytes size;
    SimTime ready;  // when its first byte can come
    std::size_t read = 0;
    std::vector<Waiter> waiters{};  // of a write
  };
  /// One direction between a rank and a tier.
  struct Queue {
    TierWay way;
    bool reads = true;
    std::vector<Load> waiting;  // the first one is on its way when flows > 0
    std::size_t flows = 0;
    SimTime clear;  // reads: when what has been asked for would be there on idle links
  };

  [[nodiscard]] std::size_t queue_of(InstanceId instance, std::uint32_t rank, std::size_t tier) const {
    return first_[instance.index()] + (std::size_t{rank} * kv::kTiers + tier) * 2;
  }
  void start(std::size_t queue);
  void part_came(std::size_t read);

  engine::Engine& engine_;
  std::vector<std::size_t> first_;            // queue of every instance
  std::vector<std::optional<Queue>> queues_;  // by instance, rank and tier: reads, writes
  std::vector<Read> reads_;                   // some are free
  std::vector<std::size_t> free_reads_;
};

}  // namespace tokenyard::serving
