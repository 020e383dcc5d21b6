#pragma once

#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "sim/kv/block_ids.hpp"
#include "sim/kv/tier_store.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::kv {

/// Where KV blocks are kept beyond the chips' memory, from near to far.
enum class TierKind : std::uint8_t {
  Host,  ///< memory of the instance's hosts
  Nvme,  ///< its local drives
  Pool,  ///< a store that all instances of the pool share
};
inline constexpr std::size_t kTiers = 3;
[[nodiscard]] const char* name(TierKind kind);

/// When a block is copied into a tier.
enum class WritePolicy : std::uint8_t {
  Through,    ///< as soon as it has a name
  Back,       ///< when its place in the tier before is used again
  Selective,  ///< as soon as a second request uses it
};

struct TierSpec {
  TierKind kind = TierKind::Host;
  Bytes capacity;       ///< of one instance, Pool: of all together
  BytesPerSecond read;  ///< of one instance's links, towards the chips
  BytesPerSecond write;
  Seconds latency;  ///< before the first byte of a read
  WritePolicy policy = WritePolicy::Back;
  std::optional<std::string> store{};  ///< of the machine, by name; absent: the first of its kind
  bool on_links = false;               ///< the machine's links carry its blocks: TierStack only says which
};

/// What an engine does with tiers beyond their policies; each engine's own (docs/engines.md).
struct TierRules {
  /// A request starts at once and its step waits for what it reads; else it waits outside of the batch.
  bool with_step = false;
  bool by_layer = false;     ///< with_step: a layer waits for its own part only; else the first one for all
  std::uint32_t layers = 1;  ///< by_layer: of the model
  bool moves = false;        ///< what is read leaves its tier
  /// What the chips hold too does not give way in the first tier.
  bool keeps_copies = false;
  bool chains = false;            ///< what has been written to a tier is copied to the next one, whatever its policy
  bool waits_for_writes = false;  ///< a place that is written back may be used when its copy has ended
};

/// When a request need not wait any longer for what is read for it ahead of its turn.
enum class PrefetchPolicy : std::uint8_t {
  BestEffort,    ///< when it is the head of the queue
  WaitComplete,  ///< when all is there
  Timeout,       ///< when all is there or its time is over
};

/// Blocks of drives and pools are read into the first tier, host memory, when a request reaches the scheduler.
struct PrefetchSpec {
  PrefetchPolicy policy = PrefetchPolicy::Timeout;
  std::uint32_t threshold = 256;  ///< tokens; less is not read
  SimTime timeout_base{1'000'000'000};
  SimTime timeout_per_1024{250'000'000};  ///< tokens
};

struct TiersSpec {
  std::vector<TierSpec> tiers{};           ///< from near to far, each kind once
  bool when_faster = true;                 ///< fetch only what takes longer to compute anew; false: whatever is there
  std::uint32_t load_back_threshold = 0;   ///< tokens; fewer are computed anew
  std::optional<PrefetchSpec> prefetch{};  ///< then what the first tier has not is read no other way
  TierRules rules{};
};

/// Carries over the machine's links what is read ahead for requests. Implemented in sim/serving.
class AheadLinks {
 public:
  virtual ~AheadLinks() = default;
  /// Reads so many blocks of a tier for request `key`, behind those of earlier requests; TierStack::came() is told of
  /// them as they come.
  virtual void read_ahead(std::uint32_t key, TierKind tier, std::uint32_t blocks) = 0;
  /// No more of them comes for it.
  virtual void stop_ahead(std::uint32_t key) = 0;
};

/// Throws SpecError: `tiers` out of order; a prefetch without host memory or anything behind it.
void validate(const TiersSpec& spec);

/// What one of `ranks` attention ranks has of an instance's tiers: a scheduler of its own with an equal part of the
/// host memory and of the links that the machine does not describe. Drives and pools are not divided. Source:
/// TensorRT-LLM and SGLang with data-parallel attention run a cache manager a rank, and SGLang's ranks find each
/// other's pages in storage by name (docs/engines.md, [P]).
[[nodiscard]] TiersSpec part_of_rank(TiersSpec spec, std::uint32_t ranks);

/// As many as fit, at most 4e9. REQUIRES: one does.
[[nodiscard]] std::uint32_t blocks_in(const TierSpec& tier, Bytes block);

/// The tiers of one attention rank: what they hold and how busy their links are. Reads of one tier follow each other on
/// its link, those of different tiers run side by side; those of tiers on the machine's links take no time here. Writes
/// follow each other on a link of their own; what is being written takes room at once and can be read when it is there
/// (on the machine's links: when it would be if they were idle).
///
/// Sources of the policies: SGLang HiCache (write_through, write_through_selective, write_back), as restated in
/// docs/engines.md.
class TierStack {
 public:
  /// `block`: bytes of one block, of `block_tokens`. `pool`, `drives`: the stores of TierKind::Pool and TierKind::Nvme
  /// that several stacks share; they outlive them. Without `drives` a stack has its own.
  TierStack(const TiersSpec& spec, Bytes block, std::uint32_t block_tokens, TierStore* pool,
            TierStore* drives = nullptr);

  /// Must not go back.
  void set_time(SimTime now);

  /// Blocks by tier, in the order of TierKind.
  using Counts = std::array<std::uint32_t, kTiers>;

  /// Blocks from .. of `ids` up to `most` that some tier has for a request at its turn, each counted where it is
  /// nearest; stops at the first that none has. Nothing below the threshold.
  [[nodiscard]] Counts match(const BlockIds& ids, std::uint32_t from, std::uint32_t most) const;

  struct Read {
    SimTime begin;  ///< of the first byte
    SimTime end;
  };
  /// When a read of these blocks that starts now will have ended.
  [[nodiscard]] SimTime end_of_read(SimTime now, const Counts& blocks) const { return time_of(now, blocks).end; }
  /// Starts it. The blocks from .. become the most recent of their tiers.
  Read read(SimTime now, const BlockIds& ids, std::uint32_t from, const Counts& blocks);

  // ---- of the chips' memory ----
  void named(std::uint64_t name, SimTime when);       ///< a block got this name
  void used_again(std::uint64_t name, SimTime when);  ///< a second request uses it
  void evicted(std::uint64_t name, SimTime when);     ///< its place was used again for something else
  void forgotten(std::uint64_t name);                 ///< its time to live is over
  /// When all that has been written back over a link of its own has ended; long ago where nobody waits for that.
  [[nodiscard]] SimTime written_back() const { return spec_.rules.waits_for_writes ? written_back_ : SimTime{}; }
  /// Whether somebody waits for what is written back to the first tier over the machine's links.
  [[nodiscard]] bool links_write_back() const;

  // ---- ahead of a request's turn (tier_prefetch.cpp) ----
  /// From now on `links`, which outlive the stack, carry what is read ahead from tiers that are on them.
  void carry_ahead(AheadLinks& links) { links_ = &links; }
  /// So many more blocks have come for a request over the machine's links. REQUIRES: its prefetch has not ended.
  void came(std::uint32_t key, TierKind tier, std::uint32_t blocks);
  /// Blocks that the chips have not, from .. up to `most`, are read for request `key`, as far as the threshold says
  /// so. Gives whether they are. REQUIRES: a prefetch.
  bool prefetch(SimTime now, std::uint32_t key, const BlockIds& ids, std::uint32_t from, std::uint32_t most);
  /// When its request need not wait any longer, as far as is known now: others that are stopped bring it forward. Never
  /// where that is when all has come over the machine's links and it has not, or nothing is read for it.
  [[nodiscard]] SimTime prefetched_at(SimTime now, std::uint32_t key);
  /// Stops it; what has come so far, from the first block on, is in the first tier. Gives whether that is all.
  bool end_prefetch(SimTime now, std::uint32_t key);
  [[nodiscard]] const std::optional<PrefetchSpec>& prefetches() const { return spec_.prefetch; }

  [[nodiscard]] bool when_faster() const { return spec_.when_faster; }
  [[nodiscard]] const TierRules& rules() const { return spec_.rules; }

  /// Since the beginning, by tier.
  struct Traffic {
    std::array<std::uint64_t, kTiers> read_blocks{};
    std::array<std::uint64_t, kTiers> written_blocks{};
    std::array<std::uint64_t, kTiers> sent_blocks{};  ///< of these, all but what was read into the first tier
  };
  [[nodiscard]] const Traffic& traffic() const { return traffic_; }

 private:
  /// Blocks of a prefetch on the link of one tier.
  struct Part {
    std::uint32_t key = 0;
    std::uint32_t left = 0;
    bool begun = false;
  };
  struct Tier {
    TierSpec spec;
    SimTime block_read;  // of one block on the link
    SimTime block_write;
    SimTime latency;
    SimTime read_free_at;
    SimTime write_free_at;
    std::unique_ptr<TierStore> own;
    TierStore* store = nullptr;
    std::deque<Part> parts;  // of prefetches, in order
    SimTime part_at;         // the first part has read its blocks that are done by then
  };
  struct Ahead {
    SimTime asked;
    std::vector<std::pair<std::uint64_t, std::size_t>> blocks;  // name and tier; 0: it was in the first already
    std::vector<std::uint32_t> counts;                          // by tier
    std::vector<std::uint32_t> done;                            // likewise: have come
    std::uint32_t wanted = 0;                                   // blocks that are read
    std::uint32_t read = 0;
  };
  SimTime write(std::size_t tier, std::uint64_t name, SimTime when);
  [[nodiscard]] Read time_of(SimTime now, const Counts& blocks) const;
  void advance(SimTime now);

  TiersSpec spec_;
  std::uint32_t block_tokens_;
  std::vector<Tier> tiers_;
  SimTime written_back_;
  std::map<std::uint32_t, Ahead> ahead_;  // by request
  AheadLinks* links_ = nullptr;
  Traffic traffic_;
};

}  // namespace tokenyard::kv
