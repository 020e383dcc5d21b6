#include "workloads/azure_rows.hpp"

#include "models/base/errors.hpp"
#include "workloads/spec.hpp"
#include "workloads/time_stamp.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

namespace tokenyard::workloads {
namespace {

constexpr std::array<std::string_view, 3> kNames{"TIMESTAMP", "ContextTokens", "GeneratedTokens"};
constexpr std::size_t kStamp = 0;
constexpr std::size_t kContext = 1;
constexpr std::size_t kGenerated = 2;

[[nodiscard]] std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// What was found, short and printable: a wrong file may hold anything.
[[nodiscard]] std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string shown(text.substr(0, kShown));
  std::replace_if(shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "'" + shown + (text.size() > kShown ? "...'" : "'");
}

}  // namespace

AzureRows::AzureRows(LineReader lines) : lines_(std::move(lines)) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  const std::optional<std::string_view> first = lines_.next();
  if (!first) throw UserError(name() + ": is empty; a header with TIMESTAMP,ContextTokens,GeneratedTokens is needed");
  std::string_view header = *first;
  if (header.starts_with(kByteOrderMark)) header.remove_prefix(kByteOrderMark.size());

  constexpr std::size_t kAbsent = std::numeric_limits<std::size_t>::max();
  places_.fill(kAbsent);
  std::string_view rest = header;
  while (true) {
    const std::size_t comma = rest.find(',');
    const auto ours = std::find(kNames.begin(), kNames.end(), trimmed(rest.substr(0, comma)));
    if (ours != kNames.end()) places_[static_cast<std::size_t>(ours - kNames.begin())] = columns_;
    ++columns_;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  std::string missing;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (places_[i] == kAbsent) missing += (missing.empty() ? "" : ", ") + std::string(kNames[i]);
  }
  if (!missing.empty()) {
    throw UserError(name() + ":1: the header lacks " + missing + "; an azure trace names the columns TIMESTAMP, " +
                    "ContextTokens and GeneratedTokens, this one is " + quoted(header));
  }
}

void AzureRows::fail(std::string_view column, const std::string& why) const {
  throw UserError(name() + ":" + std::to_string(lines_.row()) + ": " + std::string(column) + ": " + why);
}

/// Empty lines are passed over at the end of the file only.
std::optional<std::string_view> AzureRows::next_filled_line() {
  std::optional<std::string_view> line = lines_.next();
  if (!line || !line->empty()) return line;
  const std::uint64_t empty_row = lines_.row();
  while (line && line->empty()) line = lines_.next();
  if (line)
    throw UserError(name() + ":" + std::to_string(empty_row) + ": the row is empty, but others follow; delete it");
  return std::nullopt;
}

AzureRows::Fields AzureRows::split(std::string_view line) const {
  Fields fields;
  std::size_t place = 0;
  std::string_view rest = line;
  while (true) {
    const std::size_t comma = rest.find(',');
    for (std::size_t i = 0; i < kColumns; ++i) {
      if (places_[i] == place) fields[i] = trimmed(rest.substr(0, comma));
    }
    ++place;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (place == columns_) return fields;
  const std::string counted = "the row has " + std::to_string(place) + (place == 1 ? " column" : " columns") +
                              ", the header " + std::to_string(columns_);
  if (place > columns_) fail("row", "too long: " + counted);
  for (std::size_t i = 0; i < kColumns; ++i) {
    if (places_[i] >= place) fail(kNames[i], "missing: " + counted);
  }
  fail("row", "too short: " + counted);
}

std::uint32_t AzureRows::tokens(const Fields& fields, std::size_t column) const {
  const std::string_view text = fields[column];
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool overflows = error == std::errc::result_out_of_range;
  if ((error != std::errc{} && !overflows) || end != text.data() + text.size()) {
    fail(kNames[column], quoted(text) + " is not a whole number; a token count of 1 or more is needed");
  }
  if (value < 1 && !overflows) {
    fail(kNames[column],
         quoted(text) + (value < 0 ? " is negative" : " tokens") + "; a token count of 1 or more is needed");
  }
  if (overflows || value > std::int64_t{kMaxTokens}) {
    fail(kNames[column], quoted(text) + " is too large for a token count; at most " + std::to_string(kMaxTokens));
  }
  return static_cast<std::uint32_t>(value);
}

std::optional<TraceRow> AzureRows::next() {
  const std::optional<std::string_view> line = next_filled_line();
  if (!line) return std::nullopt;
  const Fields fields = split(*line);
  const std::optional<std::int64_t> stamp_ns = parse_time_stamp(fields[kStamp]);
  if (!stamp_ns) {
    fail(kNames[kStamp], quoted(fields[kStamp]) + " is not a time; '2023-11-16 18:17:03.9799600' would be one");
  }
  if (last_stamp_ns_ && *stamp_ns < *last_stamp_ns_) {
    fail(kNames[kStamp], quoted(fields[kStamp]) + " is earlier than the row before; sort the file by time");
  }
  last_stamp_ns_ = stamp_ns;
  return TraceRow{
      .stamp_ns = *stamp_ns, .prompt_tokens = tokens(fields, kContext), .output_tokens = tokens(fields, kGenerated)};
}

}  // namespace tokenyard::workloads
