#include "workloads/traces/trace_writer.hpp"

#include "models/base/errors.hpp"
#include "workloads/traces/native_reader.hpp"
#include "workloads/traces/prefix_blocks.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace tokenyard::workloads {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

/// "2023-11-16 18:17:03.979960000"
[[nodiscard]] std::string stamp_text(std::int64_t at_ns) {
  const std::int64_t second = at_ns / kSecond - (at_ns % kSecond < 0 ? 1 : 0);
  const std::int64_t rest = at_ns - second * kSecond;
  const std::chrono::sys_seconds time{std::chrono::seconds{second}};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d.%09lld", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<long long>(rest));
  return text;
}

/// Milliseconds with as many digits as it takes: "10535", "0.25".
[[nodiscard]] std::string millisecond_text(std::int64_t at_ns) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  std::string text = std::to_string(at_ns / kMillisecond);
  std::string rest = std::to_string(kMillisecond + at_ns % kMillisecond).substr(1);
  rest.erase(rest.find_last_not_of('0') + 1);
  return rest.empty() ? text : text + "." + rest;
}

}  // namespace

const std::vector<std::string>& TraceWriter::formats() {
  static const std::vector<std::string> kFormats{"tokenyard", "mooncake", "azure"};
  return kFormats;
}

TraceWriter::TraceWriter(const std::string& format, TraceOrder order, std::optional<std::int64_t> origin_ns)
    : format_(format), order_(order), origin_ns_(origin_ns) {
  expect(std::find(formats().begin(), formats().end(), format) != formats().end(), "a format that can be written");
}

std::string TraceWriter::header() const {
  if (format_ == "azure") return "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  return format_ == "tokenyard" ? native_header(order_, origin_ns_) : std::string{};
}

void TraceWriter::append(const TraceRecord& record, std::string& text) {
  if (format_ == "tokenyard") {
    append_native(record, text);
    return;
  }
  if (!record.at_ns || *record.at_ns < 0) {
    throw UserError("a trace of format " + format_ +
                    " needs a time of every request, and these have none (or one before its "
                    "beginning); convert to tokenyard instead");
  }
  lost_session_ = lost_session_ || record.session.has_value();
  lost_class_ = lost_class_ || !record.category.empty() || record.tenant != 0 || record.priority != 0;
  if (format_ == "azure") {
    lost_prefix_ = lost_prefix_ || !record.prefix.ids.empty();
    text += stamp_text(*record.at_ns) + "," + std::to_string(record.prompt_tokens) + "," +
            std::to_string(record.output_tokens) + "\n";
    return;
  }
  text += "{\"timestamp\": " + millisecond_text(*record.at_ns) +
          ", \"input_length\": " + std::to_string(record.prompt_tokens) +
          ", \"output_length\": " + std::to_string(record.output_tokens) + ", \"hash_ids\": [";
  const PromptPrefix blocks = reblocked(record.prefix, record.prompt_tokens, kMooncakeBlock);
  for (std::size_t i = 0; i < blocks.ids.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(blocks.ids[i]);
  text += "]}\n";
}

std::vector<std::string> TraceWriter::left_out() const {
  std::vector<std::string> all;
  if (lost_prefix_) all.emplace_back("prefix ids");
  if (lost_session_) all.emplace_back("sessions");
  if (lost_class_) all.emplace_back("categories, tenants and priorities");
  return all;
}

}  // namespace tokenyard::workloads
