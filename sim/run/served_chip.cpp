#include "sim/run/served_chip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>

namespace tokenyard {
namespace {

constexpr double kBf16Bytes = 2.0;

/// The kernels of routed experts that the pool's engine runs, for each format the first that it names and the chip has.
void choose_experts(const config::PoolSpec& pool, models::AcceleratorSpec& chip) {
  const std::vector<std::string>& wanted = pool.engine.experts;
  if (wanted.empty() || pool.plan.attention_data > 1) return;
  const auto known = [&](const std::string& name) { return name == "default" || chip.kernels.moe_of.contains(name); };
  if (std::ranges::none_of(wanted, known)) {
    std::string names;
    for (const auto& entry : chip.kernels.moe_of) names += entry.first + ", ";
    pool.source->fail("engine.experts", fmt::format("{} has {}default; none of these is named", chip.name, names));
  }
  for (std::size_t kind = 0; kind < models::kGemmKinds; ++kind) {
    for (const std::string& library : wanted) {
      if (library == "default") break;
      const auto found = chip.kernels.moe_of.find(library);
      if (found == chip.kernels.moe_of.end() || !found->second[kind]) continue;
      chip.kernels.moe_in_use[kind] = found->second[kind];
      break;
    }
  }
}

/// What FlashAttention takes beyond the tables' kernel was measured with heads of 128 and is taken for all. It splits
/// by what a window leaves of a context: `seqlen_k_loaded` in hopper/flash_api.cpp of Dao-AILab/flash-attention.
void run_flash_attention(models::KernelSet& kernels) {
  for (std::size_t kv = 0; kv < kernels.decode_attention.size(); ++kv) {
    auto& decode = kernels.decode_attention[kv];
    if (!decode) continue;
    for (auto& heads : kernels.decode_by_heads) {
      if (heads[kv]) heads[kv]->added = decode->flash;
    }
    decode->added = decode->flash;
  }
  kernels.attention_split.whole_context = false;
}

/// Prompts over an FP8 cache by a kernel whose rates are so many times lower than those over a BF16 cache.
void slow_fp8_prompts(double times, models::KernelSet& kernels) {
  const auto slow = [&](models::ByCache<models::ContextAttentionCoefficients>& by_cache) {
    const auto& bf16 = by_cache[static_cast<std::size_t>(models::Dtype::Bf16)];
    auto& fp8 = by_cache[static_cast<std::size_t>(models::Dtype::Fp8)];
    if (!bf16 || !fp8) return;
    fp8 = bf16;
    fp8->eff_flops /= times;
    fp8->eff_io /= times;
  };
  slow(kernels.context_attention);
  for (auto& heads : kernels.context_by_heads) slow(heads);
}

}  // namespace

models::AcceleratorSpec served_chip(const config::Experiment& experiment, const config::PoolSpec& pool) {
  models::AcceleratorSpec chip = experiment.chips.at(pool.chip);
  if (pool.engine.flash_attention) run_flash_attention(chip.kernels);
  if (pool.engine.fp8_prompt_attention > 0.0) slow_fp8_prompts(pool.engine.fp8_prompt_attention, chip.kernels);
  choose_experts(pool, chip);
  models::CollectiveKernels& kernels = chip.kernels.collectives;
  kernels.one_shot_up_to = Bytes{kBf16Bytes * pool.engine.one_shot_tokens * experiment.llm.hidden};
  const std::vector<std::string>& wanted = pool.engine.all_reduce;
  if (wanted.empty()) return chip;
  const auto usable = [&](const std::string& name) { return name == "default" || kernels.all_reduces.contains(name); };
  const auto found = std::ranges::find_if(wanted, usable);
  if (found == wanted.end()) {
    std::string known;
    for (const auto& entry : kernels.all_reduces) known += entry.first + ", ";
    pool.source->fail("engine.all_reduce", fmt::format("{} has {}default; none of these is named", chip.name, known));
  }
  if (*found != "default") kernels.all_reduce = *found;
  return chip;
}

}  // namespace tokenyard
