#include "workloads/traces/checked_rows.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <utility>

namespace tokenyard::workloads {
namespace {

[[nodiscard]] std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), ",");
  }
  return text;
}

[[nodiscard]] std::string key_of(Fault fault) {
  std::string key(kFaultNames[static_cast<std::size_t>(fault)]);
  std::replace(key.begin(), key.end(), ' ', '_');
  return key;
}

/// What may be said in an experiment instead of mending the file.
[[nodiscard]] std::string way_out(Fault fault) {
  if (fault == Fault::Malformed) return " (or bad_rows: {malformed: drop})";
  return " (or bad_rows: {" + key_of(fault) + ": drop} or mend)";
}

}  // namespace

std::vector<std::string> RowCounts::sentences() const {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto say = [&](std::uint64_t count, const char* what) {
      if (count > 0) {
        all.push_back(grouped(count) + " of " + grouped(read) + " rows of the trace were " + what + ": " +
                      std::string(kFaultNames[i]));
      }
    };
    say(dropped[i], "dropped");
    say(mended[i], "mended");
  }
  return all;
}

CheckedRows::CheckedRows(std::unique_ptr<TraceReader> reader, TracePolicy policy)
    : reader_(std::move(reader)), policy_(policy) {
  expect(reader_ != nullptr, "rows come from a reader");
  expect(policy_.of(Fault::Malformed) != OnFault::Mend, "a malformed row cannot be mended");
}

void CheckedRows::fail(const std::string& column, const std::string& why) const {
  throw UserError(reader_->place() + ": " + column + ": " + why);
}

std::vector<std::string> CheckedRows::notes() const {
  std::vector<std::string> all = reader_->notes();
  for (std::string& sentence : counts_.sentences()) all.push_back(std::move(sentence));
  return all;
}

/// Whether the row stays, changed by whoever found the fault.
bool CheckedRows::decide(const RowFault& fault) {
  const auto kind = static_cast<std::size_t>(fault.kind());
  switch (policy_.of(fault.kind())) {
    case OnFault::Refuse:
      fail(fault.column(), fault.what() + way_out(fault.kind()));
    case OnFault::Drop:
      ++counts_.dropped[kind];
      return false;
    case OnFault::Mend:
      ++counts_.mended[kind];
      return true;
  }
  return false;
}

void CheckedRows::check_prefix(TraceRecord& record) {
  if (record.prefix.ids.empty() || !reader_->whole_prefixes()) return;
  const std::uint64_t block = record.prefix.block_tokens;
  const std::uint64_t full = record.prompt_tokens / block;
  const std::uint64_t all = (record.prompt_tokens + block - 1) / block;
  if (record.prefix.ids.size() == full || record.prefix.ids.size() == all) return;
  const RowFault fault(Fault::ShortPrefix, reader_->title(Column::Prefix),
                       std::to_string(record.prefix.ids.size()) + " ids of " + std::to_string(block) +
                           " tokens for a prompt of " + std::to_string(record.prompt_tokens) + "; " +
                           std::to_string(all) + " would be right, or another block_tokens");
  if (!decide(fault)) throw fault;
  record.prefix.ids.resize(std::min<std::size_t>(record.prefix.ids.size(), all));
}

void CheckedRows::check_context(TraceRecord& record) {
  const std::uint64_t sum = record.prompt_tokens + record.output_tokens;
  if (policy_.max_context == 0 || sum <= policy_.max_context) return;
  const RowFault fault(Fault::OverContext, reader_->title(Column::Prompt) + " + " + reader_->title(Column::Output),
                       std::to_string(sum) + " tokens, but the model's context is " +
                           std::to_string(policy_.max_context) +
                           "; take a model with a longer context or leave the row out");
  if (!decide(fault)) throw fault;
  const std::uint64_t over = sum - policy_.max_context;
  record.prompt_tokens = record.prompt_tokens > over ? record.prompt_tokens - over : 1;
  record.output_tokens = std::min<std::uint64_t>(record.output_tokens, std::max(1U, policy_.max_context - 1));
  record.prefix.ids.clear();  // the prompt no longer begins as it did
  record.lost_front = true;
}

/// Rows: order of time. Sessions have clocks of their own, and only their beginnings are in order.
void CheckedRows::check(TraceRecord& record) {
  const bool ordered = reader_->order() == TraceOrder::Rows || (record.turn == 0 && reader_->starts_known());
  if (ordered && record.at_ns) {
    if (last_ns_ && *record.at_ns < *last_ns_) {
      const RowFault fault(Fault::Unsorted, reader_->title(Column::Time),
                           "earlier than the row before; sort the file by time");
      if (!decide(fault)) throw fault;
    }
    last_ns_ = std::max(last_ns_.value_or(*record.at_ns), *record.at_ns);
  }
  if (record.duplicate) {
    const RowFault fault(Fault::Duplicate, "session", "the same as an earlier one; leave it out");
    if (!decide(fault)) throw fault;
  }
  if (record.failed) {
    const RowFault fault(Fault::Failed, reader_->title(Column::Output),
                         "the recorded service gave no answer; leave the row out");
    if (!decide(fault)) throw fault;
  }
  if (record.prompt_tokens == 0 || record.output_tokens == 0) {
    const RowFault fault(Fault::ZeroTokens, reader_->title(record.prompt_tokens == 0 ? Column::Prompt : Column::Output),
                         "0 tokens; a token count of 1 or more is needed");
    if (!record.failed && !decide(fault)) throw fault;
    record.prompt_tokens = std::max<std::uint64_t>(record.prompt_tokens, 1);
    record.output_tokens = std::max<std::uint64_t>(record.output_tokens, 1);
  }
  check_prefix(record);
  check_context(record);
}

/// Numbers the turns of a session anew, without those that were dropped; who waited for one of them waits for what
/// it waited for.
void CheckedRows::number_turns(TraceRecord& record, bool kept) {
  if (reader_->order() != TraceOrder::Sessions) return;
  if (record.turn == 0) {
    new_turn_.clear();
    waits_of_dropped_.clear();
    kept_turns_ = 0;
  }
  std::vector<std::uint32_t> after;
  for (const std::uint32_t turn : record.after) {
    expect(turn < new_turn_.size(), "a turn waits for earlier ones");
    if (new_turn_[turn]) {
      after.push_back(*new_turn_[turn]);
    } else {
      after.insert(after.end(), waits_of_dropped_[turn].begin(), waits_of_dropped_[turn].end());
    }
  }
  std::sort(after.begin(), after.end());
  after.erase(std::unique(after.begin(), after.end()), after.end());
  waits_of_dropped_.push_back(after);
  new_turn_.push_back(kept ? std::optional<std::uint32_t>(kept_turns_) : std::nullopt);
  record.after = std::move(after);
  record.turn = kept_turns_;
  kept_turns_ += kept ? 1 : 0;
}

/// One record that stays; false at the end.
bool CheckedRows::read(TraceRecord& record) {
  while (true) {
    try {
      if (!reader_->next(record)) return false;
    } catch (const RowFault& fault) {
      ++counts_.read;
      static_cast<void>(decide(fault));
      continue;
    }
    ++counts_.read;
    bool kept = true;
    try {
      check(record);
    } catch (const RowFault&) {
      kept = false;
    }
    number_turns(record, kept);
    if (!kept) continue;
    ++counts_.kept;
    return true;
  }
}

void CheckedRows::sort_all() {
  sorted_.emplace();
  std::vector<TraceRecord> all;
  TraceRecord record;
  while (read(record)) all.push_back(record);
  std::stable_sort(all.begin(), all.end(),
                   [](const TraceRecord& a, const TraceRecord& b) { return a.at_ns < b.at_ns; });
  sorted_->assign(std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()));
}

bool CheckedRows::next(TraceRecord& record) {
  if (reader_->order() == TraceOrder::Rows && policy_.of(Fault::Unsorted) == OnFault::Mend) {
    if (!sorted_) sort_all();
    if (sorted_->empty()) return false;
    record = std::move(sorted_->front());
    sorted_->pop_front();
    return true;
  }
  return read(record);
}

}  // namespace tokenyard::workloads
