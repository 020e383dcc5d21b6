#include "workloads/traces/otel_reader.hpp"

#include "workloads/traces/fields.hpp"
#include "workloads/traces/prefix_blocks.hpp"
#include "workloads/traces/row_fault.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>

namespace tokenyard::workloads {
namespace {

constexpr std::uint64_t kCharactersPerToken = 4;  // of English text, for spans that tell no counts

[[nodiscard]] std::uint64_t tokens_of(std::uint64_t characters) {
  return (characters + kCharactersPerToken - 1) / kCharactersPerToken;
}

[[nodiscard]] std::optional<JsonValue> first_of(const JsonValue& object, const std::array<std::string_view, 2>& keys) {
  for (const std::string_view key : keys) {
    const auto found = object.find(key);
    if (found && !found->is_null()) return found;
  }
  return std::nullopt;
}

}  // namespace

OtelReader::OtelReader(LineReader lines, std::uint32_t block_tokens)
    : lines_(std::move(lines)), block_tokens_(block_tokens) {}

std::string OtelReader::place() const { return lines_.name() + ":" + std::to_string(lines_.row()); }

std::vector<std::string> OtelReader::notes() const {
  if (estimated_ == 0) return {};
  return {std::to_string(estimated_) + " spans tell no token counts; a token for every 4 characters was taken"};
}

/// Prompt and answer of a call: their counts, and the names of the prompt's blocks.
void OtelReader::read_messages(const JsonValue& attributes, Call& call) {
  TraceRecord& record = call.record;
  const auto in = first_of(attributes, {"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"});
  const auto out = first_of(attributes, {"gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"});
  const auto answer = first_of(attributes, {"gen_ai.output.text", "gen_ai.output.messages"});
  std::vector<Piece> pieces;
  std::vector<std::uint64_t> characters;
  std::uint64_t sum = 0;
  if (const auto messages = attributes.find("gen_ai.input.messages"); messages && messages->is_text()) {
    const std::string_view text = messages->text("gen_ai.input.messages");
    std::string padded(text);
    padded.append(kLinePadding, ' ');
    const JsonValue list = inner_.parse({padded.data(), text.size()});
    if (!list.is_list()) throw RowFault(Fault::Malformed, "gen_ai.input.messages", "is not a list of messages");
    list.for_each([&](const JsonValue& message) {
      const auto content = message.is_object() ? message.find("content") : std::nullopt;
      const std::string_view words = content && content->is_text() ? content->text("content") : std::string_view{};
      const auto role = message.is_object() ? message.find("role") : std::nullopt;
      const std::uint64_t who = role && role->is_text() ? name_of(role->text("role")) : 0;
      pieces.push_back({mixed(who, name_of(words)), 0});
      characters.push_back(words.size());
      sum += words.size();
    });
  }
  if (!in || !out) ++estimated_;
  record.prompt_tokens = in ? in->token_count("gen_ai.usage.input_tokens") : tokens_of(sum);
  const std::uint64_t answered = answer && answer->is_text() ? answer->text("gen_ai.output").size() : 0;
  record.output_tokens = out ? out->token_count("gen_ai.usage.output_tokens") : tokens_of(answered);
  // Whole numbers from the front, so that a message has the same place in every prompt that begins alike.
  for (std::size_t i = 0; i < pieces.size(); ++i)
    pieces[i].tokens = static_cast<std::uint32_t>(tokens_of(characters[i]));
  record.prefix = blocks_of(pieces, block_tokens_);
  if (record.prefix.ids.size() > record.prompt_tokens / block_tokens_) {
    record.prefix.ids.resize(record.prompt_tokens / block_tokens_);
  }
}

void OtelReader::read_span(const JsonValue& span, std::vector<Call>& calls) {
  if (!span.is_object()) throw RowFault(Fault::Malformed, "spans", "holds something that is not an object");
  const auto attributes = span.find("attributes");
  if (!attributes || !attributes->is_object()) return;
  const bool is_call = attributes->find("gen_ai.input.messages") ||
                       first_of(*attributes, {"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"});
  if (!is_call) return;
  Call call;
  call.span = span.at("span_id").name("span_id");
  if (const auto parent = span.find("parent_span_id"); parent && !parent->is_null()) {
    call.parent = parent->name("parent_span_id");
  }
  call.session = span.at("trace_id").name("trace_id");
  attributes->for_each_field([&](std::string_view key, const JsonValue& value) {
    if (key.ends_with("session.id") || key.ends_with("conversation.id")) call.session = value.name(std::string(key));
  });
  call.begin_ns = span.at("start_time").time_ns(TimeUnit::Nanoseconds, "start_time");
  call.end_ns = span.at("end_time").time_ns(TimeUnit::Nanoseconds, "end_time");
  if (call.end_ns < call.begin_ns) throw RowFault(Fault::Malformed, "end_time", "is earlier than start_time");
  read_messages(*attributes, call);
  calls.push_back(std::move(call));
}

/// Who waits for whom within each session, and for how long. `calls` are in order of session and beginning.
void OtelReader::chain(std::vector<Call>& calls) {
  std::size_t first = 0;  // of the session
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].session != calls[first].session) first = i;
    TraceRecord& record = calls[i].record;
    record.session = calls[i].session;
    record.turn = static_cast<std::uint32_t>(i - first);
    record.at_ns = calls[i].begin_ns;
    record.elapsed_ns = calls[i].end_ns - calls[i].begin_ns;
    std::vector<std::size_t> ended;
    for (std::size_t j = first; j < i; ++j) {
      if (calls[j].span == calls[i].parent && calls[j].end_ns <= calls[i].begin_ns) ended.push_back(j);
    }
    if (ended.empty()) {
      std::int64_t latest_begin = calls[first].begin_ns;
      for (std::size_t j = first; j < i; ++j) {
        if (calls[j].end_ns <= calls[i].begin_ns) latest_begin = std::max(latest_begin, calls[j].begin_ns);
      }
      for (std::size_t j = first; j < i; ++j) {  // one that ended before another of them began is waited for by that
        if (calls[j].end_ns <= calls[i].begin_ns && calls[j].end_ns > latest_begin) ended.push_back(j);
      }
    }
    std::int64_t last_end = calls[first].begin_ns;
    for (const std::size_t j : ended) {
      record.after.push_back(static_cast<std::uint32_t>(j - first));
      last_end = std::max(last_end, calls[j].end_ns);
    }
    if (i > first) record.wait_ns = calls[i].begin_ns - last_end;
  }
}

void OtelReader::read_document(const JsonValue& document) {
  std::vector<Call> calls;
  const auto read_list = [&](const JsonValue& list) {
    if (!list.is_list()) throw RowFault(Fault::Malformed, "spans", "is not a list of spans");
    list.for_each([&](const JsonValue& span) { read_span(span, calls); });
  };
  if (document.is_list()) {
    read_list(document);
  } else if (const auto spans = document.find("spans")) {
    read_list(*spans);
  } else {
    read_span(document, calls);
  }
  // Sessions in order of their beginnings, their calls in order of theirs.
  std::stable_sort(calls.begin(), calls.end(), [](const Call& a, const Call& b) { return a.begin_ns < b.begin_ns; });
  std::unordered_map<std::uint64_t, std::size_t> place;  // looked up only
  for (const Call& call : calls) place.emplace(call.session, place.size());
  std::stable_sort(calls.begin(), calls.end(),
                   [&](const Call& a, const Call& b) { return place.at(a.session) < place.at(b.session); });
  chain(calls);
  for (Call& call : calls) records_.push_back(std::move(call.record));
}

bool OtelReader::next(TraceRecord& record) {
  while (given_ == records_.size()) {
    records_.clear();
    given_ = 0;
    const auto document = lines_.next_document();
    if (!document) return false;
    read_document(parser_.parse(*document));
  }
  record = std::move(records_[given_++]);
  return true;
}

}  // namespace tokenyard::workloads
