#include "workloads/traces/llmservingsim_reader.hpp"

#include "workloads/traces/fields.hpp"
#include "workloads/traces/prefix_blocks.hpp"
#include "workloads/traces/row_fault.hpp"

#include <optional>
#include <string_view>
#include <utility>

namespace tokenyard::workloads {

LlmservingsimReader::LlmservingsimReader(LineReader lines, std::uint32_t block_tokens)
    : lines_(std::move(lines)), block_tokens_(block_tokens) {}

std::string LlmservingsimReader::place() const { return lines_.name() + ":" + std::to_string(lines_.row()); }

void LlmservingsimReader::read_request(const JsonValue& request) {
  if (!request.is_object()) throw RowFault(Fault::Malformed, "sub_requests", "holds something that is not an object");
  TraceRecord& record = session_.emplace_back();
  record.turn = static_cast<std::uint32_t>(session_.size() - 1);
  record.prompt_tokens = request.at("input_toks").token_count("input_toks");
  record.output_tokens = request.at("output_toks").token_count("output_toks");
  record.prefix.block_tokens = block_tokens_;
  if (const auto ids = request.find("hash_ids")) {
    ids->append_names(record.prefix.ids, "hash_ids");
  } else if (const auto tokens = request.find("input_tok_ids")) {
    std::vector<std::uint64_t> text;
    tokens->append_names(text, "input_tok_ids");
    std::uint64_t chain = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      chain = mixed(chain, text[i]);
      if ((i + 1) % block_tokens_ == 0 || i + 1 == text.size()) record.prefix.ids.push_back(chain);
    }
  }
}

void LlmservingsimReader::read_line(const JsonValue& row) {
  if (!row.is_object()) throw RowFault(Fault::Malformed, "row", "not a JSON object; one a line is needed");
  ++sessions_;
  const auto turns = row.find("sub_requests");
  if (!turns) {
    read_request(row);
  } else {
    if (!turns->is_list()) throw RowFault(Fault::Malformed, "sub_requests", "is not a list of requests");
    std::int64_t wait_ns = 0;
    turns->for_each([&](const JsonValue& turn) {
      read_request(turn);
      TraceRecord& record = session_.back();
      record.session = row.find("session_id") ? row.at("session_id").name("session_id") : sessions_;
      if (record.turn > 0) {
        record.after.push_back(record.turn - 1);
        record.wait_ns = wait_ns;
      }
      const auto tool = turn.find("tool_duration_ns");
      wait_ns = tool ? wait_of(tool->time_ns(TimeUnit::Nanoseconds, "tool_duration_ns"), "tool_duration_ns") : 0;
    });
  }
  if (session_.empty()) throw RowFault(Fault::Malformed, "sub_requests", "is empty; a request at least is needed");
  session_.front().at_ns = row.at("arrival_time_ns").time_ns(TimeUnit::Nanoseconds, "arrival_time_ns");
}

bool LlmservingsimReader::next(TraceRecord& record) {
  if (given_ == session_.size()) {
    session_.clear();
    given_ = 0;
    std::optional<std::string_view> line = lines_.next();
    while (line && line->find_first_not_of(" \t") == std::string_view::npos) line = lines_.next();
    if (!line) return false;
    try {
      read_line(parser_.parse(*line));
    } catch (const RowFault&) {
      session_.clear();  // all of it or nothing
      throw;
    }
  }
  record = std::move(session_[given_++]);
  return true;
}

}  // namespace tokenyard::workloads
