#include "sim/run/kv_layout.hpp"

#include <algorithm>
#include <string>

namespace tokenyard {
namespace {

/// Why an engine cannot keep less of layers with windows; empty when it can.
std::string obstacle(const config::PoolSpec& pool) {
  if (pool.role != serving::Role::Mixed) return "a pool that hands KV over, or gets it, keeps all layers alike";
  if (pool.engine.tiers) return "an engine with tiers behind its cache keeps all layers alike";
  if (pool.plan.kv > 1) return "chips that share a sequence's cache (parallel.kv) keep all layers alike";
  if (pool.speculation.tokens > 0 && pool.speculation.drafter == models::Drafter::Model) {
    return "blocks of a drafting model have another size";
  }
  return {};
}

}  // namespace

KvLayout kv_layout(const config::PoolSpec& pool, const models::LlmSpec& llm) {
  KvLayout layout{.blocks = {.tokens = pool.engine.block_tokens}};
  const std::uint32_t windowed = llm.gqa ? llm.gqa->windowed_layers : 0;
  const bool vllm = std::holds_alternative<policy::VllmSpec>(pool.engine.rules);
  const std::string why_not = obstacle(pool);
  if (pool.engine.hybrid_kv_cache.value_or(false) && !why_not.empty()) {
    pool.source->fail("engine.hybrid_kv_cache", "cannot be true here: " + why_not);
  }
  if (windowed == 0) return layout;
  layout.share = 1.0 - (1.0 - pool.engine.swa_full_tokens_ratio) * windowed / llm.layers;
  if (!vllm || !pool.engine.hybrid_kv_cache.value_or(true) || !why_not.empty()) return layout;

  layout.with_drafts = pool.speculation.tokens > 0;
  const std::uint32_t full = llm.layers - windowed + (layout.with_drafts ? 1 : 0);
  const std::uint32_t fewer = full == 0 ? windowed : std::min(full, windowed);
  const std::uint32_t more = std::max(full, windowed);
  const std::uint32_t size = 2 * more < 3 * fewer ? more : fewer;
  layout.blocks.full = (full + size - 1) / size;
  layout.blocks.windowed = (windowed + size - 1) / size;
  layout.blocks.window = llm.gqa->window;
  layout.share = 1.0 * size / llm.layers;
  return layout;
}

}  // namespace tokenyard
