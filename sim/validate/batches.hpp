#pragma once

#include "sim/files/csv_table.hpp"
#include "sim/validate/point.hpp"

namespace tokenyard::validate {

// Sets in which requests of one length are all sent at once. Rows of engines that the simulator does not have
// (llama.cpp, DeepSpeed-MII, sambaflow) are refused.

/// splitwise-sim's data/perf_model.csv: model, hardware, prompt_size, batch_size, token_size, prompt_time, token_time,
/// e2e_time (all in ms), tensor_parallel. vLLM of 2023: one batch, prompts together in one step, no graphs, no overlap
/// of host and chip. Rows of "h100-80gb-pcap" are derived by its authors, not measured. Source: Patel et al.,
/// Splitwise, ISCA 2024; github.com/Mutinifni/splitwise-sim 8f99e7dc.
[[nodiscard]] MeasuredSet read_splitwise(const files::CsvTable& table);

/// LLM-Inference-Bench: Hardware, Num of Hardware, Framework, Model, Input Output Length, Batch Size, Latency (s, of
/// the batch), Throughput (prompt and output tokens/s); kv_cache_dtype or Parallelism Type in some of its files.
/// Framework versions are of mid-2024: no overlap of host and chip. Source: arXiv 2411.00136;
/// github.com/argonne-lcf/LLM-Inference-Bench 4211f5d4.
[[nodiscard]] MeasuredSet read_inference_bench(const files::CsvTable& table);

/// TensorRT-LLM's performance overview: model, chip, gpus, tp, weights_precision, isl, osl, requests all queued at t =
/// 0, output tokens/s of all chips. Played as its "reproducing benchmarked results" starts trtllm-bench: checkpoints of
/// NVIDIA's Model Optimizer, limits of bench_limits.hpp, MoE models with attention ranks and whole experts on all chips
/// ("TP8" counts these), 0.95 of free memory for KV ("in many cases"). Source: NVIDIA TensorRT-LLM 1.0, performance
/// overview.
[[nodiscard]] MeasuredSet read_offline(const files::CsvTable& table);

}  // namespace tokenyard::validate
