#pragma once

#include "sim/policy/batch_rules.hpp"
#include "sim/policy/spec.hpp"

#include <memory>

namespace tokenyard::policy {

/// Continuous batching with chunked prefill as vLLM's v1 scheduler forms steps: one token budget; running requests
/// before waiting ones, in order of admission; preemption by recompute of the last admitted (or least urgent); no
/// admission in a step that preempted; the head of the queue blocks those behind it.
/// Source: vllm/v1/core/sched/scheduler.py at 003df2961dd8 and kv_cache_manager.py, as restated in this project's
/// docs/engines.md. Leaves out: speculative tokens, LoRA, structured output, encoder inputs.
[[nodiscard]] std::unique_ptr<BatchRules> make_vllm_rules(const VllmSpec& spec);

}  // namespace tokenyard::policy
