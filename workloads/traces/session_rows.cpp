#include "workloads/traces/session_rows.hpp"

#include "models/base/errors.hpp"
#include "workloads/traces/row_fault.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace tokenyard::workloads {

SessionRows::SessionRows(std::unique_ptr<TraceReader> rows, std::uint32_t block_tokens)
    : rows_(std::move(rows)), block_tokens_(block_tokens) {
  expect(rows_ != nullptr, "sessions come from rows");
}

bool SessionRows::next(TraceRecord& record) {
  if (!rows_->next(record)) return false;
  if (!record.session) throw RowFault(Fault::Malformed, "session", "empty; every turn names its session");
  const std::uint64_t shared = record.shared_tokens.value_or(0);
  if (session_ != record.session) {
    if (shared > 0 && turns_ > 0 && !session_) throw RowFault(Fault::Malformed, "session", "begins in its middle");
    session_ = record.session;
    names_.emplace(mixed(*session_, 0x5e55), block_tokens_);
    text_ = shared;
    turns_ = 0;
    wait_ns_ = 0;
  }
  if (shared > text_) {
    throw RowFault(
        Fault::Malformed, "prefix_len",
        std::to_string(shared) + " tokens are more than the text before has; at most " + std::to_string(text_));
  }
  record.turn = turns_;
  if (turns_ > 0) {
    record.after.push_back(turns_ - 1);
    std::swap(*record.wait_ns, wait_ns_);  // its row holds what comes after it
    record.at_ns.reset();
  } else {
    wait_ns_ = record.wait_ns.value_or(0);
    record.wait_ns.reset();
  }
  if (shared < text_) names_->cut(shared);
  record.prompt_tokens += shared;
  text_ = record.prompt_tokens + record.output_tokens;
  record.prefix = names_->prefix(record.prompt_tokens);
  ++turns_;
  return true;
}

}  // namespace tokenyard::workloads
