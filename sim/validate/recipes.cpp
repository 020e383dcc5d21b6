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

/// Tokens of a step at most.
std::uint32_t most_tokens(const ServedRow& row) {
  if (row.engine == "trtllm") {
    if (row.llm == "gpt-oss-120b") return 20000;                             // gptoss_fp4_h200_trt.sh
    if (starts(row.llm, "llama")) return row.isl + row.osl + 200;            // 70b_*_trt_slurm.sh: MAX_MODEL_LEN
    return std::max(8192U, rounded_up(row.concurrency + row.isl + 64, 64));  // dsr1_*_trt.sh
  }
  if (row.engine == "sglang" && starts(row.llm, "deepseek")) {
    return row.precision == "fp4" ? 16384 : 32768;  // --chunked-prefill-size of dsr1_fp4_b200.sh; dsr1_fp8_{b,h}200.sh
  }
  return 8192;  // max-num-batched-tokens in 70b_*.sh, gptoss_*.sh; default of SGLang on 8 GPUs of 80 GB and more
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
  const std::string engine = "pools." + pool + ".engine.";
  // --max-num-seqs $CONC in 70b_*.sh and gptoss_*.sh; elsewhere no slot limit is known to bind
  const std::uint32_t slots = std::max(1U, row.concurrency);
  point.set(engine + "max_num_seqs", slots);
  point.set(engine + "max_num_batched_tokens", std::max(slots, most_tokens(row)));
}

}  // namespace tokenyard::validate
