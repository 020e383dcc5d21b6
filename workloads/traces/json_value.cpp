#include "workloads/traces/json_value.hpp"

#include "models/base/errors.hpp"
#include "workloads/traces/fields.hpp"
#include "workloads/traces/line_reader.hpp"
#include "workloads/traces/row_fault.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <vector>

namespace tokenyard::workloads {

namespace dom = simdjson::dom;

static_assert(sizeof(dom::element) == sizeof(JsonValue) && std::is_trivially_copyable_v<dom::element>);
static_assert(kLinePadding >= simdjson::SIMDJSON_PADDING);

namespace {

/// Throws RowFault for a key that an object, or one within it, has twice: which of the values counts nobody says. Lists
/// are looked through as far as their first member is an object or a list.
void refuse_twice(const dom::element& element) {
  dom::array list;
  if (element.get(list) == simdjson::SUCCESS) {
    for (const dom::element member : list) {
      if (!member.is_object() && !member.is_array()) return;
      refuse_twice(member);
    }
    return;
  }
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return;
  std::vector<std::string_view> keys;
  for (const auto& field : object) {
    keys.push_back(field.key);
    refuse_twice(field.value);
  }
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return;
  throw RowFault(Fault::Malformed, std::string(*twice), "is given twice in one object; once would be right");
}

}  // namespace

struct JsonValue::Access {
  static dom::element element(const JsonValue& value) {
    dom::element element;
    std::memcpy(static_cast<void*>(&element), static_cast<const void*>(&value), sizeof element);
    return element;
  }
  static JsonValue value(const dom::element& element) {
    JsonValue value;
    std::memcpy(static_cast<void*>(&value), &element, sizeof element);
    return value;
  }
  [[noreturn]] static void refuse(const JsonValue& value, const std::string& key, const std::string& why) {
    throw RowFault(Fault::Malformed, key, in_quotes(simdjson::minify(element(value))) + " " + why);
  }
};

struct JsonParser::Library {
  dom::parser parser;
};

JsonParser::JsonParser() : library_(std::make_unique<Library>()) {}
JsonParser::JsonParser(JsonParser&&) noexcept = default;
JsonParser::~JsonParser() = default;

JsonValue JsonParser::parse(std::string_view text) {
  dom::element element;
  const auto error = library_->parser.parse(text.data(), text.size(), false).get(element);
  if (error != simdjson::SUCCESS) {
    throw RowFault(Fault::Malformed, "row",
                   std::string("not JSON: ") + simdjson::error_message(error) + ": " + in_quotes(text));
  }
  refuse_twice(element);
  return JsonValue::Access::value(element);
}

bool JsonValue::is_object() const { return Access::element(*this).is_object(); }
bool JsonValue::is_list() const { return Access::element(*this).is_array(); }
bool JsonValue::is_text() const { return Access::element(*this).is_string(); }
bool JsonValue::is_null() const { return Access::element(*this).is_null(); }

std::optional<JsonValue> JsonValue::find(std::string_view key) const {
  dom::element found;
  if (Access::element(*this).at_key(key).get(found) != simdjson::SUCCESS) return std::nullopt;
  return Access::value(found);
}

JsonValue JsonValue::at(const std::string& key) const {
  const auto found = find(key);
  if (!found)
    throw RowFault(Fault::Malformed, key, "missing in " + in_quotes(simdjson::minify(Access::element(*this))));
  return *found;
}

void JsonValue::for_each_field(const std::function<void(std::string_view, const JsonValue&)>& visit) const {
  dom::object object;
  expect(Access::element(*this).get(object) == simdjson::SUCCESS, "fields are of an object");
  for (const auto& field : object) visit(field.key, Access::value(field.value));
}

void JsonValue::for_each(const std::function<void(const JsonValue&)>& visit) const {
  dom::array list;
  expect(Access::element(*this).get(list) == simdjson::SUCCESS, "members are of a list");
  for (const dom::element member : list) visit(Access::value(member));
}

std::string_view JsonValue::text(const std::string& key) const {
  std::string_view text;
  if (Access::element(*this).get(text) != simdjson::SUCCESS) Access::refuse(*this, key, "is not a text");
  return text;
}

std::uint64_t JsonValue::token_count(const std::string& key) const {
  std::int64_t count = 0;
  const auto error = Access::element(*this).get(count);
  if (error == simdjson::NUMBER_OUT_OF_RANGE ||
      (error == simdjson::SUCCESS && count > static_cast<std::int64_t>(kMaxTraceTokens))) {
    Access::refuse(*this, key, "is too large for a token count; at most " + std::to_string(kMaxTraceTokens));
  }
  if (error != simdjson::SUCCESS) {
    Access::refuse(*this, key, "is not a whole number; a token count of 1 or more is needed");
  }
  if (count < 0) Access::refuse(*this, key, "is negative; a token count of 1 or more is needed");
  return static_cast<std::uint64_t>(count);
}

std::int64_t JsonValue::integer(const std::string& key) const {
  std::int64_t number = 0;
  if (Access::element(*this).get(number) != simdjson::SUCCESS) Access::refuse(*this, key, "is not a whole number");
  return number;
}

double JsonValue::number(const std::string& key) const {
  double number = 0.0;
  if (Access::element(*this).get(number) != simdjson::SUCCESS) Access::refuse(*this, key, "is not a number");
  return number;
}

std::int64_t JsonValue::time_ns(TimeUnit unit, const std::string& key) const {
  const dom::element element = Access::element(*this);
  if (element.is_string()) return workloads::time_ns(text(key), unit, key);
  const std::int64_t scale = nanoseconds(unit);
  std::int64_t whole = 0;
  if (element.get(whole) == simdjson::SUCCESS &&
      std::abs(static_cast<double>(whole)) * static_cast<double>(scale) < 9e18) {
    return whole * scale;
  }
  double value = 0.0;
  if (element.get(value) == simdjson::SUCCESS && std::abs(value) * static_cast<double>(scale) < 9e18) {
    return std::llround(value * static_cast<double>(scale));
  }
  Access::refuse(*this, key, "is not a time; a number, or a date such as '2023-11-16 18:17:03.9799600' would be one");
}

std::uint64_t JsonValue::name(const std::string& key) const {
  const dom::element element = Access::element(*this);
  std::uint64_t number = 0;
  if (element.get(number) == simdjson::SUCCESS) return number;
  std::int64_t negative = 0;
  if (element.get(negative) == simdjson::SUCCESS) return std::bit_cast<std::uint64_t>(negative);
  if (!element.is_string()) Access::refuse(*this, key, "is neither a whole number nor a text");
  return name_of(text(key));
}

void JsonValue::append_names(std::vector<std::uint64_t>& names, const std::string& key) const {
  dom::array list;
  if (Access::element(*this).get(list) != simdjson::SUCCESS) Access::refuse(*this, key, "is not a list of ids");
  for (const dom::element member : list) {
    std::uint64_t number = 0;
    names.push_back(member.get(number) == simdjson::SUCCESS ? number : Access::value(member).name(key));
  }
}

}  // namespace tokenyard::workloads
