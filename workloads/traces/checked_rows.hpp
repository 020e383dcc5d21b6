#pragma once

#include "workloads/traces/row_fault.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::workloads {

/// What to do with a row that has a fault.
enum class OnFault : std::uint8_t {
  Refuse,  ///< end with a message
  Drop,    ///< leave it out
  Mend,    ///< keep it, changed as its kind says below
};

/// Mending: zero tokens become 1; failed rows are taken as answered; unsorted rows are put in order (which holds the
/// whole trace in memory); duplicates are kept; a prefix without its last ids is kept and one with too many is cut; of
/// a row over the context the prompt is shortened from its front (its prefix ids go with it), to 1 token at least. A
/// malformed row cannot be mended.
struct TracePolicy {
  std::array<OnFault, kFaults> on{};  ///< by Fault
  std::uint32_t max_context = 0;      ///< prompt + output; 0 = no limit, no fault
  [[nodiscard]] OnFault of(Fault fault) const { return on[static_cast<std::size_t>(fault)]; }
};

/// What became of the rows so far. read == kept + sum of dropped.
struct RowCounts {
  std::uint64_t read = 0;
  std::uint64_t kept = 0;
  std::array<std::uint64_t, kFaults> dropped{};
  std::array<std::uint64_t, kFaults> mended{};
  /// A sentence for each count that is not 0: "12 of 1,000 rows were dropped: zero tokens".
  [[nodiscard]] std::vector<std::string> sentences() const;
};

/// The records of a reader that have passed the policy: tokens of at least 1, in order of time (rows), prefix ids that
/// cover the prompt or all but its last block.
class CheckedRows {
 public:
  CheckedRows(std::unique_ptr<TraceReader> reader, TracePolicy policy);

  /// The next record that is kept; false at the end. Throws UserError "file:row: column: what; what would be right, or
  /// which policy" for a fault that is refused. Of a session whose turn is dropped the later turns wait for what that
  /// turn waited for.
  [[nodiscard]] bool next(TraceRecord& record);

  /// UserError at the row given last.
  [[noreturn]] void fail(const std::string& column, const std::string& why) const;
  [[nodiscard]] const RowCounts& counts() const { return counts_; }
  [[nodiscard]] TraceOrder order() const { return reader_->order(); }
  [[nodiscard]] std::optional<std::int64_t> origin_ns() const { return reader_->origin_ns(); }
  [[nodiscard]] bool starts_known() const { return reader_->starts_known(); }
  [[nodiscard]] std::vector<std::string> notes() const;

 private:
  [[nodiscard]] bool read(TraceRecord& record);
  [[nodiscard]] bool decide(const RowFault& fault);
  void check(TraceRecord& record);
  void check_prefix(TraceRecord& record);
  void check_context(TraceRecord& record);
  void number_turns(TraceRecord& record, bool kept);
  void sort_all();

  std::unique_ptr<TraceReader> reader_;
  TracePolicy policy_;
  RowCounts counts_;
  std::optional<std::int64_t> last_ns_;
  std::optional<std::deque<TraceRecord>> sorted_;

  // of the session at hand (TraceOrder::Sessions)
  std::optional<std::uint64_t> session_;
  std::vector<std::optional<std::uint32_t>> new_turn_;        // by turn in the trace; nothing = dropped
  std::vector<std::vector<std::uint32_t>> waits_of_dropped_;  // by turn in the trace, in new numbers
  std::uint32_t kept_turns_ = 0;
};

}  // namespace tokenyard::workloads
