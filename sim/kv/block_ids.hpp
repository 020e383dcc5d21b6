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
/// A view: the request outlives it.
class BlockIds {
 public:
  /// `history`: names that go on behind the prompt (workloads::Fate::history_ids).
  BlockIds(const workloads::Request& request, const std::vector<std::uint64_t>& history, std::uint32_t block_tokens);

  /// The name of the beginning that ends with block `index`.
  [[nodiscard]] std::uint64_t operator[](std::uint32_t index) const;

  /// Leading full blocks of the prompt that others may know.
  [[nodiscard]] std::uint32_t known_in_prompt() const { return in_prompt_; }
  /// Leading full blocks among the first `tokens` of prompt and answer that others may know.
  [[nodiscard]] std::uint32_t known(std::uint64_t tokens) const;

 private:
  const workloads::Request& request_;
  const std::vector<std::uint64_t>& history_;
  std::uint32_t block_tokens_;
  std::uint32_t in_prompt_;
  std::uint64_t history_from_;  // the source's block that the first name of `history_` is of
};

}  // namespace tokenyard::kv
