#pragma once

#include "workloads/traces/json_value.hpp"
#include "workloads/traces/line_reader.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tokenyard::workloads {

/// LLMServingSim's JSONL (github.com/casys-kaist/LLMServingSim): flat rows {input_toks, output_toks, arrival_time_ns,
/// input_tok_ids?}, and sessions {session_id, arrival_time_ns, sub_requests: [{input_toks, output_toks,
/// tool_duration_ns}]}, also mixed in one file. Every line is a session here, a flat row one of a single turn. Prefix
/// ids are chained over the token ids where there are any, or taken from hash_ids (blocks of 16).
class LlmservingsimReader final : public TraceReader {
 public:
  explicit LlmservingsimReader(LineReader lines, std::uint32_t block_tokens);

  [[nodiscard]] bool next(TraceRecord& record) override;
  [[nodiscard]] std::string place() const override;
  [[nodiscard]] TraceOrder order() const override { return TraceOrder::Sessions; }

 private:
  void read_line(const JsonValue& row);
  void read_request(const JsonValue& request);

  LineReader lines_;
  std::uint32_t block_tokens_;
  JsonParser parser_;
  std::vector<TraceRecord> session_;
  std::size_t given_ = 0;
  std::uint64_t sessions_ = 0;
};

}  // namespace tokenyard::workloads
