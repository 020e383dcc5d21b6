#include "sim/validate/bench_limits.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::validate {
namespace {

double weight_without_scales(models::GemmKind kind) {
  return kind == models::GemmKind::Bf16 ? 2.0 : kind == models::GemmKind::Nvfp4 ? 0.5 : 1.0;
}

std::uint32_t rounded_up(double value, double step) {
  return static_cast<std::uint32_t>(step * std::ceil(value / step));
}

}  // namespace

BenchLimits bench_limits(const models::LlmSpec& llm, const BenchRun& run) {
  expect(run.prompt > 0 && run.output > 0, "a run of trtllm-bench has prompts and outputs");
  const double heads = std::max(run.chips, llm.kv_heads());
  const double head_dim = llm.mla ? 1.0 * llm.mla->kv_rank + llm.mla->rope_dim : 2.0 * llm.gqa->head_dim;
  const double token = llm.layers * heads * head_dim * models::kv_bytes(run.kv);
  const double weights = count_parameters(llm).total * weight_without_scales(run.weights);
  constexpr double kKvShare = 0.95;
  const double cache = (run.memory.value() * run.chips - weights) * kKvShare;
  const double requests = cache / (token * (1.0 * run.prompt + run.output));
  if (requests < 1.0) throw SpecError("chips", "trtllm-bench finds no room for one request");

  constexpr double kMostRequests = 4096.0;
  constexpr double kMostTokens = 32768.0;
  const double batch = std::min(requests, kMostRequests);
  const double tokens = std::min(batch * (1.0 + 1.0 * run.prompt / run.output), kMostTokens);
  BenchLimits limits;
  limits.max_batch_size = batch < 256.0    ? std::max(64U, rounded_up(batch, 32.0))
                          : batch < 1024.0 ? rounded_up(batch, 128.0)
                                           : rounded_up(batch, 256.0);
  limits.max_num_tokens = tokens < 4096.0   ? std::max(2048U, rounded_up(tokens, 256.0))
                          : tokens < 8192.0 ? rounded_up(tokens, 512.0)
                                            : rounded_up(tokens, 1024.0);
  // Without chunks a prompt must find its room beside a full batch of decodes.
  limits.max_num_tokens = std::max(limits.max_num_tokens, run.prompt + limits.max_batch_size);
  return limits;
}

}  // namespace tokenyard::validate
