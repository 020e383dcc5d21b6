#pragma once

#include "models/base/units.hpp"
#include "models/device/dtype.hpp"
#include "models/llm/architecture.hpp"

#include <cstdint>

namespace tokenyard::validate {

/// What trtllm-bench is told of a run.
struct BenchRun {
  std::uint32_t chips = 1;  ///< tensor ranks, pipeline stages counted
  Bytes memory;             ///< of one chip
  models::GemmKind weights = models::GemmKind::Bf16;
  models::Dtype kv = models::Dtype::Bf16;
  std::uint32_t prompt = 0, output = 0;
};

struct BenchLimits {
  std::uint32_t max_batch_size = 0;
  std::uint32_t max_num_tokens = 0;
};

/// The limits that trtllm-bench gives an engine where its command names none: as many requests as its rough count of
/// memory holds (weights without scales, 0.95 of the rest for KV, as many KV heads as chips at least), 4,096 at most,
/// and a step of that many decodes with the prompts that replace those that end, 32,768 tokens at most; both rounded
/// up to coarse steps, at least 64 and 2,048; a step holds a full batch and a prompt at least. One pipeline stage.
/// REQUIRES: prompt and output above 0. Throws SpecError("chips") when the weights do not fit.
/// Source: TensorRT-LLM tensorrt_llm/bench/build/tuning.py at 04cba882084a, calc_engine_setting and finetune_setting;
/// bench/benchmark/utils/general.py at 0171265edef1, get_settings.
[[nodiscard]] BenchLimits bench_limits(const models::LlmSpec& llm, const BenchRun& run);

}  // namespace tokenyard::validate
