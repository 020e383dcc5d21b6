#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tokenyard::workloads {

/// What a number in a time column counts. A time with a date in it (2023-11-16 18:17:03.97) needs none.
enum class TimeUnit : std::uint8_t { Seconds, Milliseconds, Microseconds, Nanoseconds };
[[nodiscard]] constexpr std::int64_t nanoseconds(TimeUnit unit) {
  constexpr std::array<std::int64_t, 4> kNs{1'000'000'000, 1'000'000, 1'000, 1};
  return kNs[static_cast<std::size_t>(unit)];
}

/// The columns of a RowLayout, in the order of columns_of().
enum class Column : std::uint8_t {
  Time,
  Prompt,
  Output,
  Prefix,
  Session,
  Category,
  Tenant,
  Priority,
  Elapsed,
  Shared,
  Wait
};
inline constexpr std::size_t kColumns = 11;

/// Which column of a CSV file, or which key of a JSON object, holds what. Empty = the format does not have it.
struct RowLayout {
  std::string time{};    ///< of arrival
  std::string prompt{};  ///< tokens of the whole context
  std::string output{};  ///< tokens of the answer
  std::string prefix{};  ///< ids of the prompt's beginnings: a JSON list, or "11|22" in CSV
  std::string session{};
  std::string category{};
  std::string tenant{};    ///< a whole number
  std::string priority{};  ///< a whole number, lower is more urgent
  std::string elapsed{};   ///< how long the recorded service took: the think time of a session is the gap less this
  std::string
      shared{};        ///< sessions: tokens the prompt has in common with the text before; `prompt` is then what is new
  std::string wait{};  ///< sessions: from the end of this turn until the next is sent
  TimeUnit unit = TimeUnit::Seconds;  ///< of `time` and `elapsed`
  TimeUnit wait_unit = TimeUnit::Milliseconds;
  std::uint32_t block_tokens = 512;  ///< tokens of each id of `prefix`
  bool empty_output_failed = false;  ///< no answer token means that the service failed
  bool sessions = false;             ///< the turns of a session stand together and wait for each other
  std::string format{};              ///< for messages: "an azure trace"
  std::vector<Column> optional{};    ///< those that a file may lack
};

[[nodiscard]] inline std::array<const std::string*, kColumns> columns_of(const RowLayout& layout) {
  return {&layout.time,   &layout.prompt,   &layout.output,  &layout.prefix, &layout.session, &layout.category,
          &layout.tenant, &layout.priority, &layout.elapsed, &layout.shared, &layout.wait};
}

/// What a message calls a column of which the format has no name.
inline constexpr std::array<const char*, kColumns> kPlainTitles{
    "time", "prompt", "output", "prefix ids", "session", "category", "tenant", "priority", "elapsed", "shared", "wait"};

}  // namespace tokenyard::workloads
