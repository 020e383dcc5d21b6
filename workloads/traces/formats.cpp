#include "workloads/traces/formats.hpp"

#include "models/base/errors.hpp"
#include "workloads/traces/csv_reader.hpp"
#include "workloads/traces/fields.hpp"
#include "workloads/traces/jsonl_reader.hpp"
#include "workloads/traces/llmservingsim_reader.hpp"
#include "workloads/traces/native_reader.hpp"
#include "workloads/traces/otel_reader.hpp"
#include "workloads/traces/ragpulse_reader.hpp"
#include "workloads/traces/session_rows.hpp"
#include "workloads/traces/weka_reader.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace tokenyard::workloads {
namespace {

constexpr std::uint32_t kOwnBlock = 16;  // of names that are made here: the block of today's engines

/// github.com/Azure/AzurePublicDataset: AzureLLMInferenceDataset2023.md, ...2024.md and AzureLMMInference2025
[[nodiscard]] RowLayout azure() {
  return {.time = "TIMESTAMP", .prompt = "ContextTokens", .output = "GeneratedTokens", .format = "an azure trace"};
}

/// github.com/HPMLL/BurstGPT; its third part has two columns more
[[nodiscard]] RowLayout burstgpt() {
  return {.time = "Timestamp",
          .prompt = "Request tokens",
          .output = "Response tokens",
          .session = "Session ID",
          .category = "Log Type",
          .elapsed = "Elapsed time",
          .empty_output_failed = true,
          .format = "a burstgpt trace",
          .optional = {Column::Session, Column::Elapsed}};
}

/// github.com/microsoft/vidur, and Frontier's two columns more
[[nodiscard]] RowLayout vidur() {
  return {.time = "arrived_at",
          .prompt = "num_prefill_tokens",
          .output = "num_decode_tokens",
          .prefix = "block_hash_ids",
          .session = "session_id",
          .block_tokens = kOwnBlock,
          .format = "a vidur trace",
          .optional = {Column::Time, Column::Prefix, Column::Session}};
}

/// github.com/Mutinifni/splitwise-sim
[[nodiscard]] RowLayout splitwise() {
  return {.time = "arrival_timestamp", .prompt = "prompt_size", .output = "token_size", .format = "a splitwise trace"};
}

/// github.com/uw-syfi/TraceLab, replay/examples
[[nodiscard]] RowLayout sessions_csv() {
  return {.time = "arrival_time",
          .prompt = "input_len",
          .output = "output_len",
          .session = "session_id",
          .shared = "prefix_len",
          .wait = "tool_wait_after_ms",
          .unit = TimeUnit::Milliseconds,
          .sessions = true,
          .format = "a sessions_csv trace",
          .optional = {Column::Time}};
}

/// github.com/kvcache-ai/Mooncake; aiperf adds session_id, and vLLM's timed traces and Dynamo's are of the same keys
[[nodiscard]] RowLayout mooncake() {
  return {.time = "timestamp",
          .prompt = "input_length",
          .output = "output_length",
          .prefix = "hash_ids",
          .session = "session_id",
          .unit = TimeUnit::Milliseconds,
          .block_tokens = 512,
          .format = "a mooncake trace",
          .optional = {Column::Session, Column::Prefix}};
}

/// github.com/alibaba-edu/qwen-bailian-usagetraces-anon
[[nodiscard]] RowLayout bailian() {
  return {.time = "timestamp",
          .prompt = "input_length",
          .output = "output_length",
          .prefix = "hash_ids",
          .session = "chat_id",
          .category = "type",
          .block_tokens = 16,
          .format = "a bailian trace",
          .optional = {Column::Category}};
}

[[nodiscard]] RowLayout own_layout(const TraceFormat& format) {
  RowLayout layout = format.columns;
  if (layout.prompt.empty())
    throw SpecError("columns", "must name the column of prompt tokens: {prompt: ..., output: ...}");
  if (layout.output.empty())
    throw SpecError("columns", "must name the column of output tokens: {prompt: ..., output: ...}");
  layout.format = "this " + format.name + " trace";
  return layout;
}

[[nodiscard]] bool holds(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

}  // namespace

const std::vector<std::string>& trace_formats() {
  static const std::vector<std::string> kNames{
      "auto",      "azure",         "mooncake", "bailian",      "burstgpt", "weka",      "ragpulse", "vidur",
      "splitwise", "llmservingsim", "otel",     "sessions_csv", "servegen", "tokenyard", "csv",      "jsonl"};
  return kNames;
}

std::string detect_format(std::string_view first_bytes) {
  const std::string_view line = first_bytes.substr(0, first_bytes.find('\n'));
  const std::size_t begin = first_bytes.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && (first_bytes[begin] == '{' || first_bytes[begin] == '[')) {
    if (holds(line, "\"tokenyard_trace\"")) return "tokenyard";
    if (holds(first_bytes, "\"gen_ai.") || holds(first_bytes, "\"spans\"")) return "otel";
    if (holds(line, "\"parent_chat_id\"")) return "bailian";
    if (holds(line, "\"sys_prompt\"")) return "ragpulse";
    if (holds(line, "\"input_length\"")) return "mooncake";
    if (holds(line, "\"input_toks\"") || holds(line, "\"sub_requests\"")) return "llmservingsim";
    if (holds(first_bytes, "\"block_size\"") && holds(first_bytes, "\"requests\"")) return "weka";
    return {};
  }
  std::string_view header = line;
  for (std::size_t at = 0; header.starts_with('#') && at < first_bytes.size();) {  // comments
    at = first_bytes.find('\n', static_cast<std::size_t>(header.data() - first_bytes.data()));
    if (at == std::string_view::npos) break;
    header = first_bytes.substr(at + 1, first_bytes.find('\n', at + 1) - at - 1);
  }
  if (holds(header, "ContextTokens") || holds(header, "TIMESTAMP")) return "azure";
  if (holds(header, "Request tokens")) return "burstgpt";
  if (holds(header, "num_prefill_tokens")) return "vidur";
  if (holds(header, "prompt_size") && holds(header, "token_size")) return "splitwise";
  if (holds(header, "prefix_len") && holds(header, "tool_wait_after_ms")) return "sessions_csv";
  return {};
}

std::unique_ptr<TraceReader> make_trace_reader(std::unique_ptr<ByteSource> bytes, const TraceFormat& format) {
  LineReader lines(std::move(bytes), kLongestJson);
  std::string name = format.name;
  if (name == "auto") {
    const std::string_view start = lines.peek();
    if (start.empty()) throw UserError(lines.name() + ": is empty; there is nothing to replay");
    name = detect_format(start);
    if (name.empty()) {
      throw UserError(lines.name() + ":1: its format cannot be told from its first line, " +
                      in_quotes(start.substr(0, start.find('\n'))) +
                      "; name the format (docs/traces.md), or take csv or " + "jsonl and name the columns");
    }
  }
  const auto csv = [&](RowLayout layout) -> std::unique_ptr<TraceReader> {
    if (format.block_tokens > 0) layout.block_tokens = format.block_tokens;
    lines.limit(LineReader::kBufferBytes);
    return std::make_unique<CsvReader>(std::move(lines), std::move(layout));
  };
  const auto jsonl = [&](RowLayout layout, const std::string& parent = {}) -> std::unique_ptr<TraceReader> {
    if (format.block_tokens > 0) layout.block_tokens = format.block_tokens;
    return std::make_unique<JsonlReader>(std::move(lines), std::move(layout), parent);
  };
  const std::uint32_t own_block = format.block_tokens > 0 ? format.block_tokens : kOwnBlock;
  if (name == "azure") return csv(azure());
  if (name == "burstgpt") return csv(burstgpt());
  if (name == "vidur") return csv(vidur());
  if (name == "splitwise") return csv(splitwise());
  if (name == "sessions_csv") return std::make_unique<SessionRows>(csv(sessions_csv()), own_block);
  if (name == "csv") return csv(own_layout(format));
  if (name == "jsonl") return jsonl(own_layout(format));
  if (name == "mooncake") return jsonl(mooncake());
  if (name == "bailian") return jsonl(bailian(), "parent_chat_id");
  if (name == "weka") return std::make_unique<WekaReader>(std::move(lines));
  if (name == "ragpulse") return std::make_unique<RagpulseReader>(std::move(lines), own_block);
  if (name == "llmservingsim") return std::make_unique<LlmservingsimReader>(std::move(lines), own_block);
  if (name == "otel") return std::make_unique<OtelReader>(std::move(lines), own_block);
  if (name == "tokenyard") return std::make_unique<NativeReader>(std::move(lines));
  throw SpecError("format", "'" + name + "' is not known; `tokenyard keys` lists the formats");
}

}  // namespace tokenyard::workloads
