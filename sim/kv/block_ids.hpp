#pragma once

#include "workloads/request.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::kv {

/// Names of the KV blocks of one request in an engine's own block size, made from the names its source gave in another.
///
/// Block k of B tokens takes the name of the source's block that holds its last token, together with k. Where F is a
/// multiple of B the parts of one source block are so shared together or not at all; where B is a multiple of F a block
/// is named by the last source block in it. Otherwise a block is shared only if the source block that it ends in is: a
/// little less than what is equal. Blocks that no id of the source covers get a name that no other request has.
///
/// Groups of layers have blocks of their own for the same tokens (BlockLayout), each with a name of its own; that of
/// the first group is the one that others call it by.
///
/// A view: the request outlives it.
class BlockIds {
 public:
  /// Which groups of layers: `count` from the `first` on.
  struct Groups {
    std::uint32_t count = 1;
    std::uint32_t first = 0;
  };
  /// `history`: names that go on behind the prompt (workloads::Fate::history_ids).
  BlockIds(const workloads::Request& request, const std::vector<std::uint64_t>& history, std::uint32_t block_tokens,
           Groups groups);
  BlockIds(const workloads::Request& request, const std::vector<std::uint64_t>& history, std::uint32_t block_tokens)
      : BlockIds(request, history, block_tokens, Groups{}) {}

  /// The name of the beginning that ends with block `index`, or, of several groups, with block `index / count` in group
  /// `first + index % count`.
  [[nodiscard]] std::uint64_t operator[](std::uint32_t index) const {
    if (groups_.count == 1 && groups_.first == 0) return name(index);
    return name_in_group(index);
  }

  /// Leading full blocks of the prompt that others may know.
  [[nodiscard]] std::uint32_t known_in_prompt() const { return in_prompt_; }
  /// Leading full blocks among the first `tokens` of prompt and answer that others may know.
  [[nodiscard]] std::uint32_t known(std::uint64_t tokens) const;

 private:
  [[nodiscard]] std::uint64_t name(std::uint32_t index) const;
  [[nodiscard]] std::uint64_t name_in_group(std::uint32_t index) const;

  const workloads::Request& request_;
  const std::vector<std::uint64_t>& history_;
  std::uint32_t block_tokens_;
  Groups groups_;
  std::uint32_t in_prompt_;
  std::uint64_t history_from_;  // the source's block that the first name of `history_` is of
};

}  // namespace tokenyard::kv
