#pragma once

#include "workloads/session.hpp"
#include "workloads/traces/prefix_blocks.hpp"

#include <cstdint>
#include <unordered_map>

namespace tokenyard::workloads {

/// Names for the contexts of conversations whose trace says how long prompts are, history included, and has no prefix
/// ids: what a turn shares with the turns before it in its own conversation.
///
/// A prompt at least as long as the prompt and the answer before it begins with both. assumed: one that is at least as
/// long as the prompt before it begins with that one, and the answer stands there in other words (without its
/// thoughts); a shorter one is of a text of its own, as behind a compaction. Keeps an entry for every conversation.
class OwnHistory {
 public:
  /// `block_tokens`: of the names; 0 = 16, as of drawn sessions.
  explicit OwnHistory(std::uint32_t block_tokens) : block_tokens_(block_tokens > 0 ? block_tokens : 16) {}

  /// Of the next turn of a conversation. `new_text`: it is known to begin otherwise than the one before.
  [[nodiscard]] TurnNames next(std::uint64_t conversation, std::uint64_t prompt_tokens, std::uint64_t output_tokens,
                               bool new_text = false);

 private:
  struct Text {
    ContextNames names;
    std::uint64_t prompt = 0;  // of the turn before
    std::uint64_t whole = 0;   // with its answer
  };
  std::uint32_t block_tokens_;
  std::unordered_map<std::uint64_t, Text> texts_;  // looked up only
};

}  // namespace tokenyard::workloads
