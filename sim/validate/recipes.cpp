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
/// are others' and have the defaults of their time. From 0.18 on the profile is that of 2026 (fused all-reduces and
/// norms by default).
void set_vllm(const ServedRow& row, const Engine& engine) {
  const std::uint32_t slots = std::max(1U, row.concurrency);
  engine.set("profile", starts(row.version, "0.18") ? "vllm-0.19" : "vllm-2025");
  engine.set("prefix_caching", "false");  // no-enable-prefix-caching
  if (!starts(row.version, "0.12")) engine.set("async_scheduling", "true");
  engine.set("max_num_seqs", slots);
  engine.set("max_num_batched_tokens", std::max(slots, 8192U));
  // cudagraph_mode FULL_DECODE_ONLY in 70b_fp8_b200_docker.sh and 70b_fp4_b200_docker.sh
  // likewise enable_fi_allreduce_fusion and enable_attn_fusion
  if (row.chip == "b200-sxm" && row.llm == "llama-3.1-70b") {
    engine.set("prompt_graph_tokens", 0U);
    engine.set("all_reduce", "[trtllm-1.3]");
    engine.set("norm_in_all_reduce", "true");
    engine.set("quantise_in_attention", "true");
    // kv-cache-dtype fp8: TensorRT-LLM's kernel with FP8 queries over pages, in v0.10.2 (70b-tmpl.yml) slower than BF16
    engine.set("fp8_prompt_attention", "2.2");
  }
  // max-cudagraph-capture-size and VLLM_MXFP4_USE_MARLIN in gptoss_fp4_h100.sh and gptoss_fp4_h200.sh
  if (row.llm == "gpt-oss-120b") {
    engine.set("prompt_graph_tokens", 2048U);
    engine.set("experts", "[marlin, triton, default]");
  }
}

/// dsr1_fp8_b200.sh, dsr1_fp4_b200.sh, dsr1_fp8_h200.sh; elsewhere the engine's defaults.
void set_sglang(const ServedRow& row, const Engine& engine) {
  const bool b200 = row.chip == "b200-sxm";
  engine.set("profile", b200 ? "sglang-0.5-large" : "sglang-0.5");
  if (!starts(row.llm, "deepseek")) return;
  const bool four = b200 && row.precision != "fp4" && row.tensor < 8;
  // --stream-interval 30 in dsr1_fp8_b200.sh, 10 in the other two: an event of the profile's 46 us for so many tokens
  engine.set("front_end.per_output_token", b200 && row.precision != "fp4" ? "1.5 us" : "4.6 us");
  const std::uint32_t chunk = row.precision == "fp4" ? 16384 : four ? 8192 : 32768;
  engine.set("chunked_prefill_size", chunk);
  engine.set("max_prefill_tokens", row.precision == "fp4" ? 16384U : chunk);
  engine.set("mem_fraction_static", !b200 ? "0.82" : row.precision == "fp4" ? "0.85" : four ? "0.95" : "0.82");
  if (b200) {  // --enable-flashinfer-allreduce-fusion
    engine.set("all_reduce", "[trtllm-1.3]");
    engine.set("norm_in_all_reduce", "true");
  }
  if (b200) engine.set("scheduler_recv_interval", row.concurrency >= 16 && !four ? 30U : 10U);
  const std::uint32_t slots = !b200                    ? row.isl == 1024 && row.osl == 1024 ? 512 : 256
                              : row.precision == "fp4" ? 256
                              : row.concurrency > 128  ? 256  // dsr1_fp8_b200_mtp.sh
                              : four                   ? 32
                                                       : 128;
  engine.set("max_running_requests", slots);
  engine.set("cuda_graph_max_bs", slots);
}

/// dsr1_fp8_b200_trt.sh at 0a919c5f, dsr1_fp4_b200_trt.sh at 6320e9b7 and 111f0312, dsr1_fp8_h200_trt.sh at 1fc5d73c.
/// A step has at least 8,192 tokens since the end of January 2026 (perf-changelog, PR 587) and held a prompt and all
/// decodes before. Graphs in pieces and batch_wait came with 1.2.0rc6.post2 (PR 594, 620).
void set_trtllm_r1(const ServedRow& row, const Engine& engine) {
  const bool short_both = row.isl == 1024 && row.osl == 1024;
  const bool late = starts(row.version, "1.2");
  const bool fp8_b200 = row.chip == "b200-sxm" && row.precision == "fp8";
  const std::uint32_t tokens = std::max(late ? 8192U : 0U, rounded_up(row.concurrency + row.isl + 64, 64));
  engine.set("max_num_tokens", tokens);
  engine.set("max_batch_size", std::min(tokens, 2048U));
  const std::uint32_t graphs = row.chip == "h200-sxm"                              ? 128
                               : !fp8_b200                                         ? 512
                               : late && row.isl == 1024 && row.concurrency >= 256 ? row.concurrency / 8
                                                                                   : row.concurrency;
  engine.set("cuda_graph_max_batch_size", std::max(1U, graphs));
  engine.set("free_gpu_memory_fraction", row.chip == "h200-sxm"                                          ? "0.75"
                                         : fp8_b200 && late && row.isl == 1024 && row.concurrency >= 256 ? "0.7"
                                         : fp8_b200 && late && row.isl == 8192 && row.tensor == 4        ? "0.75"
                                                                                                         : "0.8");
  if (row.attention_data > 1) {  // attention_dp_config of all three
    engine.set("attention_dp_balance", "true");
    engine.set("attention_dp_timeout_iters", 60U);
    engine.set("attention_dp_batching_wait_iters", 0U);
  }
  if (!late) return;
  if (fp8_b200) {
    const std::uint32_t from = short_both || row.isl == 8192 ? 64 : 128;
    const std::uint32_t below = row.isl == 8192 ? UINT32_MAX : 256;
    if (row.concurrency >= from && row.concurrency < below) engine.set("prompt_graph_tokens", tokens);
    if (short_both && row.attention_data == 1 && row.concurrency >= 64 && row.concurrency < 256) {
      engine.set("batch_wait_timeout_iters", 40U);
      engine.set("batch_wait_max_tokens_ratio", "0.8");
    }
  } else if (short_both && row.tensor == 8 && row.concurrency == 64) {
    engine.set("prompt_graph_tokens", tokens);
  }
}

/// 70b_*_trt_slurm.sh and gptoss_fp4_h200_trt.sh: padded graphs, tokens of a step, batch_wait for Llama at 1k/1k below
/// eight chips. The rows of 1.0.0rc3 are others': as aiconfigurator starts the engine, padded.
void set_trtllm(const ServedRow& row, const Engine& engine) {
  const bool short_both = row.isl == 1024 && row.osl == 1024;
  const bool early = !starts(row.version, "1.2") && !starts(row.version, "1.3");  // images of 2025 have 1.0 and 1.1
  engine.set("profile", early ? "trtllm-1.1" : "trtllm-1.2");
  engine.set("cuda_graph_padding", "true");
  if (row.llm == "gpt-oss-120b") {
    engine.set("max_num_tokens", 20000U);
    engine.set("cuda_graph_max_batch_size", std::max(1U, row.concurrency));
    engine.set("free_gpu_memory_fraction", "0.85");
  } else if (row.llm == "llama-3.1-70b") {
    engine.set("max_num_tokens", row.isl + row.osl);  // max-model-len of full-sweep-tmpl.yml at 01086671
    engine.set("cuda_graph_max_batch_size", 1024U);
    if (short_both && row.tensor < 8) {
      engine.set("batch_wait_timeout_iters", 20U);
      engine.set("batch_wait_max_tokens_ratio", "0.9");
    }
  } else if (starts(row.llm, "deepseek")) {
    set_trtllm_r1(row, engine);
  } else {
    engine.set("max_num_tokens", std::max(8192U, rounded_up(row.concurrency + row.isl + 64, 64)));
    engine.set("cuda_graph_max_batch_size", std::max(512U, row.concurrency));
  }
}

/// Workers of prefill and decode apart: the engine's own rules and kernels, with limits that hold all users. Of
/// Dynamo's start configurations (recipes/ of InferenceX) only the layouts are known here (split_recipes.hpp).
void set_apart(const ServedRow& row, const Engine& engine) {
  const std::uint32_t slots = std::max(1U, row.concurrency);
  if (row.engine == "trtllm") {
    engine.set("profile", "trtllm-1.2");
    engine.set("cuda_graph_padding", "true");
    engine.set("max_batch_size", slots);
    engine.set("max_num_tokens", std::max(8192U, rounded_up(row.concurrency + row.isl + 64, 64)));
    engine.set("cuda_graph_max_batch_size", slots);
    return;
  }
  const bool deepseek = starts(row.llm, "deepseek");
  const std::uint32_t tokens = row.engine != "sglang" || !deepseek ? 8192U : row.precision == "fp4" ? 16384U : 32768U;
  if (row.engine == "vllm") {
    engine.set("max_num_seqs", slots);
    engine.set("max_num_batched_tokens", std::max(slots, tokens));
    return;
  }
  engine.set("profile", row.chip == "b200-sxm" ? "sglang-0.5-large" : "sglang-0.5");
  engine.set("chunked_prefill_size", tokens);
  engine.set("max_prefill_tokens", tokens);
  engine.set("max_running_requests", slots);
  engine.set("cuda_graph_max_bs", slots);
  engine.set("front_end.per_output_token", "0 us");  // Dynamo's front end sends, of which no figure is known
  engine.set("mem_fraction_static", "0.82");  // as its scripts of one worker have it; the engine's own leaves no room
}

}  // namespace

Formats formats_of(const ServedRow& row) {
  const std::string& written = row.precision;
  if (row.llm == "gpt-oss-120b" && (written == "fp4" || written == "fp8" || written == "mxfp4")) {
    return {"bf16",
            "native",
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
    const bool blocks = written == "fp8_block" || starts(row.llm, "deepseek") || starts(row.llm, "kimi") ||
                        (starts(row.llm, "qwen3") && !row.model_optimizer);
    const std::string weights = blocks ? "fp8_block" : "fp8";
    return {weights,
            weights,
            kv_of(row),
            weights,
            blocks && starts(row.llm, "qwen3") ? "Qwen3 'fp8' is read as FP8 in blocks of 128 x 128" : "",
            ""};
  }
  if (written == "fp4" || written == "nvfp4") {
    if (!starts(row.llm, "deepseek")) return {"nvfp4", "nvfp4", kv_of(row), "nvfp4", "", ""};
    return {"bf16",
            "nvfp4",
            kv_of(row),
            "nvfp4",
            "DeepSeek 'fp4' is read as NVFP4 but for the projections into attention, which are BF16",
            "",
            "nvfp4",
            "nvfp4"};
  }
  if (written == "int8" || written == "w8a8") return {"int8", "int8", "bf16", "int8", "", ""};
  return {"", "", "", "", "", "no precision '" + written + "'; bf16, fp16, fp8, fp4 and int8 are known"};
}

const char* random_text_time(const std::string& llm) {
  if (starts(llm, "llama")) return "2.5 us";
  if (starts(llm, "qwen3")) return "3.0 us";
  if (starts(llm, "deepseek")) return "3.6 us";
  if (starts(llm, "gpt-oss")) return "4.0 us";  // o200k
  return "";
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
  const char* const tokenise = random_text_time(row.llm);
  if (pool == "serve" && !row.measured.empty() && *tokenise != '\0') {
    engine.set("front_end.per_prompt_token", tokenise);
  }
}

}  // namespace tokenyard::validate
