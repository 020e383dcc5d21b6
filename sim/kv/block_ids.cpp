#include "sim/kv/block_ids.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

namespace tokenyard::kv {
namespace {

/// Two numbers into one, by the finaliser of splitmix64 (G. Steele et al., OOPSLA 2014).
std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  std::uint64_t z = a + (b + 1) * 0x9E37'79B9'7F4A'7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EBULL;
  return z ^ (z >> 31);
}

constexpr std::uint64_t kOwn = 0x5851'F42D'4C95'7F2DULL;    // sets names of one request apart from those of a source
constexpr std::uint64_t kGroup = 0x2545'F491'4F6C'DD1DULL;  // and those of a group of layers

}  // namespace

BlockIds::BlockIds(const workloads::Request& request, const std::vector<std::uint64_t>& history,
                   std::uint32_t block_tokens, Groups groups)
    : request_(request), history_(history), block_tokens_(block_tokens), groups_(groups) {
  const workloads::PromptPrefix& prefix = request.prefix;
  expect(prefix.ids.empty() || prefix.block_tokens > 0, "ids are of blocks of some tokens");
  const std::uint64_t covered = std::uint64_t{prefix.block_tokens} * prefix.ids.size();
  in_prompt_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(covered, request.prompt_tokens) / block_tokens);
  history_from_ = prefix.ids.empty() ? 0 : request.prompt_tokens / prefix.block_tokens;
}

std::uint64_t BlockIds::name(std::uint32_t index) const {
  if (!request_.prefix.ids.empty()) {
    const std::uint64_t last = ((std::uint64_t{index} + 1) * block_tokens_ - 1) / request_.prefix.block_tokens;
    // The block that the prompt's end cuts short has two names: that of the prompt, and that of prompt and answer,
    // which the next prompt of the conversation will use.
    if (last >= history_from_ && last - history_from_ < history_.size()) {
      return mixed(history_[last - history_from_], index);
    }
    if (index < in_prompt_) return mixed(request_.prefix.ids[last], index);
  }
  return mixed(mixed(kOwn, request_.id.index()), index);
}

std::uint64_t BlockIds::name_in_group(std::uint32_t index) const {
  const std::uint32_t group = groups_.first + index % groups_.count;
  const std::uint64_t first = name(index / groups_.count);
  return group == 0 ? first : mixed(first, kGroup + group);
}

std::uint32_t BlockIds::known(std::uint64_t tokens) const {
  const std::uint64_t full = tokens / block_tokens_;
  if (full <= in_prompt_) return static_cast<std::uint32_t>(full);
  const bool whole_prompt = !request_.prefix.ids.empty() && in_prompt_ == request_.prompt_tokens / block_tokens_;
  if (!whole_prompt || history_.empty()) return in_prompt_;
  const std::uint64_t covered = (history_from_ + history_.size()) * request_.prefix.block_tokens / block_tokens_;
  return static_cast<std::uint32_t>(std::min(full, std::max<std::uint64_t>(covered, in_prompt_)));
}

}  // namespace tokenyard::kv
