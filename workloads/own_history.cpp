#include "workloads/own_history.hpp"

namespace tokenyard::workloads {

TurnNames OwnHistory::next(std::uint64_t conversation, std::uint64_t prompt_tokens, std::uint64_t output_tokens,
                           bool new_text) {
  constexpr std::uint64_t kOwn = 0x0517;  // sets these names apart from recorded ones
  Text& text =
      texts_.try_emplace(conversation, Text{ContextNames(mixed(conversation, kOwn), block_tokens_)}).first->second;
  const std::uint64_t kept = new_text || prompt_tokens < text.prompt ? 0
                             : prompt_tokens < text.whole            ? text.prompt
                                                                     : text.whole;
  if (kept < text.whole) text.names.cut(kept);
  text.prompt = prompt_tokens;
  text.whole = prompt_tokens + output_tokens;
  return {.prefix = text.names.prefix(prompt_tokens), .history = text.names.answer(prompt_tokens, output_tokens)};
}

}  // namespace tokenyard::workloads
