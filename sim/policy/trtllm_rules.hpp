#pragma once

#include "sim/policy/batch_rules.hpp"
#include "sim/policy/spec.hpp"

#include <memory>

namespace tokenyard::policy {

/// TensorRT-LLM's scheduler (PyTorch executor), in two stages. Which requests may hold blocks: by reserving all that a
/// call may still need (no eviction), or one step ahead with a pause of the last started. Which of them compute: those
/// that generate first, then prompts, whole or in chunks, within max_num_tokens.
/// Source: TensorRT-LLM, cpp/tensorrt_llm/batch_manager/capacityScheduler.cpp at 02a10fed0dbf, microBatchScheduler.cpp
/// at 0a949d3128bf, and tensorrt_llm/_torch/pyexecutor/py_executor.py, as restated in this project's docs/engines.md.
/// Leaves out: pipeline parallelism, beams, speculative tokens, sliding windows, priorities, the balancing of attention
/// ranks (enable_balance). A paused request whose prompt and outputs outgrow max_num_tokens is cut in chunks; the
/// engine drops outputs.
[[nodiscard]] std::unique_ptr<BatchRules> make_trtllm_rules(const TrtllmSpec& spec);

}  // namespace tokenyard::policy
