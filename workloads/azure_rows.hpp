#pragma once

#include "workloads/line_reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tokenyard::workloads {

struct TraceRow {
  std::int64_t stamp_ns = 0;  ///< since 1970, UTC
  std::uint32_t prompt_tokens = 1;
  std::uint32_t output_tokens = 1;
};

/// Rows of an Azure LLM inference trace: CSV with the columns TIMESTAMP, ContextTokens and GeneratedTokens in any
/// order; others (NumImages) are passed over. No quoted fields, which these files do not have. Sources:
/// github.com/Azure/AzurePublicDataset, AzureLLMInferenceDataset2023.md, ...2024.md and AzureLMMInference2025.
class AzureRows {
 public:
  /// Reads the header. Throws UserError when a column is missing.
  explicit AzureRows(LineReader lines);

  /// The next row, in order of time. Throws UserError "file:row: column: what; what would be right".
  [[nodiscard]] std::optional<TraceRow> next();

  /// UserError at the row given last.
  [[noreturn]] void fail(std::string_view column, const std::string& why) const;
  [[nodiscard]] const std::string& name() const { return lines_.name(); }

 private:
  static constexpr std::size_t kColumns = 3;
  using Fields = std::array<std::string_view, kColumns>;

  [[nodiscard]] std::optional<std::string_view> next_filled_line();
  [[nodiscard]] Fields split(std::string_view line) const;
  [[nodiscard]] std::uint32_t tokens(const Fields& fields, std::size_t column) const;

  LineReader lines_;
  std::size_t columns_ = 0;                     // of the header
  std::array<std::size_t, kColumns> places_{};  // where in a row each of our columns stands
  std::optional<std::int64_t> last_stamp_ns_;
};

}  // namespace tokenyard::workloads
