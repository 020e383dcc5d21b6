#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::validate {

/// What decides how a submission to MLPerf Inference was started.
struct MlperfRun {
  std::string round;      ///< "v4.1", "v5.1"
  std::string submitter;  ///< "NVIDIA"
  std::string chip;       ///< catalogue entry
  std::string llm;        ///< catalogue entry
  std::string scenario;   ///< "offline", "server", "interactive"
};

/// Layout and limits of a submission: copies of tensor * pipeline chips.
struct MlperfRecipe {
  const char* precision;  ///< of the checkpoint, by NVIDIA's Model Optimizer: "fp8", "fp4"; KV is FP8
  std::uint32_t tensor, pipeline;
  std::uint32_t slots;   ///< requests in a step at most (gpu_batch_size, or the smaller max_batch_size at run time)
  std::uint32_t tokens;  ///< max_num_tokens at run time
  const char* kv_share;  ///< of free memory, kvcache_free_gpu_mem_frac
  bool chunks;           ///< enable_chunked_context: prompts may be cut
  bool fp8_attention;    ///< use_fp8_context_fmha: attention writes what the next product takes
  bool own;              ///< of the submitter's own files, not of those its round shares
};

/// What the submitters' configurations say; nothing where none is known. A submitter whose own file differs has its own
/// line; the others run the configurations that NVIDIA's code of the round carries for the chip.
/// Sources: closed/SUBMITTER/configs of mlcommons/inference_results_v4.1 at a2f5d66d, and of v5.1 in the copies
/// ykamiset/inference_results_v5.1 at e9ccad4d (NVIDIA) and ntuhpc/inference_results_v5.1 at a634ab77 (all others);
/// each line of the table names its file.
[[nodiscard]] std::optional<MlperfRecipe> mlperf_recipe(const MlperfRun& run);

/// A law of lengths: tokens at the quantiles `at`, linear in between.
struct LengthTable {
  std::vector<double> at;
  std::vector<double> tokens;

  [[nodiscard]] double mean() const;
  /// All lengths times mean / mean(), whole and at least 1: the tables keep their shape where a run answers longer.
  [[nodiscard]] LengthTable scaled_to(double mean) const;
};

/// Prompts and answers of the data set that MLPerf prescribes for a model.
struct MlperfLengths {
  LengthTable prompt;
  LengthTable output;
};

/// Prompts: our quantiles of the lengths that openshift-psap/performance-dashboard lists for each sample of the data
/// sets (mlperf-data/summaries, 7cd1065d, 739352b6, 67033bae, b04ea53f), of 560 to 1,250 samples, for llama-3.1-405b
/// and mixtral-8x7b by part of the set, weighted by its share. Means: 191 tokens for llama-2-70b (OpenOrca; standard
/// error 5), 985 for llama-3.1-8b (CNN/DailyMail; 18), 451 for mixtral-8x7b (OpenOrca, GSM8K, MBXP); of llama-3.1-405b
/// 9,400 as MLCommons has it (Inference v5.0), our sample 9,360. Answers: llama-3.1-8b 128 tokens; llama-2-70b and
/// mixtral-8x7b log-normal with the median of the Server rows themselves ((latency - TTFT) / TPOT + 1, all at their
/// medians: 250 of a mean of 292, 112 of 145), which gives their 99th percentile within 4 %; llama-3.1-405b as its
/// reference answers. Prompt and answer are drawn independently. nullopt: a model whose data set is not known here.
[[nodiscard]] std::optional<MlperfLengths> mlperf_lengths(const std::string& llm);

}  // namespace tokenyard::validate
