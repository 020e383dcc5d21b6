#pragma once

#include "models/base/sim_time.hpp"
#include "sim/kv/block_ids.hpp"
#include "sim/kv/free_queue.hpp"
#include "sim/kv/id_map.hpp"
#include "sim/kv/spec.hpp"

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace tokenyard::kv {

/// The KV blocks of one attention rank and what they hold: counts of users, names, and the order in which idle ones are
/// used again. Follows vLLM's block pool (vllm/v1/core/block_pool.py at 002f34915134, kv_cache_manager.py at
/// 003df2961dd8):
///
/// * a full block is named as soon as it is taken for a step, so that a later request of the same step finds it;
/// * a block that nobody uses joins the free ones and keeps its name until it is used again; a hit takes it out;
/// * a request gives its blocks back from its end, so that beginnings outlive what follows them;
/// * blocks of equal content are not merged: the one that was named first is found.
///
/// Most blocks of a simulation are never asked for by name. Those that decodes take are therefore only counted by the
/// owner, and the store catches up when it is asked next (settle()): a block costs work when it is taken and given
/// back, never a token.
class BlockStore {
 public:
  /// All blocks are free and hold nothing.
  BlockStore(std::uint32_t blocks, const PrefixCacheSpec& spec);

  /// What idle blocks' time to live is measured by. Must not go back.
  void set_time(SimTime now) { now_ = now; }

  /// Takes the next free blocks until `free` are left; they belong to the owner as a heap.
  /// REQUIRES: free <= free_blocks().
  void settle(std::uint32_t free);
  /// What is settled from now on was taken now or later.
  void mark() { marked_ = now_; }
  [[nodiscard]] std::uint32_t free_blocks() const { return queue_.size(); }

  struct Match {
    std::uint32_t blocks = 0;  ///< leading blocks that are here
    std::uint32_t idle = 0;    ///< of these, in use by nobody: to use them takes as many free blocks
  };
  /// Looks for the first `most` blocks of `ids`, up to the first that is not here.
  [[nodiscard]] Match match(const BlockIds& ids, std::uint32_t most);

  /// Whether block `index` of `ids` is here.
  [[nodiscard]] bool has(const BlockIds& ids, std::uint32_t index);
  /// Adds blocks `from` .. `upto` - 1 of `ids` to what the last match() has found; gives how many of them are idle.
  /// REQUIRES: they are here.
  std::uint32_t match_also(const BlockIds& ids, std::uint32_t from, std::uint32_t upto);

  /// One more user of the blocks `from` .. `upto` - 1 of those that match() and match_also() have found. Their numbers
  /// are added to `held`; idle ones leave the free blocks. `priority`: of the request, for EvictionOrder::Priority.
  /// REQUIRES: the last match() was of this request and version() has not changed since, by acquire() excepted.
  void acquire(std::uint32_t from, std::uint32_t upto, std::int32_t priority, std::vector<std::uint32_t>& held);

  void acquire(std::uint32_t count, std::int32_t priority, std::vector<std::uint32_t>& held) {
    acquire(0, count, priority, held);
  }

  /// Names blocks `from` .. `upto` - 1 of `ids`; they come from the owner's heap and are added to `held`, whose last
  /// block stands before them. REQUIRES: the heap is that large.
  void name(const BlockIds& ids, std::uint32_t from, std::uint32_t upto, std::int32_t priority,
            std::vector<std::uint32_t>& held);
  /// The same from held.size() on.
  void name(const BlockIds& ids, std::uint32_t upto, std::int32_t priority, std::vector<std::uint32_t>& held) {
    name(ids, static_cast<std::uint32_t>(held.size()), upto, priority, held);
  }

  /// The same, but a block whose name is here already goes back to the free ones and the one that is here is used in
  /// its place. Gives how many blocks are free now that were not.
  std::uint32_t name_or_share(const BlockIds& ids, std::uint32_t upto, std::int32_t priority,
                              std::vector<std::uint32_t>& held);

  /// A user gives back `heap` blocks of the heap, then those it `held` from the last to the first; `held` is empty
  /// then. Gives how many blocks are free now that were not.
  std::uint32_t release(std::vector<std::uint32_t>& held, std::uint32_t heap);

  /// Forgets all that has outlived its time to live by now.
  void expire();

  /// Rises with every change that a match() could see.
  [[nodiscard]] std::uint64_t version() const { return version_; }

  /// Since the beginning. Blocks of the same name count once, with the last of them.
  struct Counts {
    std::uint64_t named = 0;    ///< blocks that got a name
    std::uint64_t evicted = 0;  ///< names lost because the block was used again
    /// Names lost to the time to live: seen when they are looked up, given again, or when their block is used again
    /// after a mark() behind that time; and by expire().
    std::uint64_t expired = 0;
    /// Of `named`, those evicted before, not longer ago than as many evictions as there are blocks: a cache of twice
    /// the size would have had them.
    std::uint64_t recomputed = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

  /// A name that came, with the first block that has it, or went, with the last that had it.
  struct NameChange {
    std::uint64_t name = 0;
    bool here = false;
    bool evicted = false;  ///< went because its block was used again, not because it expired
    SimTime when;          ///< as of set_time()
    SimTime since;         ///< evicted: of the last mark(), after which its block was taken
  };
  /// Calls `listener` with each change from now on, in order.
  void on_change(std::function<void(const NameChange&)> listener) { listeners_.push_back(std::move(listener)); }
  /// Calls `listener` with every name whose block a second request uses.
  void on_second_use(std::function<void(std::uint64_t name, SimTime when)> listener) {
    second_use_ = std::move(listener);
  }

 private:
  struct Block {  // 32 bytes: two to a line of the processor's cache
    std::uint64_t id = 0;
    std::uint32_t refs = 0;
    std::uint32_t uses = 0;       // requests that used it under this name
    std::uint32_t follower = 0;   // the block that stood behind it when last used: the next hit, most likely
    std::uint32_t next_twin = 0;  // ring of the blocks of one name, oldest first
    std::uint32_t previous_twin = 0;
    bool named = false;
  };
  enum class Loss : std::uint8_t { Evicted, Expired };

  [[nodiscard]] std::uint64_t worth(std::uint32_t number) const;
  [[nodiscard]] const std::uint32_t* find(std::uint64_t id) const;
  [[nodiscard]] const std::uint32_t* find_alive(std::uint64_t id);
  [[nodiscard]] bool outlived(std::uint32_t number, SimTime now) const {
    return spec_.ttl && blocks_[number].refs == 0 && now - freed_[number] >= *spec_.ttl;
  }
  void use(std::uint32_t number, std::int32_t priority);
  void free_empty();
  void hold(std::uint32_t number, std::int32_t priority, std::vector<std::uint32_t>& held);
  void name_next(std::uint64_t id, std::int32_t priority, std::vector<std::uint32_t>& held);
  void add_name(std::uint32_t number, std::uint64_t id);
  void remove_name(std::uint32_t number, Loss loss);
  void remember(std::uint64_t id);

  PrefixCacheSpec spec_;
  std::vector<Block> blocks_;
  FreeQueue queue_;
  std::vector<SimTime> freed_;          // with a time to live: when a block became idle
  std::vector<std::uint32_t> urgency_;  // for EvictionOrder::Priority: of the most urgent user; higher is more urgent
  IdMap place_of_;                      // oldest block of each name; or, with kGone, its place among the names evicted
  std::vector<std::uint32_t> matched_;  // blocks that the last match() found
  std::vector<std::uint32_t> heap_;     // in use, without a name
  std::vector<std::uint64_t> gone_;     // ring of the names evicted last
  std::size_t next_gone_ = 0;
  SimTime now_;
  SimTime marked_;
  std::uint64_t version_ = 0;
  Counts counts_;
  std::vector<std::function<void(const NameChange&)>> listeners_;
  std::function<void(std::uint64_t, SimTime)> second_use_;
};

}  // namespace tokenyard::kv
