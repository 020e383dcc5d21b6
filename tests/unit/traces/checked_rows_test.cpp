#include "workloads/traces/checked_rows.hpp"

#include "models/base/errors.hpp"
#include "tests/support/trace_records.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;
using tokenyard::test::lenient;
using tokenyard::test::records_of;
using tokenyard::test::rows_of;
using tokenyard::test::TextBytes;

namespace {

/// Seven rows, five of them with a fault each.
const std::string kFaulty =
    "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [1, 2]}\n"
    "{\"timestamp\": 10, \"input_length\": 600, \"output_length\": 0, \"hash_ids\": [1, 2]}\n"
    "{\"timestamp\": 5, \"input_length\": 100, \"output_length\": 5, \"hash_ids\": [1]}\n"
    "{\"timestamp\": 20, \"input_length\": \n"
    "{\"timestamp\": 30, \"input_length\": 9000, \"output_length\": 5, \"hash_ids\": [1]}\n"
    "{\"timestamp\": 40, \"input_length\": 900, \"output_length\": 5000, \"hash_ids\": [1, 3]}\n"
    "{\"timestamp\": 50, \"input_length\": 512, \"output_length\": 5, \"hash_ids\": [1]}\n";

std::uint64_t sum(const std::array<std::uint64_t, kFaults>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

}  // namespace

TEST_CASE("checked rows: every fault is told with its row and the way out") {
  const auto message = [](std::size_t row) {
    std::string text;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < row; ++i) begin = kFaulty.find('\n', begin) + 1;
    const std::string good = "{\"timestamp\": 7, \"input_length\": 60, \"output_length\": 5, \"hash_ids\": [1]}\n";
    text = good + kFaulty.substr(begin, kFaulty.find('\n', begin) + 1 - begin);
    TracePolicy policy;
    policy.max_context = 5'890;
    try {
      records_of(text, {.name = "mooncake"}, policy);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string{};
  };
  CHECK(message(1) ==
        "trace.csv:2: output_length: 0 tokens; a token count of 1 or more is needed (or bad_rows: {zero_tokens: drop} "
        "or mend)");
  CHECK(message(2) ==
        "trace.csv:2: timestamp: earlier than the row before; sort the file by time (or bad_rows: {unsorted: drop} or "
        "mend)");
  CHECK(message(3).starts_with("trace.csv:2: row: not JSON: "));
  CHECK(message(3).ends_with(" (or bad_rows: {malformed: drop})"));
  CHECK(message(4).starts_with("trace.csv:2: hash_ids: 1 ids of 512 tokens for a prompt of 9000; 18 would be right"));
  CHECK(message(5).starts_with(
      "trace.csv:2: input_length + output_length: 5900 tokens, but the model's context is 5890"));
}

TEST_CASE("checked rows: what is read is kept or dropped") {
  TracePolicy policy = lenient(OnFault::Drop);
  policy.max_context = 5'000;
  auto rows = rows_of(std::make_unique<TextBytes>(kFaulty), {.name = "mooncake"}, policy);
  TraceRecord record;
  std::vector<std::int64_t> times;
  while (rows.next(record)) times.push_back(*record.at_ns / 1'000'000);
  CHECK(times == std::vector<std::int64_t>{0, 50});
  const RowCounts& counts = rows.counts();
  CHECK(counts.read == 7);
  CHECK(counts.kept == 2);
  CHECK(counts.read == counts.kept + sum(counts.dropped));
  CHECK(sum(counts.mended) == 0);
  CHECK(rows.notes().size() == 5);
  CHECK(rows.notes().front() == "1 of 7 rows of the trace were dropped: malformed");
}

TEST_CASE("checked rows: mending keeps all but what is malformed") {
  TracePolicy policy = lenient(OnFault::Mend);
  policy.max_context = 5'000;
  auto rows = rows_of(std::make_unique<TextBytes>(kFaulty), {.name = "mooncake"}, policy);
  TraceRecord record;
  std::vector<TraceRecord> all;
  while (rows.next(record)) all.push_back(record);
  REQUIRE(all.size() == 6);
  CHECK(std::is_sorted(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.at_ns < b.at_ns; }));
  CHECK(all[2].output_tokens == 1);
  CHECK(all[3].prompt_tokens == 4995);  // 9,005 tokens are 4,005 over the context
  CHECK(all[3].prefix.ids.empty());
  CHECK(all[4].prompt_tokens == 1);  // 5,900 tokens, 900 over
  CHECK(all[4].output_tokens == 4999);
  CHECK(rows.counts().read == rows.counts().kept + sum(rows.counts().dropped));
}

TEST_CASE("checked rows: who waited for a dropped turn waits for what that waited for") {
  const std::string text =
      "session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n"
      "0,0,0,0,20,5,10\n"
      "0,0,1,25,20,0,20\n"
      "0,0,2,45,20,5,30\n";
  const auto all = records_of(text, {}, lenient(OnFault::Drop));
  REQUIRE(all.size() == 2);
  CHECK(all[1].turn == 1);
  CHECK(all[1].after == std::vector<std::uint32_t>{0});
}

TEST_CASE("checked rows: floor and ceiling of the blocks of a prompt are both right") {
  const auto row = [](const std::string& ids) {
    return "{\"timestamp\": 7, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [" + ids + "]}\n";
  };
  CHECK(records_of(row("1"), {.name = "mooncake"}).size() == 1);
  CHECK(records_of(row("1, 2"), {.name = "mooncake"}).size() == 1);
  CHECK_THROWS_AS(records_of(row("1, 2, 3"), {.name = "mooncake"}), UserError);
  // The trap of reading blocks of 512 as blocks of 16: it is told, not played.
  CHECK_THROWS_AS(records_of(row("1, 2"), {.name = "mooncake", .block_tokens = 16}), UserError);
}
