#include "sim/validate/recipes.hpp"

#include <algorithm>

namespace tokenyard::validate {
namespace {

bool starts(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

/// KV cache format of a quantised checkpoint.
std::string kv_of(const ServedRow& row) {
  if (row.llm == "gpt-oss-120b") return "bf16";  // kv dtype auto in gptoss_*.sh, and the checkpoint has no scales
  if (row.engine == "trtllm")
    return "fp8";  // kv_cache_config: dtype: fp8 in *_trt*.sh; hf_quant_config.json of NVIDIA's
  // kv-cache-dtype: fp8 in 70b_*.sh, and queueing on h200 and b200 shows that capacity (h200 TP1, 1k/8k, 64 users: TTFT
  // 5.3 s measured, 3.4 s with FP8, 60 s with BF16); on h100 it shows that of BF16 (TP2, 1k/8k, 64 users: 31 s
  // measured, 0.4 s with FP8, 28 s with BF16): these rows are older than the script
  if (row.engine == "vllm" && row.llm == "llama-3.1-70b") return row.chip == "h100-sxm" ? "bf16" : "fp8";
  // --kv-cache-dtype fp8_e4m3 in dsr1_fp8_b200.sh and dsr1_fp4_b200.sh; none in dsr1_fp8_h200.sh
  if (row.engine == "sglang" && starts(row.llm, "deepseek") && row.chip == "b200-sxm") return "fp8";
  return "bf16";
}

std::uint32_t rounded_up(std::uint32_t value, std::uint32_t to) { return (value + to - 1) / to * to; }

/// Sets keys of one engine.
class Engine {
 public:
  Engine(const std::string& pool, Point& point) : at_("pools." + pool + ".engine."), point_(point) {}
  void set(const char* key, const char* value) const { point_.set(at_ + key, std::string(value)); }
  void set(const char* key, std::uint32_t value) const { point_.set(at_ + key, value); }

 private:
  std::string at_;
  Point& point_;
};

/// --max-num-seqs $CONC, max-num-batched-tokens 8192 and async-scheduling in 70b_*.sh and gptoss_*.sh; the rows of 0.12
/// are others' and have the defaults of their time.
void set_vllm(const ServedRow& row, const Engine& engine) {
  const std::uint32_t slots = std::max(1U, row.concurrency);
  engine.set("profile", "vllm-2025");
  engine.set("prefix_caching", "false");  // no-enable-prefix-caching
  if (!starts(row.version, "0.12")) engine.set("async_scheduling", "true");
  engine.set("max_num_seqs", slots);
  engine.set("max_num_batched_tokens", std::max(slots, 8192U));
}

/// dsr1_fp8_b200.sh, dsr1_fp4_b200.sh, dsr1_fp8_h200.sh; elsewhere the engine's defaults.
void set_sglang(const ServedRow& row, const Engine& engine) {
  engine.set("profile", row.chip == "b200-sxm" ? "sglang-0.5-large" : "sglang-0.5");
  if (!starts(row.llm, "deepseek")) return;
  const std::uint32_t chunk = row.precision == "fp4" ? 16384 : 32768;
  engine.set("chunked_prefill_size", chunk);
  engine.set("max_prefill_tokens", std::max(chunk, 16384U));
  engine.set("mem_fraction_static", row.chip != "b200-sxm"   ? "0.82"
                                    : row.precision == "fp4" ? "0.85"
                                    : row.tensor < 8         ? "0.95"
                                                             : "0.82");
  if (row.chip == "h200-sxm") engine.set("max_running_requests", row.isl == 1024 && row.osl == 1024 ? 512U : 256U);
}

/// 70b_*_trt_slurm.sh, gptoss_fp4_h200_trt.sh, dsr1_*_trt.sh: padded graphs, tokens of a step, batch_wait for Llama at
/// 1k/1k below eight chips, and for R1 FP8 on B200 at 1k/1k from 64 to 255 users. The rows of 1.0.0rc3 are others': as
/// aiconfigurator starts the engine, padded.
void set_trtllm(const ServedRow& row, const Engine& engine) {
  const bool short_both = row.isl == 1024 && row.osl == 1024;
  engine.set("profile", "trtllm-1.2");
  engine.set("cuda_graph_padding", "true");
  if (row.llm == "gpt-oss-120b") {
    engine.set("max_num_tokens", 20000U);
    engine.set("cuda_graph_max_batch_size", std::max(1U, row.concurrency));
    engine.set("free_gpu_memory_fraction", "0.85");
  } else if (row.llm == "llama-3.1-70b") {
    engine.set("max_num_tokens", row.isl + row.osl + 200);
    engine.set("cuda_graph_max_batch_size", 1024U);
    if (short_both && row.tensor < 8) {
      engine.set("batch_wait_timeout_iters", 20U);
      engine.set("batch_wait_max_tokens_ratio", "0.9");
    }
  } else {
    engine.set("max_num_tokens", std::max(8192U, rounded_up(row.concurrency + row.isl + 64, 64)));
    engine.set("cuda_graph_max_batch_size", std::max(512U, row.concurrency));
    if (!starts(row.llm, "deepseek")) return;
    engine.set("free_gpu_memory_fraction", row.chip == "h200-sxm" ? "0.75" : "0.8");
    if (short_both && row.chip == "b200-sxm" && row.precision == "fp8" && row.concurrency >= 64 &&
        row.concurrency < 256) {
      engine.set("batch_wait_timeout_iters", 40U);
      engine.set("batch_wait_max_tokens_ratio", "0.8");
    }
  }
}

/// Prefill and decode apart are played by vLLM's rules, whatever the engine: its hand-off is the one there is.
void set_apart(const ServedRow& row, const Engine& engine) {
  const std::uint32_t slots = std::max(1U, row.concurrency);
  std::uint32_t tokens = 8192;
  if (row.engine == "trtllm") tokens = std::max(tokens, rounded_up(row.concurrency + row.isl + 64, 64));
  if (row.engine == "sglang" && starts(row.llm, "deepseek")) tokens = row.precision == "fp4" ? 16384 : 32768;
  engine.set("max_num_seqs", slots);
  engine.set("max_num_batched_tokens", std::max(slots, tokens));
}

}  // namespace

Formats formats_of(const ServedRow& row) {
  const std::string& written = row.precision;
  if (row.llm == "gpt-oss-120b" && (written == "fp4" || written == "fp8" || written == "mxfp4")) {
    return {"bf16",
            "w4a16",
            kv_of(row),
            "mxfp4",
            written == "fp8" ? "gpt-oss 'fp8' is read as its one checkpoint, MXFP4 experts" : "",
            ""};
  }
  if (written.empty() || written == "bf16" || written == "fp16" || written == "bfloat16") {
    return {"bf16", "bf16", "bf16", "bf16", written.empty() ? "empty precision is read as BF16 weights and KV" : "",
            ""};
  }
  if (written == "fp8" || written == "fp8_block") {
    const bool blocks =
        written == "fp8_block" || starts(row.llm, "deepseek") || starts(row.llm, "qwen3") || starts(row.llm, "kimi");
    const std::string weights = blocks ? "fp8_block" : "fp8";
    return {weights,
            weights,
            kv_of(row),
            weights,
            starts(row.llm, "qwen3") ? "Qwen3 'fp8' is read as FP8 in blocks of 128 x 128" : "",
            ""};
  }
  if (written == "fp4" || written == "nvfp4") {
    const bool experts_alone = starts(row.llm, "deepseek");
    return {experts_alone ? "bf16" : "nvfp4",
            "nvfp4",
            kv_of(row),
            "nvfp4",
            experts_alone ? "DeepSeek 'fp4' is read as NVFP4 experts and BF16 attention and shared experts" : "",
            ""};
  }
  if (written == "int8" || written == "w8a8") return {"int8", "int8", "bf16", "int8", "", ""};
  return {"", "", "", "", "", "no precision '" + written + "'; bf16, fp16, fp8, fp4 and int8 are known"};
}

void set_engine(const ServedRow& row, const std::string& pool, Point& point) {
  const Engine engine(pool, point);
  if (pool != "serve") {
    set_apart(row, engine);
  } else if (row.engine == "sglang") {
    set_sglang(row, engine);
  } else if (row.engine == "trtllm") {
    set_trtllm(row, engine);
  } else {
    set_vllm(row, engine);
  }
}

}  // namespace tokenyard::validate
