#pragma once

#include "sim/validate/point.hpp"

#include <cstdint>
#include <string>

namespace tokenyard::validate {

/// What decides how an engine was started for a row.
struct ServedRow {
  std::string llm;        ///< catalogue entry
  std::string chip;       ///< catalogue entry
  std::string precision;  ///< as written: "", "fp8", "fp4"
  std::string engine;     ///< "vllm", "sglang", "trtllm"
  std::string version;
  std::uint32_t isl = 0, osl = 0;
  std::uint32_t concurrency = 0;
  std::uint32_t tensor = 1;
  std::uint32_t attention_data = 1;
  std::string measured;  ///< date, "2026-01-14"; may be empty
  bool model_optimizer =
      false;  ///< a checkpoint of NVIDIA's Model Optimizer: FP8 with a scale a tensor, NVFP4 throughout
};

/// Number formats of a checkpoint: YAML values of precision.weights, precision.experts ("" = as weights or dense) and
/// precision.kv, and the name under which the scoreboard lists it.
struct Formats {
  std::string weights;
  std::string experts;
  std::string kv;
  std::string listed;
  std::string reading;                       ///< told to the reader; mostly empty
  std::string why;                           ///< not empty: no such checkpoint is known
  std::string ffn = "weights";               ///< of precision.ffn
  std::string attention_output = "weights";  ///< of precision.attention_output
};

/// Formats by checkpoint and engine:
/// - "" or bf16: BF16 weights and KV.
/// - fp8: static FP8 of NVIDIA's checkpoints for Llama; blocks of 128 x 128 for DeepSeek and Qwen3 (config.json of
///   deepseek-ai/DeepSeek-R1, Qwen/Qwen3-32B-FP8, Qwen/Qwen3-235B-A22B-FP8: weight_block_size), but static of
///   NVIDIA's Qwen3.
/// - fp4: NVFP4; of DeepSeek-R1 all but the projections into attention, which are BF16: InferenceX serves
///   nvidia/DeepSeek-R1-0528-FP4-V2 (.github/configs/nvidia-master.yaml). The first version excludes lm_head and all of
///   self_attn (exclude_modules in the log of TensorRT-LLM issue 5766), its model card says that the second quantises
///   the projection behind attention (wo) as well. gpt-oss is MXFP4 in its experts (openai/gpt-oss-120b).
/// - KV: FP8 where the start script says so or the checkpoint carries its scales and the engine follows them
///   (TensorRT-LLM), BF16 else. Start scripts: github.com/SemiAnalysisAI/InferenceX, benchmarks/*.sh.
[[nodiscard]] Formats formats_of(const ServedRow& row);

/// How long a token of a prompt drawn at random takes to tokenise, a YAML value; "" for a model whose tokenizer we have
/// not measured. Source: models/catalog/measured/tokenizers.csv, means of the rows `vocabulary`.
[[nodiscard]] const char* random_text_time(const std::string& llm);

/// Engine keys of a row, below pools.NAME.engine: a profile, and limits as the start scripts of InferenceX have them.
/// Dated rows are InferenceX's own: its client (utils/bench_serving/benchmark_serving.py, dataset random) sends the
/// text of consecutive entries of the vocabulary, which takes longer to tokenise than the English of the profiles.
void set_engine(const ServedRow& row, const std::string& pool, Point& point);

}  // namespace tokenyard::validate
