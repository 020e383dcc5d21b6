#pragma once

#include "sim/policy/router.hpp"

#include <memory>

namespace tokenyard::policy {

/// Weighted scores in [0, 1], the highest sum wins, ties go to the lowest index:
///   prefix: matched / all full blocks of the prompt
///   queue:  (most - waiting) / (most - least) over the instances, 1 where all are equal
///   memory: 1 - used / all KV blocks
/// Source: llm-d-inference-scheduler at 520af47896e5 (scorers and their sample weights 2, 1, 1), as restated in
/// docs/engines.md; it breaks ties at random.
[[nodiscard]] std::unique_ptr<Router> make_prefix_aware(const RouterSpec& spec);

/// The least of overlap_weight * blocks to prefill there + blocks to decode there, ties to the lowest index:
///   to prefill: (prompt tokens there not yet computed + this prompt - what is there of it) / block, a fraction
///   to decode:  blocks in use there + blocks of this prompt that are not there
/// Source: the KV router of NVIDIA Dynamo (kv-router/.../selector.rs), temperature 0, as restated in docs/engines.md;
/// it keeps its own books of active prompts and blocks, here they are those of the instances as of the last look.
[[nodiscard]] std::unique_ptr<Router> make_kv_aware(const RouterSpec& spec);

}  // namespace tokenyard::policy
