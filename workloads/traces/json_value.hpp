#pragma once

#include "workloads/traces/row_layout.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::workloads {

/// A value of a parsed JSON document. Getters name the key in what they throw: RowFault{Malformed, key, why}.
/// Lives as long as the next JsonParser::parse().
class JsonValue {
 public:
  [[nodiscard]] bool is_object() const;
  [[nodiscard]] bool is_list() const;
  [[nodiscard]] bool is_text() const;
  [[nodiscard]] bool is_null() const;

  /// The value of a key of an object; nothing when it is not there.
  [[nodiscard]] std::optional<JsonValue> find(std::string_view key) const;
  /// The same, or RowFault when it is missing.
  [[nodiscard]] JsonValue at(const std::string& key) const;
  /// In the order of the text. REQUIRES: is_object().
  void for_each_field(const std::function<void(std::string_view key, const JsonValue& value)>& visit) const;
  /// REQUIRES: is_list().
  void for_each(const std::function<void(const JsonValue& value)>& visit) const;

  [[nodiscard]] std::string_view text(const std::string& key) const;
  [[nodiscard]] std::uint64_t token_count(const std::string& key) const;
  [[nodiscard]] std::int64_t integer(const std::string& key) const;
  [[nodiscard]] double number(const std::string& key) const;
  /// A number times `unit`, or a text that holds one or a date; fractions are doubles, exact to about 2^-53 of the
  /// value.
  [[nodiscard]] std::int64_t time_ns(TimeUnit unit, const std::string& key) const;
  /// Whole numbers of 0 or more are themselves, any text is its name_of().
  [[nodiscard]] std::uint64_t name(const std::string& key) const;
  /// Appends a list of names.
  void append_names(std::vector<std::uint64_t>& names, const std::string& key) const;

 private:
  friend class JsonParser;
  struct Access;
  alignas(void*) std::array<std::byte, 2 * sizeof(void*)> element_{};  // the library's own handle
};

/// Parses one document at a time, with memory for the longest so far. The door to simdjson.
class JsonParser {
 public:
  JsonParser();
  JsonParser(JsonParser&&) noexcept;
  ~JsonParser();
  /// REQUIRES: kLinePadding bytes behind `text` may be read. Throws RowFault{Malformed, "row"} for text that is not
  /// JSON, RowFault{Malformed, key} for a key that an object has twice.
  [[nodiscard]] JsonValue parse(std::string_view text);

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace tokenyard::workloads
