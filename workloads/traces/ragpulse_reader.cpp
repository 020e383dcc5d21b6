#include "workloads/traces/ragpulse_reader.hpp"

#include "models/base/errors.hpp"
#include "workloads/traces/fields.hpp"
#include "workloads/traces/row_fault.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace tokenyard::workloads {
namespace {

constexpr std::array<std::string_view, 5> kComponents{"sys_prompt", "passages_ids", "history", "web_search",
                                                      "user_input"};
constexpr std::array<std::string_view, 5> kTables{"1_sys_prompt.jsonl", "2_passages.jsonl", "3_history.jsonl",
                                                  "4_user_input.jsonl", "5_web_search.jsonl"};

/// Passes blank lines over.
[[nodiscard]] std::optional<std::string_view> next_row(LineReader& lines) {
  std::optional<std::string_view> line = lines.next();
  while (line && line->find_first_not_of(" \t") == std::string_view::npos) line = lines.next();
  return line;
}

[[nodiscard]] bool is_table(std::string_view path) {
  std::string_view file = path.substr(path.find_last_of('/') + 1);
  if (file.ends_with(".gz")) file.remove_suffix(3);
  return std::find(kTables.begin(), kTables.end(), file) != kTables.end();
}

}  // namespace

RagpulseReader::RagpulseReader(LineReader lines, std::uint32_t block_tokens)
    : lines_(std::move(lines)), given_(lines_.name()), block_tokens_(block_tokens) {
  for (const std::string_view table : kTables) read_table(std::string(table));
}

void RagpulseReader::read_table(const std::string& file) {
  auto bytes = lines_.bytes().beside(file);
  if (bytes == nullptr) {
    throw UserError(lines_.name() + ": " + file + " is not beside it; RAGPulse's five tables of lengths are needed");
  }
  LineReader table(std::move(bytes));
  while (const auto line = next_row(table)) {
    try {
      std::optional<std::uint64_t> id;
      std::optional<std::uint64_t> tokens;
      const JsonValue row = parser_.parse(*line);
      if (!row.is_object()) throw RowFault(Fault::Malformed, "row", "not a JSON object; one a line is needed");
      row.for_each_field([&](std::string_view key, const JsonValue& value) {
        if (key == "token_length") {
          tokens = value.token_count("token_length");
        } else if (key.ends_with("_id")) {
          id = value.name(std::string(key));
        }
      });
      if (!id || !tokens) throw RowFault(Fault::Malformed, "row", "lacks an id or token_length");
      tokens_of_[*id] = static_cast<std::uint32_t>(*tokens);
    } catch (const RowFault& fault) {  // without its lengths the trace means nothing
      throw UserError(table.name() + ":" + std::to_string(table.row()) + ": " + fault.column() + ": " + fault.what());
    }
  }
}

std::string RagpulseReader::place() const { return lines_.name() + ":" + std::to_string(lines_.row()); }

std::string RagpulseReader::title(Column column) const {
  switch (column) {
    case Column::Time:
      return "timestamp";
    case Column::Prompt:
      return "input_length";
    case Column::Output:
      return "output_length";
    default:
      return TraceReader::title(column);
  }
}

bool RagpulseReader::next(TraceRecord& record) {
  auto line = next_row(lines_);
  while (line && lines_.name() != given_ && is_table(lines_.name())) line = next_row(lines_);
  if (!line) return false;
  record.clear();
  pieces_.clear();
  const JsonValue row = parser_.parse(*line);
  if (!row.is_object()) throw RowFault(Fault::Malformed, "row", "not a JSON object; one a line is needed");
  record.at_ns = row.at("timestamp").time_ns(TimeUnit::Seconds, "timestamp");
  record.prompt_tokens = row.at("input_length").token_count("input_length");
  record.output_tokens = row.at("output_length").token_count("output_length");
  if (const auto session = row.find("session_id")) record.session = session->name("session_id");
  const JsonValue ids = row.at("hash_ids");
  if (!ids.is_object()) throw RowFault(Fault::Malformed, "hash_ids", "is not an object of lists, one a component");
  std::vector<std::uint64_t> components;
  for (const std::string_view kind : kComponents) {
    if (const auto list = ids.find(kind)) list->append_names(components, std::string(kind));
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t id : components) {
    const auto known = tokens_of_.find(id);
    if (known == tokens_of_.end()) {
      throw RowFault(Fault::Malformed, "hash_ids",
                     "component " + std::to_string(id) + " stands in no table of lengths");
    }
    pieces_.push_back({id, known->second});
    sum += known->second;
  }
  record.prefix = blocks_of(pieces_, block_tokens_);
  if (sum > record.prompt_tokens) record.prefix.ids.resize(record.prompt_tokens / block_tokens_);
  return true;
}

}  // namespace tokenyard::workloads
