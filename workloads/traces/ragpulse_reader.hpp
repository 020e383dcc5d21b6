#pragma once

#include "workloads/traces/json_value.hpp"
#include "workloads/traces/line_reader.hpp"
#include "workloads/traces/prefix_blocks.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace tokenyard::workloads {

/// RAGPulse (github.com/flashserve/RAGPulse, arXiv 2511.12979): a week of a retrieval service. Its ids name the content
/// of the prompt's components, not beginnings of prompts; how long each is stands in five files beside the trace
/// (1_sys_prompt.jsonl ... 5_web_search.jsonl), which are no part of the trace where it is given as a folder. A prompt
/// is the components in the order system prompt, passages, history, web search, user input; what input_length counts
/// beyond their sum is shared with nobody.
class RagpulseReader final : public TraceReader {
 public:
  /// Reads the side tables. Throws UserError when one is not there. `block_tokens`: of the names given.
  RagpulseReader(LineReader lines, std::uint32_t block_tokens);

  [[nodiscard]] bool next(TraceRecord& record) override;
  [[nodiscard]] std::string place() const override;
  [[nodiscard]] std::string title(Column column) const override;
  [[nodiscard]] bool whole_prefixes() const override { return false; }
  /// Components of the record given last, in order.
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  void read_table(const std::string& file);

  LineReader lines_;
  std::string given_;  // name of the trace, or of the first file of a folder
  std::uint32_t block_tokens_;
  JsonParser parser_;
  std::unordered_map<std::uint64_t, std::uint32_t> tokens_of_;  // by component id; looked up only
  std::vector<Piece> pieces_;
};

}  // namespace tokenyard::workloads
