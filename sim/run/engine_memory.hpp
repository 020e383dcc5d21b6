#pragma once

#include "models/base/units.hpp"
#include "models/llm/parallel_plan.hpp"
#include "sim/config/experiment.hpp"

namespace tokenyard {

/// Share of a chip's memory that holds weights, reserve and KV cache: as set, or by SGLang's formula,
///   (M - R) / M, rounded to three digits, with
///   R = 512 MiB + 1.5 MiB * max(chunked_prefill_size, 2048) + 2 MiB * cuda_graph_max_bs + chips of the instance / 8
///   GiB
/// and, with `attention_data` ranks of it, another 3 MiB * cuda_graph_max_bs * attention_data (4.5 above 300); at least
/// 10 GiB where M exceeds 60 GiB. 0 when nothing is left.
/// Source: SGLang, python/sglang/srt/server_args.py (0.5.x); in 2026 arg_groups memory_hook.py at 019667ad6ff5.
[[nodiscard]] double memory_share(const config::EngineSpec& engine, const models::ParallelPlan& plan, Bytes memory);

/// The key that sets it, as the pool's file names it.
[[nodiscard]] const char* memory_key(const config::EngineSpec& engine);

}  // namespace tokenyard
