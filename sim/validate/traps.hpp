#pragma once

#include "sim/validate/point.hpp"
#include "sim/validate/recipes.hpp"

namespace tokenyard::validate {

/// Whether the row's harness sent requests of one length: waves that stay in lock-step are seen in these rows alone.
[[nodiscard]] bool fixed_lengths(const ServedRow& row);

/// Whether start configurations with and without multi-token prediction exist for the row, so that of two rows the
/// faster one has it: SGLang 0.5.9, R1 in FP8 on 8 B200 up to 64 users (dsr1-fp8-b200-sglang and -sglang-mtp). Source:
/// github.com/SemiAnalysisAI/InferenceX, .github/configs/nvidia-master.yaml at 0004cf5f.
[[nodiscard]] bool measured_both_ways(const ServedRow& row);

/// Marks measured figures that do not mean what their column says, each by a named rule; docs/validation.md has the
/// evidence of every rule. The rows are played and listed all the same, and both scores are shown.
void note_traps(const ServedRow& row, bool split, Point& point);

}  // namespace tokenyard::validate
