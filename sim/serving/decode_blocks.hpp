#pragma once

#include "sim/kv/block_layout.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::serving {

/// What decodes take of the KV blocks and leave behind them, step by step, without a look at any of them: how many
/// stand at each place within a block. All decode in every step, one token each.
class DecodeBlocks {
 public:
  explicit DecodeBlocks(const kv::BlockLayout& layout)
      : layout_(layout), at_(layout.tokens), passing_(layout.windowed > 0 ? layout.tokens : 0) {}

  /// A decode with so many tokens in the cache comes, or goes.
  void join(std::uint64_t computed) { ++at_[phase_of(computed)]; }
  void leave(std::uint64_t computed) { --at_[phase_of(computed)]; }
  /// From now on, or no longer, it also leaves the blocks behind that its window has passed.
  /// REQUIRES: windowed groups; computed >= first_pass().
  void join_passing(std::uint64_t computed) { ++passing_[phase_of(computed)]; }
  void leave_passing(std::uint64_t computed) { --passing_[phase_of(computed)]; }

  /// The fewest tokens in the cache before a step that leaves a block behind. REQUIRES: windowed groups.
  [[nodiscard]] std::uint64_t first_pass() const { return std::uint64_t{layout_.window} + layout_.tokens - 2; }
  /// Steps of a decode with so many tokens before the one in which it next leaves a block behind.
  [[nodiscard]] std::uint64_t until_pass(std::uint64_t computed) const {
    if (computed <= first_pass()) return first_pass() - computed;
    const std::uint64_t since = (computed - first_pass()) % layout_.tokens;
    return since == 0 ? 0 : layout_.tokens - since;
  }

  /// New blocks of the next step.
  [[nodiscard]] std::uint32_t taken() const { return taken(edge_); }
  /// Blocks that the next step leaves behind, of those that join_passing().
  [[nodiscard]] std::uint32_t passed() const { return passed(edge_); }
  void advance() { edge_ = before(edge_); }
  void advance(std::uint64_t steps) {
    const auto back = static_cast<std::uint32_t>(steps % layout_.tokens);
    edge_ = edge_ >= back ? edge_ - back : edge_ + layout_.tokens - back;
  }

  /// Goes through steps ahead, as long as nothing joins or leaves. What a step leaves behind is free when the next one
  /// takes its blocks.
  class Walk {
   public:
    struct Change {
      std::uint32_t freed = 0;  ///< first
      std::uint32_t taken = 0;
    };
    /// `left_behind`: by the step before. `decodes` outlives the walk.
    Walk(const DecodeBlocks& decodes, std::uint32_t left_behind)
        : decodes_(&decodes), edge_(decodes.edge_), left_behind_(left_behind) {}

    Change next() {
      Change change{.freed = 0, .taken = decodes_->taken(edge_)};
      taken_ += change.taken;
      if (!decodes_->passing_.empty()) {
        change.freed = left_behind_;
        freed_ += change.freed;
        left_behind_ = decodes_->passed(edge_);
      }
      edge_ = decodes_->before(edge_);
      return change;
    }
    /// By all steps so far.
    [[nodiscard]] std::uint64_t freed() const { return freed_; }
    [[nodiscard]] std::uint64_t taken() const { return taken_; }
    /// By the last one; not yet freed.
    [[nodiscard]] std::uint32_t left_behind() const { return left_behind_; }

   private:
    const DecodeBlocks* decodes_;
    std::uint32_t edge_;
    std::uint32_t left_behind_;
    std::uint64_t freed_ = 0;
    std::uint64_t taken_ = 0;
  };

  struct Room {
    std::uint64_t decodes = 0;  ///< that have joined, at least one
    std::uint64_t free = 0;     ///< blocks
    std::uint32_t left_behind = 0;
    std::uint64_t too_few = UINT32_MAX;
  };
  /// How many steps, at most `most`, find enough free blocks and leave no more free than `too_few`.
  [[nodiscard]] std::uint64_t steps_within(const Room& room, std::uint64_t most) const;
  /// The same without windows.
  [[nodiscard]] std::uint64_t steps_within(std::uint64_t decodes, std::uint64_t free, std::uint64_t most) const {
    // A full cycle of places takes a block a decode.
    if (free / decodes * layout_.tokens >= most) return most;
    return steps_within({.decodes = decodes, .free = free}, most);
  }

 private:
  [[nodiscard]] std::uint32_t before(std::uint32_t edge) const { return (edge == 0 ? layout_.tokens : edge) - 1; }
  [[nodiscard]] std::uint32_t phase_of(std::uint64_t computed) const {
    const auto phase = static_cast<std::uint32_t>(computed % layout_.tokens) + edge_;
    return phase < layout_.tokens ? phase : phase - layout_.tokens;
  }
  [[nodiscard]] std::uint32_t taken(std::uint32_t edge) const { return layout_.groups() * at_[edge]; }
  [[nodiscard]] std::uint32_t passed(std::uint32_t edge) const {
    if (passing_.empty()) return 0;
    return layout_.windowed * passing_[(edge + first_pass()) % layout_.tokens];
  }

  kv::BlockLayout layout_;
  std::vector<std::uint32_t> at_;       // by place: those of one phase stand at a block's edge in the same steps
  std::vector<std::uint32_t> passing_;  // of those, what leaves blocks behind
  std::uint32_t edge_ = 0;              // phase that the next step finds at a block's edge; one less with every step
};

}  // namespace tokenyard::serving
