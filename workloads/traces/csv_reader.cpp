#include "workloads/traces/csv_reader.hpp"

#include "models/base/errors.hpp"
#include "workloads/traces/fields.hpp"
#include "workloads/traces/row_fault.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace tokenyard::workloads {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

[[nodiscard]] std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// Takes the first field off `rest`, with its quotes; `more` turns false with the last. Throws RowFault for a quote
/// without an end.
[[nodiscard]] std::string_view take_field(std::string_view& rest, bool& more) {
  std::size_t end = 0;
  if (trimmed(rest).starts_with('"')) {
    bool inside = false;
    for (; end < rest.size() && (inside || rest[end] != ','); ++end) inside = rest[end] == '"' ? !inside : inside;
    if (inside) throw RowFault(Fault::Malformed, "row", "a quote is opened and never closed");
  } else {
    end = std::min(rest.find(','), rest.size());
  }
  const std::string_view field = trimmed(rest.substr(0, end));
  more = end < rest.size();
  rest.remove_prefix(more ? end + 1 : end);
  return field;
}

/// What the quotes of a field hold.
[[nodiscard]] std::string unquoted(std::string_view field) {
  std::string text;
  for (std::size_t i = 1; i + 1 < field.size(); ++i) {
    if (field[i] == '"') ++i;  // a quote inside is written twice
    if (i + 1 < field.size()) text += field[i];
  }
  return text;
}

/// A field of the header, which is right or there is no trace.
[[nodiscard]] std::string title_from(std::string_view& rest, bool& more, const std::string& place) {
  try {
    return std::string(take_field(rest, more));
  } catch (const RowFault& fault) {
    throw UserError(place + ": " + fault.what());
  }
}

}  // namespace

CsvReader::CsvReader(LineReader lines, RowLayout layout) : lines_(std::move(lines)), layout_(std::move(layout)) {
  const auto names = columns_of(layout_);
  std::string needed;
  for (const std::string* name : names) {
    if (!name->empty()) needed += (needed.empty() ? "" : ",") + *name;
  }
  std::optional<std::string_view> first = lines_.next();
  while (first && first->starts_with('#')) first = lines_.next();
  if (!first) throw UserError(lines_.name() + ": is empty; a header with " + needed + " is needed");
  std::string_view header = *first;
  if (header.starts_with(kByteOrderMark)) header.remove_prefix(kByteOrderMark.size());

  std::string_view rest = header;
  for (bool more = true; more; ++columns_) {
    std::string title = title_from(rest, more, place());
    if (title.starts_with('"')) title = unquoted(title);
    const auto ours = std::find_if(names.begin(), names.end(), [&](const auto* name) { return *name == title; });
    const auto role = static_cast<std::size_t>(title.empty() ? names.end() - names.begin() : ours - names.begin());
    role_of_.push_back(static_cast<std::uint8_t>(role));
    if (role == kColumns) continue;
    if (has_[role])
      throw UserError(place() + ": the header names " + title + " twice; every column needs its own name");
    has_[role] = true;
  }
  std::string missing;
  for (std::size_t i = 0; i < kColumns; ++i) {
    const bool optional = std::count(layout_.optional.begin(), layout_.optional.end(), static_cast<Column>(i)) > 0;
    if (!names[i]->empty() && !has_[i] && !optional) missing += (missing.empty() ? "" : ", ") + *names[i];
  }
  if (!missing.empty()) {
    throw UserError(place() + ": the header lacks " + missing + "; " + layout_.format + " names the columns " + needed +
                    ", this one is " + in_quotes(header));
  }
}

std::string CsvReader::place() const { return lines_.name() + ":" + std::to_string(lines_.row()); }

/// Empty lines are passed over at the end of the file only.
std::optional<std::string_view> CsvReader::next_filled_line() {
  std::optional<std::string_view> line = lines_.next();
  if (!line || !line->empty()) return line;
  line = lines_.next();
  if (line && !line->empty()) {
    lines_.put_back();
    throw RowFault(Fault::Malformed, "row", "empty, but others follow; delete it");
  }
  while (line && line->empty()) line = lines_.next();
  if (line) {
    lines_.put_back();
    throw RowFault(Fault::Malformed, "row", "empty, but others follow; delete it");
  }
  return std::nullopt;
}

void CsvReader::split(std::string_view line) {
  std::size_t place = 0;
  std::string_view rest = line;
  for (bool more = true; more; ++place) {
    const std::string_view text = take_field(rest, more);
    const std::size_t role = place < role_of_.size() ? role_of_[place] : kColumns;
    if (role == kColumns) continue;
    if (text.starts_with('"')) {
      unquoted_[role] = unquoted(text);
      fields_[role] = unquoted_[role];
    } else {
      fields_[role] = text;
    }
  }
  if (place == columns_) return;
  const std::string counted = "the row has " + std::to_string(place) + (place == 1 ? " column" : " columns") +
                              ", the header " + std::to_string(columns_);
  if (place > columns_) throw RowFault(Fault::Malformed, "row", "too long: " + counted);
  for (std::size_t i = place; i < columns_; ++i) {
    if (role_of_[i] < kColumns) {
      throw RowFault(Fault::Malformed, *columns_of(layout_)[role_of_[i]], "missing: " + counted);
    }
  }
  throw RowFault(Fault::Malformed, "row", "too short: " + counted);
}

/// "11|22", or an empty field.
void CsvReader::read_prefix(TraceRecord& record) const {
  record.prefix.block_tokens = layout_.block_tokens;
  std::string_view rest = field(Column::Prefix);
  while (!rest.empty()) {
    const std::size_t bar = std::min(rest.find('|'), rest.size());
    record.prefix.ids.push_back(whole_number(rest.substr(0, bar), layout_.prefix));
    rest.remove_prefix(std::min(bar + 1, rest.size()));
  }
}

bool CsvReader::next(TraceRecord& record) {
  const std::optional<std::string_view> line = next_filled_line();
  if (!line) return false;
  record.clear();
  split(*line);
  if (has(Column::Time)) record.at_ns = time_ns(field(Column::Time), layout_.unit, layout_.time);
  record.prompt_tokens = token_count(field(Column::Prompt), layout_.prompt);
  record.output_tokens = token_count(field(Column::Output), layout_.output);
  record.failed = layout_.empty_output_failed && record.output_tokens == 0;
  if (has(Column::Prefix)) read_prefix(record);
  if (has(Column::Session) && !field(Column::Session).empty()) {
    const std::string_view text = field(Column::Session);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    record.session = error == std::errc{} && end == text.data() + text.size() ? number : name_of(text);
  }
  if (has(Column::Category)) record.category = field(Column::Category);
  if (has(Column::Tenant)) {
    record.tenant = static_cast<std::uint32_t>(whole_number(field(Column::Tenant), layout_.tenant));
  }
  if (has(Column::Priority)) record.priority = signed_number(field(Column::Priority), layout_.priority);
  if (has(Column::Elapsed) && !field(Column::Elapsed).empty()) {
    record.elapsed_ns = time_ns(field(Column::Elapsed), layout_.unit, layout_.elapsed);
  }
  if (has(Column::Shared)) record.shared_tokens = token_count(field(Column::Shared), layout_.shared);
  if (has(Column::Wait))
    record.wait_ns = wait_of(time_ns(field(Column::Wait), layout_.wait_unit, layout_.wait), layout_.wait);
  return true;
}

}  // namespace tokenyard::workloads
