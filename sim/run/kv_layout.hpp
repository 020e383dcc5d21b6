#pragma once

#include "models/base/units.hpp"
#include "models/llm/architecture.hpp"
#include "sim/config/experiment.hpp"
#include "sim/kv/block_layout.hpp"

namespace tokenyard {

/// How a pool's engine keeps the KV of a model with sliding windows, and what one of its blocks takes.
struct KvLayout {
  kv::BlockLayout blocks;
  /// Bytes of a block, by those that so many tokens take in all layers of the model. With drafts of the model's own
  /// kind their layer is in it where there are windowed groups; else drafts come besides.
  double share = 1.0;
  bool with_drafts = false;  ///< the drafts' layer is in `share`
};

/// Engines of kind vllm (hybrid_kv_cache): layers are dealt into groups of as many as the rarer kind of layer has, or
/// the commoner one where that has less than 1.5 times as many (vllm/v1/core/kv_cache_utils.py,
/// _get_kv_cache_groups_uniform_page_size); a drafting layer sees everything. All layers are of one kind where the
/// engine says so, and by default where it hands KV over or has tiers, as vLLM's connectors do (vllm/config/vllm.py),
/// and with drafts by a model of its own, whose blocks have another size. Engines of kind sglang
/// (swa_full_tokens_ratio): windowed layers have a store of their own for that share of the tokens
/// (python/sglang/srt/model_executor, PR 18039). It is taken never to be the one that is full: true unless outputs are
/// most of what is held, since what windows have passed is given back there only when somebody needs it. TensorRT-LLM
/// keeps all layers alike unless max_attention_window is set, which is left out. Throws UserError at
/// engine.hybrid_kv_cache where it is asked for and cannot be.
[[nodiscard]] KvLayout kv_layout(const config::PoolSpec& pool, const models::LlmSpec& llm);

}  // namespace tokenyard
