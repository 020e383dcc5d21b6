#pragma once

#include "workloads/traces/json_value.hpp"
#include "workloads/traces/line_reader.hpp"
#include "workloads/traces/trace_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::workloads {

/// OpenTelemetry spans of calls to a model, by the semantic conventions for generative AI (gen_ai.*): objects with a
/// list `spans`, or spans one behind the other. Spans without gen_ai.usage.* or gen_ai.input.messages are passed over.
///
/// A session is what shares a session id in its attributes (a key ending in "session.id" or "conversation.id"), else a
/// trace_id. Token counts are those of gen_ai.usage.*; without them a token for every 4 characters of the messages
/// (counted, and told in notes()). The spans say who called whom but not who needed whose answer: a span waits for its
/// parent when that is a call too, else for all calls of its session that had ended when it began, less those that
/// others of these had waited for. It is then sent after the recorded gap. Blocks are named by the text of the
/// messages.
class OtelReader final : public TraceReader {
 public:
  /// `block_tokens`: of the names given. Holds all spans of one document.
  explicit OtelReader(LineReader lines, std::uint32_t block_tokens);

  [[nodiscard]] bool next(TraceRecord& record) override;
  [[nodiscard]] std::string place() const override;
  [[nodiscard]] bool whole_prefixes() const override { return false; }
  [[nodiscard]] TraceOrder order() const override { return TraceOrder::Sessions; }
  [[nodiscard]] std::vector<std::string> notes() const override;

 private:
  struct Call {
    std::uint64_t span = 0;
    std::uint64_t parent = 0;  // 0 = none
    std::uint64_t session = 0;
    std::int64_t begin_ns = 0;
    std::int64_t end_ns = 0;
    TraceRecord record{};
  };
  void read_document(const JsonValue& document);
  void read_span(const JsonValue& span, std::vector<Call>& calls);
  void read_messages(const JsonValue& attributes, Call& call);
  void chain(std::vector<Call>& calls);

  LineReader lines_;
  std::uint32_t block_tokens_;
  JsonParser parser_;
  JsonParser inner_;  // messages are JSON in a text
  std::vector<TraceRecord> records_;
  std::size_t given_ = 0;
  std::uint64_t estimated_ = 0;
};

}  // namespace tokenyard::workloads
