#include "workloads/traces/jsonl_reader.hpp"

#include "workloads/traces/fields.hpp"
#include "workloads/traces/row_fault.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace tokenyard::workloads {

JsonlReader::JsonlReader(LineReader lines, RowLayout layout, std::string parent)
    : lines_(std::move(lines)), layout_(std::move(layout)), parent_(std::move(parent)) {}

std::string JsonlReader::place() const { return lines_.name() + ":" + std::to_string(lines_.row()); }

void JsonlReader::read(Column column, const JsonValue& value, TraceRecord& record) {
  if (value.is_null()) return;
  switch (column) {
    case Column::Time:
      record.at_ns = value.time_ns(layout_.unit, layout_.time);
      break;
    case Column::Prompt:
      record.prompt_tokens = value.token_count(layout_.prompt);
      break;
    case Column::Output:
      record.output_tokens = value.token_count(layout_.output);
      break;
    case Column::Prefix:
      record.prefix.block_tokens = layout_.block_tokens;
      value.append_names(record.prefix.ids, layout_.prefix);
      break;
    case Column::Session:
      record.session = value.name(layout_.session);
      break;
    case Column::Category:
      record.category = value.text(layout_.category);
      break;
    case Column::Tenant:
      record.tenant = static_cast<std::uint32_t>(value.name(layout_.tenant));
      break;
    case Column::Priority:
      record.priority = static_cast<std::int32_t>(value.integer(layout_.priority));
      break;
    case Column::Elapsed:
      record.elapsed_ns = value.time_ns(layout_.unit, layout_.elapsed);
      break;
    case Column::Shared:
      record.shared_tokens = value.token_count(layout_.shared);
      break;
    case Column::Wait:
      record.wait_ns = wait_of(value.time_ns(layout_.wait_unit, layout_.wait), layout_.wait);
      break;
  }
}

void JsonlReader::follow_parent(TraceRecord& record, std::int64_t parent) {
  const std::uint64_t chat = *record.session;
  if (parent >= 0) {
    const auto known = root_of_.find(static_cast<std::uint64_t>(parent));
    record.session = known != root_of_.end() ? known->second : static_cast<std::uint64_t>(parent);
  }
  root_of_[chat] = *record.session;
}

bool JsonlReader::next(TraceRecord& record) {
  std::optional<std::string_view> line = lines_.next();
  while (line && line->find_first_not_of(" \t") == std::string_view::npos) line = lines_.next();
  if (!line) return false;
  record.clear();
  const JsonValue object = parser_.parse(*line);
  if (!object.is_object()) throw RowFault(Fault::Malformed, "row", "not a JSON object; one a line is needed");
  const auto names = columns_of(layout_);
  std::array<bool, kColumns> found{};
  std::int64_t parent = -1;
  object.for_each_field([&](std::string_view key, const JsonValue& value) {
    const auto ours = std::find_if(names.begin(), names.end(), [&](const auto* name) { return *name == key; });
    if (ours != names.end() && !key.empty()) {
      const auto column = static_cast<std::size_t>(ours - names.begin());
      found[column] = !value.is_null();
      read(static_cast<Column>(column), value, record);
    } else if (!parent_.empty() && key == parent_ && !value.is_null()) {
      parent = value.integer(parent_);
    }
  });
  for (std::size_t i = 0; i < kColumns; ++i) {
    const bool optional = std::count(layout_.optional.begin(), layout_.optional.end(), static_cast<Column>(i)) > 0;
    if (!names[i]->empty() && !found[i] && !optional) {
      throw RowFault(Fault::Malformed, *names[i], "missing; " + layout_.format + " has it in every row");
    }
  }
  record.failed = layout_.empty_output_failed && record.output_tokens == 0;
  if (!parent_.empty() && record.session) follow_parent(record, parent);
  return true;
}

}  // namespace tokenyard::workloads
