#include "workloads/traces/native_reader.hpp"

#include "models/base/errors.hpp"
#include "workloads/traces/fields.hpp"
#include "workloads/traces/row_fault.hpp"

#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace tokenyard::workloads {
namespace {

void append_number(std::string& text, auto number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  text.append(digits, end);
}

void append_key(std::string& text, std::string_view key) {
  text += text.ends_with('{') ? "\"" : ", \"";
  text += key;
  text += "\": ";
}

void append_text(std::string& text, std::string_view value) {
  text += '"';
  for (const char letter : value) {
    if (letter == '"' || letter == '\\') text += '\\';
    text += static_cast<unsigned char>(letter) < 0x20 ? ' ' : letter;
  }
  text += '"';
}

template <class Numbers>
void append_list(std::string& text, const Numbers& numbers) {
  text += '[';
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) text += ", ";
    append_number(text, numbers[i]);
  }
  text += ']';
}

}  // namespace

NativeReader::NativeReader(LineReader lines) : lines_(std::move(lines)) {
  const auto refuse = [&] {
    throw UserError(lines_.name() +
                    ":1: a first line {\"tokenyard_trace\": 1, \"order\": \"rows\" or \"sessions\"} is needed");
  };
  const auto line = lines_.next();
  if (!line) refuse();
  try {
    const JsonValue header = parser_.parse(*line);
    if (!header.is_object() || header.at(std::string(kNativeKey)).integer("tokenyard_trace") != 1) refuse();
    const std::string_view order = header.at("order").text("order");
    if (order != "rows" && order != "sessions") refuse();
    if (const auto origin = header.find("origin_ns")) origin_ns_ = origin->integer("origin_ns");
    order_ = order == "rows" ? TraceOrder::Rows : TraceOrder::Sessions;
  } catch (const RowFault&) {
    refuse();
  }
}

std::string NativeReader::place() const { return lines_.name() + ":" + std::to_string(lines_.row()); }

bool NativeReader::next(TraceRecord& record) {
  const auto line = lines_.next();
  if (!line) return false;
  record.clear();
  const JsonValue row = parser_.parse(*line);
  if (!row.is_object()) throw RowFault(Fault::Malformed, "row", "not a JSON object; one a line is needed");
  bool has_prompt = false;
  bool has_output = false;
  row.for_each_field([&](std::string_view key, const JsonValue& value) {
    const std::string name(key);
    if (key == "at_ns") {
      record.at_ns = value.integer(name);
    } else if (key == "prompt") {
      has_prompt = true;
      record.prompt_tokens = value.token_count(name);
    } else if (key == "output") {
      has_output = true;
      record.output_tokens = value.token_count(name);
    } else if (key == "block_tokens") {
      record.prefix.block_tokens = static_cast<std::uint32_t>(value.token_count(name));
    } else if (key == "prefix") {
      value.append_names(record.prefix.ids, name);
    } else if (key == "category") {
      record.category = value.text(name);
    } else if (key == "priority") {
      record.priority = static_cast<std::int32_t>(value.integer(name));
    } else if (key == "tenant") {
      record.tenant = static_cast<std::uint32_t>(value.token_count(name));
    } else if (key == "session") {
      record.session = value.name(name);
    } else if (key == "after") {
      std::vector<std::uint64_t> turns;
      value.append_names(turns, name);
      for (const std::uint64_t turn : turns) record.after.push_back(static_cast<std::uint32_t>(turn));
    } else if (key == "wait_ns") {
      record.wait_ns = wait_of(value.integer(name), name);
    } else if (key == "answer") {
      value.append_names(record.answer.emplace(), name);
    } else {
      throw RowFault(Fault::Malformed, name, "is not a key of this format");
    }
  });
  if (!has_prompt || !has_output) throw RowFault(Fault::Malformed, has_prompt ? "output" : "prompt", "missing");
  if (!record.prefix.ids.empty() && record.prefix.block_tokens == 0) {
    throw RowFault(Fault::Malformed, "block_tokens", "missing; prefix ids need it");
  }
  if (order_ == TraceOrder::Sessions) {
    if (!record.session || record.session != session_) turns_ = 0;  // a request without one stands alone
    session_ = record.session;
    record.turn = turns_;
    for (const std::uint32_t turn : record.after) {
      if (turn >= turns_) throw RowFault(Fault::Malformed, "after", "names a turn that is not earlier");
    }
    ++turns_;
  }
  return true;
}

std::string native_header(TraceOrder order, std::optional<std::int64_t> origin_ns) {
  return std::string("{\"tokenyard_trace\": 1, \"order\": ") +
         (order == TraceOrder::Rows ? "\"rows\"" : "\"sessions\"") +
         (origin_ns ? ", \"origin_ns\": " + std::to_string(*origin_ns) : std::string{}) + "}\n";
}

void append_native(const TraceRecord& record, std::string& text) {
  const auto number = [&](std::string_view key, auto value) {
    append_key(text, key);
    append_number(text, value);
  };
  text += '{';
  if (record.at_ns) number("at_ns", *record.at_ns);
  number("prompt", record.prompt_tokens);
  number("output", record.output_tokens);
  if (!record.category.empty()) {
    append_key(text, "category");
    append_text(text, record.category);
  }
  if (record.priority != 0) number("priority", record.priority);
  if (record.tenant != 0) number("tenant", record.tenant);
  if (record.session) number("session", *record.session);
  if (!record.after.empty()) {
    append_key(text, "after");
    append_list(text, record.after);
  }
  if (record.wait_ns) number("wait_ns", *record.wait_ns);
  if (!record.prefix.ids.empty()) {
    number("block_tokens", record.prefix.block_tokens);
    append_key(text, "prefix");
    append_list(text, record.prefix.ids);
  }
  if (record.answer) {
    append_key(text, "answer");
    append_list(text, *record.answer);
  }
  text += "}\n";
}

}  // namespace tokenyard::workloads
