#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tokenyard::workloads {

/// What may be wrong with a row. Each kind has its own policy (TracePolicy) and its own count.
enum class Fault : std::uint8_t {
  Malformed,    ///< does not hold what the format promises
  ZeroTokens,   ///< no prompt, or no answer though it did not fail
  Failed,       ///< the recorded service gave no answer
  Unsorted,     ///< earlier than the row before
  Duplicate,    ///< of a session that stood in the trace before, with another name
  ShortPrefix,  ///< not one prefix id for every block of the prompt
  OverContext,  ///< prompt + output beyond the model's context
};
inline constexpr std::size_t kFaults = 7;
/// As it stands in messages and, with '_' for ' ', in keys: "zero tokens".
inline constexpr std::array<std::string_view, kFaults> kFaultNames{
    "malformed", "zero tokens", "failed", "unsorted", "duplicate", "short prefix", "over context"};

/// A row that a policy decides about. `column`: where in the row; `why`: what is wrong; what would be right.
class RowFault : public std::runtime_error {
 public:
  RowFault(Fault kind, std::string column, const std::string& why)
      : std::runtime_error(why), kind_(kind), column_(std::move(column)) {}
  [[nodiscard]] Fault kind() const { return kind_; }
  [[nodiscard]] const std::string& column() const { return column_; }

 private:
  Fault kind_;
  std::string column_;
};

}  // namespace tokenyard::workloads
