#pragma once

#include "models/base/sim_time.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::workloads {

/// How long a user waits, from when the request is sent.
struct Patience {
  SimTime first_token = SimTime::never();  ///< for the first token
  SimTime answer = SimTime::never();       ///< for the last one
  bool seen_enough = false;                ///< `answer` is not when patience ends but when the user needs no more of it
};

/// What only the mechanics may know: how many tokens the model will answer with. No policy includes this header.
struct Fate {
  std::uint32_t output_tokens = 1;  ///< >= 1
  /// Names of the beginnings of prompt and answer together, for conversations whose next prompt repeats them: element i
  /// is of the block prompt_tokens / prefix.block_tokens + i, the first one that the prompt alone does not fill. Only
  /// of use where the request's own ids cover its prompt; empty = nobody will ask for it.
  std::vector<std::uint64_t> history_ids{};
  Patience patience{};
};

}  // namespace tokenyard::workloads
