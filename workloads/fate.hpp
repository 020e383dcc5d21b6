#pragma once

#include <cstdint>
#include <vector>

namespace tokenyard::workloads {

/// What only the mechanics may know: how many tokens the model will answer with. No policy includes this header.
struct Fate {
  std::uint32_t output_tokens = 1;  ///< >= 1
  /// Names of the beginnings of prompt and answer together, for conversations whose next prompt repeats them: element i
  /// is of the block prompt_tokens / prefix.block_tokens + i, the first one that the prompt alone does not fill. Only
  /// of use where the request's own ids cover its prompt; empty = nobody will ask for it.
  std::vector<std::uint64_t> history_ids{};
};

}  // namespace tokenyard::workloads
