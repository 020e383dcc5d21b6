#pragma once

#include "models/cost/step_shape.hpp"
#include "sim/policy/batch_rules.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace tokenyard::serving {

using policy::SequenceId;

/// Most steps in flight: one running and one composed behind it, or one in every stage of a pipeline.
inline constexpr std::size_t kMaxDepth = 16;

/// A chunk of a prompt in a step of an instance that hands KV over.
struct PromptChunk {
  SequenceId id;
  std::uint32_t computed = 0;  ///< tokens in the cache after the step
};

/// What one rank put into one step, until the step's outputs have been processed.
struct RankStep {
  bool live = false;          ///< composed and not yet completed by this rank
  std::uint64_t compose = 0;  ///< number of the compose that made it
  cost::StepShape shape;
  std::uint32_t decode_tokens = 0;       ///< tokens it hands out to decodes (dropped ones taken off)
  std::vector<SequenceId> prompts_done;  ///< hand out the first token of this admission
  std::vector<SequenceId> closing;       ///< hand out their last token
  std::vector<SequenceId> joined;        ///< decode for the first time, after a token that came with their KV
  std::vector<SequenceId> paused;        ///< could have decoded but were left out; sorted
  std::vector<PromptChunk> chunks;       ///< kept by a rank that hands KV over or shares it when it is there
  std::vector<std::pair<SequenceId, std::uint32_t>> given;  ///< with drafts: tokens that each decode hands out

  /// Decodes that hand out something.
  [[nodiscard]] std::uint32_t decodes_served() const {
    return given.empty() ? decode_tokens : static_cast<std::uint32_t>(given.size());
  }

  [[nodiscard]] bool pauses(SequenceId id) const { return std::binary_search(paused.begin(), paused.end(), id); }

  void clear() {
    given.clear();
    shape = {};
    decode_tokens = 0;
    prompts_done.clear();
    closing.clear();
    joined.clear();
    paused.clear();
    chunks.clear();
  }
};

}  // namespace tokenyard::serving
