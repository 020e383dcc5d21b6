#pragma once

#include "sim/validate/layouts.hpp"
#include "sim/validate/recipes.hpp"

#include <vector>

namespace tokenyard::validate {

/// A start configuration of InferenceX with prefill and decode apart.
struct SplitRecipe {
  ReadLayout prefill;
  ReadLayout decode;
  bool speculates = false;  ///< with multi-token prediction
};

/// The configurations under which so many users were measured: DeepSeek-R1 behind Dynamo on TensorRT-LLM (b200, h200,
/// h100) and on SGLang (b200 FP8). The columns of the measured rows have lost how many workers there were and whether
/// attention was data-parallel. None where none is known; several where the number of users does not tell them apart.
/// Source: github.com/SemiAnalysisAI/InferenceX, .github/configs/nvidia-master.yaml at 0004cf5f (dsr1-*-dynamo-*). On
/// H200 it gives users of one decode worker; rows have them times the workers, and 1.2 times for one user each.
[[nodiscard]] std::vector<SplitRecipe> split_recipes(const ServedRow& row);

}  // namespace tokenyard::validate
