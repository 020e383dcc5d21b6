#include "workloads/traces/prefix_blocks.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace tokenyard::workloads {
namespace {

[[nodiscard]] constexpr std::uint64_t splitmix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

[[nodiscard]] PromptPrefix split(const PromptPrefix& prefix, std::uint64_t prompt_tokens, std::uint32_t block_tokens) {
  const std::uint64_t parts = prefix.block_tokens / block_tokens;
  const std::uint64_t covered =
      std::min<std::uint64_t>(prompt_tokens, prefix.ids.size() * std::uint64_t{prefix.block_tokens});
  const std::uint64_t count = (covered + block_tokens - 1) / block_tokens;
  PromptPrefix result{.block_tokens = block_tokens};
  result.ids.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t part = i % parts;
    // The end of a large block is where the large name holds.
    result.ids.push_back(part + 1 == parts ? prefix.ids[i / parts] : mixed(prefix.ids[i / parts], part));
  }
  // Two prompts may end at other places of the same large block: their last small blocks are then not the same.
  if (covered % block_tokens != 0) result.ids.back() = mixed(result.ids.back(), covered % block_tokens);
  return result;
}

[[nodiscard]] PromptPrefix join(const PromptPrefix& prefix, std::uint64_t prompt_tokens, std::uint32_t block_tokens) {
  const std::size_t parts = block_tokens / prefix.block_tokens;
  PromptPrefix result{.block_tokens = block_tokens};
  for (std::size_t end = parts; end <= prefix.ids.size(); end += parts) result.ids.push_back(prefix.ids[end - 1]);
  // A block that the prompt's end cuts short has a name only where the prompt is known up to there.
  const bool whole = prefix.ids.size() * std::uint64_t{prefix.block_tokens} >= prompt_tokens;
  if (whole && prefix.ids.size() % parts != 0) result.ids.push_back(prefix.ids.back());
  return result;
}

}  // namespace

std::uint64_t mixed(std::uint64_t first, std::uint64_t second) { return splitmix64(splitmix64(first) ^ (second + 1)); }

PromptPrefix reblocked(const PromptPrefix& prefix, std::uint64_t prompt_tokens, std::uint32_t block_tokens) {
  expect(block_tokens > 0, "a block holds tokens");
  if (prefix.ids.empty() || prefix.block_tokens == block_tokens) return prefix;
  expect(prefix.block_tokens > 0, "ids are of blocks that hold tokens");
  const std::uint32_t step = std::gcd(prefix.block_tokens, block_tokens);
  const PromptPrefix small = step == prefix.block_tokens ? prefix : split(prefix, prompt_tokens, step);
  return step == block_tokens ? small : join(small, prompt_tokens, block_tokens);
}

PromptPrefix blocks_of(const std::vector<Piece>& pieces, std::uint32_t block_tokens) {
  expect(block_tokens > 0, "a block holds tokens");
  PromptPrefix result{.block_tokens = block_tokens};
  std::uint64_t begin = 0;   // of the piece, in tokens
  std::uint64_t before = 0;  // name of everything before the piece
  for (const Piece& piece : pieces) {
    const std::uint64_t end = begin + piece.tokens;
    const std::uint64_t with = mixed(before, piece.name);
    // A block that ends inside a piece shares with all texts that have come to the same place of the same piece.
    for (std::uint64_t edge = (result.ids.size() + 1) * block_tokens; edge <= end; edge += block_tokens) {
      result.ids.push_back(mixed(with, edge - begin));
    }
    before = mixed(with, piece.tokens);
    begin = end;
  }
  return result;
}

ContextNames::ContextNames(std::uint64_t key, std::uint32_t block_tokens, std::uint64_t shared_key,
                           std::uint64_t shared)
    : key_(key), block_tokens_(block_tokens) {
  expect(block_tokens > 0, "a block holds tokens");
  if (shared >= block_tokens) parts_.push_back({0, shared_key});
  parts_.push_back({shared / block_tokens, key});
}

void ContextNames::cut(std::uint64_t tokens) {
  const std::uint64_t block = tokens / block_tokens_;
  while (!parts_.empty() && parts_.back().first_block >= block) parts_.pop_back();
  parts_.push_back({block, mixed(key_, ++cuts_)});
}

PromptPrefix ContextNames::prefix(std::uint64_t tokens) const {
  PromptPrefix result{.block_tokens = block_tokens_};
  const std::uint64_t count = (tokens + block_tokens_ - 1) / block_tokens_;
  result.ids.reserve(count);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const std::uint64_t end = i + 1 < parts_.size() ? std::min(parts_[i + 1].first_block, count) : count;
    for (std::uint64_t block = parts_[i].first_block; block < end; ++block) {
      result.ids.push_back(mixed(parts_[i].key, block));
    }
  }
  if (tokens % block_tokens_ != 0) result.ids.back() = mixed(result.ids.back(), tokens % block_tokens_);
  return result;
}

std::vector<std::uint64_t> ContextNames::answer(std::uint64_t prompt_tokens, std::uint64_t output_tokens) const {
  const std::uint64_t full = (prompt_tokens + output_tokens) / block_tokens_;
  const std::vector<std::uint64_t> ids = prefix(full * block_tokens_).ids;
  return {ids.begin() + static_cast<std::ptrdiff_t>(prompt_tokens / block_tokens_), ids.end()};
}

}  // namespace tokenyard::workloads
