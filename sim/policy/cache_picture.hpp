#pragma once

#include "sim/kv/block_ids.hpp"
#include "sim/kv/prefix_index.hpp"
#include "sim/policy/router.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace tokenyard::policy {

/// What a router believes the caches of its instances to hold.
class CachePicture {
 public:
  explicit CachePicture(const RouterSpec& spec) : spec_(spec) {}

  void name_changed(std::size_t instance, std::uint64_t name, bool here, SimTime when) {
    if (pending_.size() <= instance) pending_.resize(instance + 1);
    pending_[instance].push_back({when + spec_.delay, name, here});
  }

  /// Tokens of the prompt that each instance is believed to hold, by index.
  [[nodiscard]] const std::vector<std::uint32_t>& tokens_at(const workloads::Request& request,
                                                            std::span<const InstanceView> instances, SimTime now) {
    while (indices_.size() < instances.size()) {
      indices_.emplace_back(spec_.view == PrefixView::Guess ? spec_.capacity : 0);
    }
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      for (; !pending_[i].empty() && pending_[i].front().due <= now; pending_[i].pop_front()) {
        const Change& change = pending_[i].front();
        if (change.here) {
          (void)indices_[i].insert(change.name);
        } else {
          indices_[i].erase(change.name);
        }
      }
    }
    tokens_.assign(instances.size(), 0);
    for (std::size_t i = 0; i < instances.size(); ++i) {
      const std::uint32_t block = block_tokens(instances[i]);
      const kv::BlockIds ids(request, no_history_, block);
      tokens_[i] = block * indices_[i].match(most(ids), [&](std::uint32_t at) { return ids[at]; });
    }
    return tokens_;
  }

  void sent(const workloads::Request& request, std::size_t instance) {
    if (spec_.view != PrefixView::Guess) return;
    const kv::BlockIds ids(request, no_history_, spec_.block_tokens);
    indices_[instance].write(most(ids), [&](std::uint32_t at) { return ids[at]; });
  }

 private:
  struct Change {
    SimTime due;
    std::uint64_t name;
    bool here;
  };
  [[nodiscard]] std::uint32_t block_tokens(const InstanceView& view) const {
    return spec_.view == PrefixView::Guess ? spec_.block_tokens : view.block_tokens;
  }
  [[nodiscard]] std::uint32_t most(const kv::BlockIds& ids) const {
    return spec_.most_blocks == 0 ? ids.known_in_prompt() : std::min(ids.known_in_prompt(), spec_.most_blocks);
  }

  RouterSpec spec_;
  std::vector<kv::PrefixIndex> indices_;
  std::vector<std::deque<Change>> pending_;  // by instance, in order of time
  std::vector<std::uint32_t> tokens_;
  std::vector<std::uint64_t> no_history_;
};

}  // namespace tokenyard::policy
