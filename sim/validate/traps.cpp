#include "sim/validate/traps.hpp"

namespace tokenyard::validate {
namespace {

using metrics::Metric;

enum class Which : std::uint8_t { Ttft, Both };

struct Trap {
  Which which;
  const char* name;
  bool (*holds)(const ServedRow& row, bool split);
};

bool starts(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

bool sglang_fp8_on_8_b200(const ServedRow& row) {
  return row.engine == "sglang" && starts(row.llm, "deepseek") && row.chip == "b200-sxm" && row.precision == "fp8" &&
         starts(row.version, "0.5.9") && row.tensor == 8;
}

/// Each told in docs/validation.md.
constexpr Trap kTraps[] = {
    {Which::Both,
     "vLLM 0.12 Llama-3.1-8B on H200: the figures imply 77 % of the FP8 peak end to end (prefix hits or other lengths)",
     [](const ServedRow& row, bool split) {
       return !split && row.engine == "vllm" && row.llm == "llama-3.1-8b" && row.chip == "h200-sxm" &&
              starts(row.version, "0.12");
     }},
    {Which::Both, "vLLM 0.12 Qwen3-235B: TPOT is flat at 51 to 58 ms and the layout columns contradict each other",
     [](const ServedRow& row, bool split) {
       return !split && row.engine == "vllm" && row.llm == "qwen3-235b-a22b" && starts(row.version, "0.12");
     }},
    {Which::Both, "TensorRT-LLM 1.3.0rc: TPOT is 85 to 92 ms at any batch",
     [](const ServedRow& row, bool split) {
       return !split && row.engine == "trtllm" && starts(row.version, "1.3.0rc");
     }},
    {Which::Both, "gpt-oss on vLLM at 512 users: the batch was capped below them",
     [](const ServedRow& row, bool split) {
       return !split && row.engine == "vllm" && row.llm == "gpt-oss-120b" && row.concurrency >= 512;
     }},
    {Which::Ttft,
     "TensorRT-LLM 1.0.0rc3: TTFT is 2 to 4 times any other set's; how many requests were sent is not known",
     [](const ServedRow& row, bool split) {
       return !split && row.engine == "trtllm" && starts(row.version, "1.0.0rc3");
     }},
    {Which::Both,
     "TensorRT-LLM 1.2.0rc6.post3, R1 on B200: its start configurations (dsr1-*-b200-trt-mtp) have multi-token "
     "prediction",
     [](const ServedRow& row, bool split) {
       return !split && row.engine == "trtllm" && starts(row.llm, "deepseek") && row.version == "1.2.0rc6.post3";
     }},
    {Which::Both,
     "TensorRT-LLM 1.1.0rc2.post2, R1, measured when its configurations with multi-token prediction (dsr1-*-trt-mtp) "
     "came in",
     [](const ServedRow& row, bool split) {
       return !split && row.engine == "trtllm" && starts(row.llm, "deepseek") && row.version == "1.1.0rc2.post2" &&
              (row.measured == "2026-01-14" || (row.attention_data > 1 && row.concurrency >= 128));
     }},
    {Which::Both,
     "SGLang 0.5.9, R1 FP8 on 8 B200: only the configuration with multi-token prediction (dsr1-fp8-b200-sglang-mtp) "
     "has "
     "so many users",
     [](const ServedRow& row, bool split) {
       return !split && sglang_fp8_on_8_b200(row) && row.concurrency > (row.isl == 8192 ? 4U : 64U);
     }},
    {Which::Ttft,
     "SGLang R1 of November 2025: TTFT is seconds above any load's, the same ones from 4 to 128 users: the opening "
     "burst "
     "waited for the engine",
     [](const ServedRow& row, bool split) {
       return !split && row.engine == "sglang" && starts(row.llm, "deepseek") && row.version.empty() &&
              (row.concurrency >= 32 || row.isl == 8192);
     }},
    {Which::Ttft,
     "TensorRT-LLM with prefill and decode apart on H100: TTFT is 5 to 37 s at any load, 12 s with six users",
     [](const ServedRow& row, bool split) {
       return split && row.engine == "trtllm" && row.chip == "h100-sxm" && starts(row.llm, "deepseek");
     }},
};

}  // namespace

bool fixed_lengths(const ServedRow& row) {
  return row.engine == "sglang" && starts(row.llm, "qwen3") &&
         (starts(row.version, "0.5.1") || starts(row.version, "0.5.6"));
}

bool measured_both_ways(const ServedRow& row) { return sglang_fp8_on_8_b200(row); }

void note_traps(const ServedRow& row, bool split, Point& point) {
  for (const Trap& trap : kTraps) {
    if (!trap.holds(row, split)) continue;
    for (Measured& measured : point.measured) {
      if (trap.which == Which::Ttft && measured.metric != Metric::Ttft) continue;
      if (measured.trap.empty()) measured.trap = trap.name;
    }
  }
}

}  // namespace tokenyard::validate
