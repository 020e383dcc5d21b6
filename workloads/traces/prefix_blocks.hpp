#pragma once

#include "workloads/request.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::workloads {

/// A name made of two: the same for the same two, and other names for others, as far as 64 bits go (a collision among
/// 10^8 names has a chance of about 3e-4). Source of the mixing: splitmix64, G. Steele et al., OOPSLA 2014.
[[nodiscard]] std::uint64_t mixed(std::uint64_t first, std::uint64_t second);

/// The same beginnings of a prompt of `prompt_tokens` in blocks of `block_tokens`; the last id may again be of a block
/// cut short by the prompt's end, where the ids reach up to there.
///
/// Into larger blocks: the name of the last small block of each, so nothing is lost but what lies in blocks only partly
/// shared. Into smaller ones: what is known of a large block is whether all of it is shared, so all its parts are or
/// none. Between sizes of which neither divides the other it goes by way of their greatest common divisor. REQUIRES:
/// block_tokens > 0; prefix.block_tokens > 0 where there are ids.
[[nodiscard]] PromptPrefix reblocked(const PromptPrefix& prefix, std::uint64_t prompt_tokens,
                                     std::uint32_t block_tokens);

/// A part of a prompt that may stand in other prompts too.
struct Piece {
  std::uint64_t name = 0;  ///< of its content alone
  std::uint32_t tokens = 0;
};

/// Names of the beginnings of a prompt made of `pieces`, one behind the other. What is behind the last piece is shared
/// with nobody, and a block that reaches into it has no id.
[[nodiscard]] PromptPrefix blocks_of(const std::vector<Piece>& pieces, std::uint32_t block_tokens);

/// Names for the blocks of one growing text, of which it is known only how much is kept from turn to turn.
class ContextNames {
 public:
  /// `key` names the text: other keys, other names. The first `shared` tokens are those of the text `shared_key`.
  ContextNames(std::uint64_t key, std::uint32_t block_tokens, std::uint64_t shared_key = 0, std::uint64_t shared = 0);

  /// Everything behind the first `tokens` tokens is new from here on (a compaction, another branch).
  void cut(std::uint64_t tokens);

  /// The text's first `tokens` tokens; the last id is of a block cut short where `tokens` does not fill it.
  [[nodiscard]] PromptPrefix prefix(std::uint64_t tokens) const;

  /// Of the full blocks of a prompt and its answer behind it, from the first on that the prompt does not fill.
  [[nodiscard]] std::vector<std::uint64_t> answer(std::uint64_t prompt_tokens, std::uint64_t output_tokens) const;

 private:
  struct Part {
    std::uint64_t first_block = 0;
    std::uint64_t key = 0;
  };
  std::uint64_t key_;
  std::uint32_t block_tokens_;
  std::uint64_t cuts_ = 0;
  std::vector<Part> parts_;  // by first_block, rising
};

}  // namespace tokenyard::workloads
