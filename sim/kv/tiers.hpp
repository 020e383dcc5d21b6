#pragma once

#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "sim/kv/block_ids.hpp"
#include "sim/kv/prefix_index.hpp"

#include <array>
#include <cstdint>
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
  Selective,  ///< as Back, but only if at least two requests used it
};

struct TierSpec {
  TierKind kind = TierKind::Host;
  Bytes capacity;       ///< of one instance, Pool: of all together
  BytesPerSecond read;  ///< of one instance's link, towards the chips
  BytesPerSecond write;
  Seconds latency;  ///< before the first byte of a read
  WritePolicy policy = WritePolicy::Back;
  std::optional<std::string> store{};  ///< of the machine, by name; absent: the first of its kind
  bool on_links = false;               ///< the machine's links carry its blocks: TierStack only says which
};

struct TiersSpec {
  std::vector<TierSpec> tiers{};  ///< from near to far, each kind once
  bool when_faster = true;        ///< fetch only what takes longer to compute anew; false: whatever is there
};

/// Throws SpecError: `tiers` out of order.
void validate(const TiersSpec& spec);

/// What one tier holds: names, the least recently written or read of which give way.
struct TierStore {
  explicit TierStore(std::uint32_t blocks) : names(blocks) {}
  PrefixIndex names;
};

/// The tiers of one instance: what they hold and how busy their links are. Reads of one tier follow each other on its
/// link, those of different tiers run side by side; those of tiers on the machine's links take no time here. What is
/// read stays in its tier. Writes are counted and take their turn on the write link, but delay nobody, and what is
/// being written can be read at once.
///
/// Sources of the policies: SGLang HiCache (write_through, write_through_selective, write_back), as restated in
/// docs/engines.md.
class TierStack {
 public:
  /// `block`: bytes of one block. `pool`: the store of TierKind::Pool, which several stacks share; it outlives them.
  TierStack(const TiersSpec& spec, Bytes block, TierStore* pool);

  /// Blocks by tier, in the order of TierKind.
  using Counts = std::array<std::uint32_t, kTiers>;

  /// Blocks from .. of `ids` up to `most` that some tier holds, each counted where it is nearest; stops at the first
  /// that none has.
  [[nodiscard]] Counts match(const BlockIds& ids, std::uint32_t from, std::uint32_t most) const;

  /// When a read of these blocks that starts now will have ended.
  [[nodiscard]] SimTime end_of_read(SimTime now, const Counts& blocks) const;
  /// Starts it; gives its end. The blocks from .. become the most recent of their tiers.
  SimTime read(SimTime now, const BlockIds& ids, std::uint32_t from, const Counts& blocks);

  /// A block of the chips' memory got this name.
  void named(std::uint64_t name);
  /// It was used again for something else; `uses`: by how many requests it had been used under this name.
  void evicted(std::uint64_t name, std::uint32_t uses);

  [[nodiscard]] bool when_faster() const { return when_faster_; }

  /// Since the beginning, by tier.
  struct Traffic {
    std::array<std::uint64_t, kTiers> read_blocks{};
    std::array<std::uint64_t, kTiers> written_blocks{};
  };
  [[nodiscard]] const Traffic& traffic() const { return traffic_; }

 private:
  struct Tier {
    TierSpec spec;
    SimTime block_read;  // of one block on the link
    SimTime latency;
    SimTime read_free_at;
    std::unique_ptr<TierStore> own;
    TierStore* store = nullptr;
  };
  void write(std::size_t tier, std::uint64_t name);
  [[nodiscard]] static SimTime end_at(const Tier& tier, SimTime now, std::uint32_t blocks);

  std::vector<Tier> tiers_;
  bool when_faster_;
  Traffic traffic_;
};

}  // namespace tokenyard::kv
