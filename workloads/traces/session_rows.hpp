#pragma once

#include "workloads/traces/prefix_blocks.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tokenyard::workloads {

/// Sessions from rows of turns, the turns of a session one behind the other in the file: the format `sessions_csv`
/// (session_id, arrival_time, round_idx, prefix_len, input_len, output_len, tool_wait_after_ms of TraceLab's replay;
/// github.com/uw-syfi/TraceLab). Each turn waits for the one before it and then as long as that row says. The context
/// is what it shares with the text before (prefix_len) and what is new (input_len). Blocks of text so shared have the
/// same names; those of two sessions never have. What the first turn of a session shares is taken for text that stood
/// before it; a later one that shares more than there was is malformed.
class SessionRows final : public TraceReader {
 public:
  /// `rows`: with session, shared tokens and wait. `block_tokens`: of the names given.
  SessionRows(std::unique_ptr<TraceReader> rows, std::uint32_t block_tokens);

  [[nodiscard]] bool next(TraceRecord& record) override;
  [[nodiscard]] std::string place() const override { return rows_->place(); }
  [[nodiscard]] TraceOrder order() const override { return TraceOrder::Sessions; }

 private:
  std::unique_ptr<TraceReader> rows_;
  std::uint32_t block_tokens_;
  std::optional<std::uint64_t> session_;
  std::optional<ContextNames> names_;
  std::uint64_t text_ = 0;    // tokens of the session so far, the last answer included
  std::int64_t wait_ns_ = 0;  // after the turn before
  std::uint32_t turns_ = 0;
};

}  // namespace tokenyard::workloads
