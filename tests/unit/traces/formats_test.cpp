#include "workloads/traces/formats.hpp"

#include "models/base/errors.hpp"
#include "tests/support/trace_records.hpp"
#include "workloads/traces/native_reader.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;
using tokenyard::test::lenient;
using tokenyard::test::records_of;

namespace {

using Ids = std::vector<std::uint64_t>;
using Turns = std::vector<std::uint32_t>;
constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

TEST_CASE("formats: mooncake rows are in milliseconds with ids of 512 tokens") {
  const auto all = records_of(
      "{\"timestamp\": 0, \"input_length\": 655, \"output_length\": 52, \"hash_ids\": [46, 47]}\n"
      "{\"timestamp\": 10535, \"input_length\": 672, \"output_length\": 26, \"hash_ids\": [46, 47], \"session_id\": "
      "\"a\"}\n");
  REQUIRE(all.size() == 2);
  CHECK(all[1].at_ns == 10'535'000'000);
  CHECK(all[1].prompt_tokens == 672);
  CHECK(all[1].output_tokens == 26);
  CHECK(all[1].prefix.block_tokens == 512);
  CHECK(all[1].prefix.ids == Ids{46, 47});
  CHECK_FALSE(all[0].session.has_value());
  CHECK(all[1].session.has_value());
}

TEST_CASE("formats: bailian rows are in seconds with ids of 16 tokens and the chat at the root as session") {
  const std::string row =
      "\"input_length\": 20, \"output_length\": 5, \"type\": \"thinking\", \"turn\": 1, \"hash_ids\": [7, 8]}\n";
  const auto all = records_of("{\"chat_id\": 4, \"parent_chat_id\": -1, \"timestamp\": 0.5, " + row +
                              "{\"chat_id\": 9, \"parent_chat_id\": 4, \"timestamp\": 61.25, " + row +
                              "{\"chat_id\": 11, \"parent_chat_id\": 9, \"timestamp\": 70.0, " + row +
                              "{\"chat_id\": 12, \"parent_chat_id\": -1, \"timestamp\": 71.0, " + row);
  REQUIRE(all.size() == 4);
  CHECK(all[1].at_ns == 61 * kSecond + kSecond / 4);
  CHECK(all[0].prefix.block_tokens == 16);
  CHECK(all[0].category == "thinking");
  CHECK(all[0].session == 4U);
  CHECK(all[1].session == 4U);
  CHECK(all[2].session == 4U);
  CHECK(all[3].session == 12U);
}

TEST_CASE("formats: burstgpt has 6 columns or 8 and no answer is a failure") {
  const std::string six =
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n"
      "45,ChatGPT,1087,0,1087,API log\n";
  CHECK_THROWS_WITH_AS(
      records_of(six),
      "trace.csv:3: Response tokens: the recorded service gave no answer; leave the row out (or bad_rows: "
      "{failed: drop} or mend)",
      UserError);
  const auto kept = records_of(six, {}, lenient(OnFault::Drop));
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].at_ns == 5 * kSecond);
  CHECK(kept[0].prompt_tokens == 472);
  CHECK(kept[0].category == "Conversation log");
  const auto eight = records_of(
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,,2.5,ChatGPT,472,18,490,API log\n"
      "6,3b1c-77,4,GPT-4,100,20,120,Conversation log\n");
  REQUIRE(eight.size() == 2);
  CHECK_FALSE(eight[0].session.has_value());
  CHECK(eight[0].elapsed_ns == 2 * kSecond + kSecond / 2);
  CHECK(eight[1].session.has_value());
  CHECK(eight[1].prompt_tokens == 100);
}

TEST_CASE("formats: a CSV of one's own is read by its columns") {
  TraceFormat format{.name = "csv"};
  format.columns = {.time = "when",
                    .prompt = "in",
                    .output = "out",
                    .prefix = "ids",
                    .session = "chat",
                    .unit = TimeUnit::Milliseconds,
                    .block_tokens = 4};
  const auto all = records_of("chat,ids,when,out,in\nx,\"11|22\",1500.25,3,7\n\"x\",,2000,4,8\n", format);
  REQUIRE(all.size() == 2);
  CHECK(all[0].at_ns == 1'500'250'000);
  CHECK(all[0].prompt_tokens == 7);
  CHECK(all[0].output_tokens == 3);
  CHECK(all[0].prefix.ids == Ids{11, 22});
  CHECK(all[0].session == all[1].session);
  CHECK(all[1].prefix.ids.empty());
  CHECK_THROWS_AS(records_of("a,b\n1,2\n", {.name = "csv"}), SpecError);
}

TEST_CASE("formats: a JSONL of one's own is read by its keys") {
  TraceFormat format{.name = "jsonl"};
  format.columns = {.time = "t", .prompt = "in", .output = "out", .tenant = "who", .priority = "urgency"};
  const auto all = records_of(
      "{\"t\": \"2024-05-10 00:00:01+00:00\", \"in\": 5, \"out\": 6, \"who\": 3, \"urgency\": -2}\n", format);
  REQUIRE(all.size() == 1);
  CHECK(all[0].at_ns == 1'715'299'201 * kSecond);
  CHECK(all[0].tenant == 3);
  CHECK(all[0].priority == -2);
}

TEST_CASE("formats: vidur files may hold lengths only") {
  const auto all = records_of("num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n3772,54,3826,69.85\n");
  REQUIRE(all.size() == 1);
  CHECK_FALSE(all[0].at_ns.has_value());
  CHECK(all[0].prompt_tokens == 3772);
}

TEST_CASE("formats: turns of sessions_csv wait for the one before and share what they say") {
  const auto all = records_of(
      "session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n"
      "0,117,0,0,2318,200,300\n"
      "0,117,1,2518,348,131,154\n"
      "0,117,2,100,50,9,0\n"
      "5,200,0,0,400,48,80\n");
  REQUIRE(all.size() == 4);
  CHECK(all[0].at_ns == 117'000'000);
  CHECK(all[0].after.empty());
  CHECK(all[1].prompt_tokens == 2518 + 348);
  CHECK(all[1].after == Turns{0});
  CHECK(all[1].wait_ns == 300'000'000);  // stands in the row before
  CHECK(all[2].wait_ns == 154'000'000);
  CHECK(all[3].turn == 0);
  // Full blocks of 16 are the same as far as the text is: 2318 = 144 * 16 + 14.
  const auto same = [&](std::size_t a, std::size_t b) {
    std::size_t count = 0;
    while (count < all[a].prefix.ids.size() && count < all[b].prefix.ids.size() &&
           all[a].prefix.ids[count] == all[b].prefix.ids[count])
      ++count;
    return count;
  };
  CHECK(same(0, 1) == 144);
  CHECK(same(1, 2) == 6);  // 100 tokens are kept: 6 full blocks
  CHECK(same(0, 3) == 0);
  CHECK(all[1].prefix.ids.size() == 180);  // ceil(2866 / 16)
}

TEST_CASE("formats: weka sessions with a sub-agent fork and join") {
  const auto all = records_of(
      "{\"id\": \"a\", \"block_size\": 64, \"hash_id_scope\": \"local\", \"requests\": [\n"
      " {\"t\": 0, \"in\": 130, \"out\": 5, \"hash_ids\": [1, 2], \"api_time\": 2, \"think_time\": 0},\n"
      " {\"t\": 9, \"type\": \"subagent\", \"duration_ms\": 5000, \"requests\": [\n"
      "   {\"t\": 0, \"in\": 64, \"out\": 6, \"hash_ranges\": [[9, 1]], \"api_time\": 1, \"think_time\": 0},\n"
      "   {\"t\": 3, \"in\": 192, \"out\": 7, \"hash_ranges\": [[9, 2], [20, 1]], \"api_time\": 1, \"think_time\": "
      "2}]},\n"
      " {\"t\": 10, \"in\": 200, \"out\": 8, \"hash_ids\": [1, 2, 3], \"api_time\": 2, \"think_time\": 8}]}\n");
  REQUIRE(all.size() == 4);
  CHECK(all[0].after.empty());
  CHECK(all[1].after == Turns{0});
  CHECK(all[1].wait_ns == 2 * kSecond);  // the sub-agent began at 9 - 5 s, the turn before it ended at 2 s
  CHECK(all[2].after == Turns{1});
  CHECK(all[2].wait_ns == 2 * kSecond);
  CHECK(all[3].after == Turns{0, 2});  // joined
  // The sub-agent's answer came at 4 + 3 + 1 s; its time is part of the think_time of 8 s behind the first turn.
  CHECK(all[3].wait_ns == 2 * kSecond);
  CHECK(all[2].prefix.ids.size() == 3);
  CHECK(all[1].prefix.ids[0] == all[2].prefix.ids[0]);
  CHECK(all[0].prefix.ids[1] == all[3].prefix.ids[1]);
  CHECK(all[0].prefix.ids[0] != 1);  // names of two sessions never meet
}

TEST_CASE("formats: a weka sub-agent without a duration goes on beside the turns behind it") {
  // Launched at 3 s, its answer comes at 3 + 5 s: the turn at 4 s does not wait for it, that at 10 s does, 2 s more.
  const auto all = records_of(
      "{\"id\": \"a\", \"block_size\": 64, \"requests\": [\n"
      " {\"t\": 0, \"in\": 130, \"out\": 5, \"hash_ids\": [1, 2], \"api_time\": 2, \"think_time\": 0},\n"
      " {\"t\": 3, \"type\": \"subagent\", \"duration_ms\": null, \"requests\": [\n"
      "   {\"t\": 0, \"in\": 64, \"out\": 6, \"hash_ids\": [9], \"api_time\": 5, \"think_time\": 0}]},\n"
      " {\"t\": 4, \"in\": 200, \"out\": 8, \"hash_ids\": [1, 2, 3], \"api_time\": 1, \"think_time\": 2},\n"
      " {\"t\": 10, \"in\": 260, \"out\": 8, \"hash_ids\": [1, 2, 3, 4], \"api_time\": 1, \"think_time\": 5}]}\n");
  REQUIRE(all.size() == 4);
  CHECK(all[1].after == Turns{0});
  CHECK(all[1].wait_ns == kSecond);
  CHECK(all[2].after == Turns{0});
  CHECK(all[2].wait_ns == 2 * kSecond);
  CHECK(all[3].after == Turns{1, 2});
  CHECK(all[3].wait_ns == 2 * kSecond);
}

TEST_CASE("formats: weka sessions that stood there before are told as duplicates") {
  const auto session = [](const std::string& id) {
    return "{\"id\": \"" + id +
           "\", \"block_size\": 64, \"requests\": [{\"t\": 0, \"in\": 130, \"out\": 5, \"hash_ids\": [1, 2]}]}\n";
  };
  CHECK_THROWS_WITH_AS(
      records_of(session("a") + session("b")),
      "trace.csv:2: session: the same as an earlier one; leave it out (or bad_rows: {duplicate: drop} or mend)",
      UserError);
  CHECK(records_of(session("a") + session("b"), {}, lenient(OnFault::Drop)).size() == 1);
  CHECK(records_of(session("a") + session("b"), {}, lenient(OnFault::Mend)).size() == 2);
}

TEST_CASE("formats: llmservingsim rows and sessions may be mixed") {
  const auto all = records_of(
      "{\"input_toks\": 20, \"output_toks\": 5, \"arrival_time_ns\": 1000, \"input_tok_ids\": "
      "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]}\n"
      "{\"session_id\": \"s\", \"arrival_time_ns\": 2000, \"sub_requests\": [{\"input_toks\": 16, \"output_toks\": 1, "
      "\"tool_duration_ns\": 70},"
      " {\"input_toks\": 18, \"output_toks\": 2, \"tool_duration_ns\": 0}]}\n"
      "{\"input_toks\": 17, \"output_toks\": 5, \"arrival_time_ns\": 3000, \"input_tok_ids\": "
      "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,99]}\n");
  REQUIRE(all.size() == 4);
  CHECK(all[0].at_ns == 1000);
  CHECK(all[0].prefix.ids.size() == 2);
  CHECK(all[0].prefix.ids[0] == all[3].prefix.ids[0]);
  CHECK(all[0].prefix.ids[1] != all[3].prefix.ids[1]);
  CHECK(all[2].after == Turns{0});
  CHECK(all[2].wait_ns == 70);
}

TEST_CASE("formats: otel spans wait for what had ended when they began") {
  const auto span = [](const std::string& id, const std::string& begin, const std::string& end,
                       const std::string& more) {
    return "{\"trace_id\": \"t\", \"span_id\": \"" + id +
           "\", \"parent_span_id\": null, \"start_time\": \"2026-02-25T10:00:" + begin +
           "\", \"end_time\": \"2026-02-25T10:00:" + end + "\", \"attributes\": {" + more + "}}";
  };
  const std::string usage = "\"gen_ai.usage.input_tokens\": 50, \"gen_ai.usage.output_tokens\": 20";
  const auto all =
      records_of("{\n\"spans\": [" + span("a", "00.0", "01.0", usage) + "," + span("b", "02.0", "05.0", usage) + "," +
                 span("c", "02.5", "04.0", usage) + "," + span("tool", "02.6", "02.7", "\"name\": \"grep\"") + "," +
                 span("d", "06.0", "07.0", usage) + "]}\n");
  REQUIRE(all.size() == 4);
  CHECK(all[1].after == Turns{0});
  CHECK(all[1].wait_ns == kSecond);
  CHECK(all[2].after == Turns{0});  // b and c ran at the same time
  CHECK(all[3].after == Turns{1, 2});
  CHECK(all[3].wait_ns == kSecond);  // after the later of the two
  CHECK(all[0].prompt_tokens == 50);
}

TEST_CASE("formats: otel spans without counts are estimated and that is told") {
  auto rows = test::rows_of(
      std::make_unique<test::TextBytes>(
          "[{\"trace_id\": \"t\", \"span_id\": \"a\", \"start_time\": 0, \"end_time\": 5, \"attributes\": "
          "{\"gen_ai.input.messages\": \"[{\\\"role\\\": \\\"user\\\", \\\"content\\\": \\\"12345678\\\"}]\", "
          "\"gen_ai.output.text\": \"123456789\"}}]"),
      {.name = "otel"});
  TraceRecord record;
  REQUIRE(rows.next(record));
  CHECK(record.prompt_tokens == 2);  // 8 characters
  CHECK(record.output_tokens == 3);  // 9
  CHECK(rows.notes() ==
        std::vector<std::string>{"1 spans tell no token counts; a token for every 4 characters was taken"});
}

TEST_CASE("formats: our own format gives back what was written") {
  TraceRecord first;
  first.at_ns = 5;
  first.prompt_tokens = 33;
  first.output_tokens = 4;
  first.prefix = {.block_tokens = 16, .ids = {18'446'744'073'709'551'615U, 2, 3}};
  first.category = "a \"b\" \\";
  first.priority = -4;
  first.tenant = 7;
  first.session = 12;
  TraceRecord second;
  second.prompt_tokens = 1;
  second.output_tokens = 1;
  second.session = 12;
  second.turn = 1;
  second.after = {0};
  second.wait_ns = 99;
  std::string text = native_header(TraceOrder::Sessions);
  const std::vector<TraceRecord> both{first, second};
  for (const TraceRecord& record : both) append_native(record, text);
  const auto all = records_of(text);
  REQUIRE(all.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    std::string again;
    append_native(all[i], again);
    std::string before;
    append_native(both[i], before);
    CHECK(again == before);
    CHECK(all[i].turn == both[i].turn);
  }
}

TEST_CASE("formats: requests without a session among sessions are written and read again as such") {
  const auto flat = [](const std::string& at) {
    return "{\"input_toks\": 16, \"output_toks\": 3, \"arrival_time_ns\": " + at + "}\n";
  };
  const auto recorded = records_of(
      flat("7") +
      "{\"session_id\": 9, \"arrival_time_ns\": 8, \"sub_requests\": [{\"input_toks\": 5, \"output_toks\": 2}, "
      "{\"input_toks\": 8, \"output_toks\": 1}]}\n" +
      flat("9"));
  REQUIRE(recorded.size() == 4);
  std::string text = native_header(TraceOrder::Sessions);
  for (const TraceRecord& record : recorded) append_native(record, text);
  const auto again = records_of(text);
  REQUIRE(again.size() == 4);
  CHECK(again[0].session == std::nullopt);
  CHECK(again[1].session == 9);
  CHECK(again[2].turn == 1);
  CHECK(again[2].after == Turns{0});
  CHECK(again[3].session == std::nullopt);
  CHECK(again[3].turn == 0);
  CHECK(again[3].at_ns == 9);
  const std::string waits = "{\"prompt\": 1, \"output\": 1, \"after\": [0]}\n";
  CHECK_THROWS_WITH_AS(records_of(native_header(TraceOrder::Sessions) + waits),
                       doctest::Contains("trace.csv:2: after: names a turn that is not earlier"), UserError);
}

TEST_CASE("formats: a file of none of them says so") {
  CHECK_THROWS_AS(records_of("hello world\n"), UserError);
  CHECK_THROWS_AS(records_of(""), UserError);
  for (const std::string& name : trace_formats()) {
    INFO(name);
    if (name == "csv" || name == "jsonl" || name == "servegen") continue;  // columns; another room
    CHECK_THROWS_AS(records_of("\x01\x02\x03 nothing", {.name = name}), UserError);
  }
}

TEST_CASE("formats: the pieces in which bytes come do not matter") {
  const std::string text =
      "{\"id\": \"a\\\"}\", \"block_size\": 64,\n \"requests\": [{\"t\": 0, \"in\": 130, \"out\": 5, \"hash_ids\": [1, "
      "2]}]}\n\n"
      "{\"id\": \"b\", \"block_size\": 64, \"requests\": [{\"t\": 0, \"in\": 131, \"out\": 6, \"hash_ids\": [1, 2]}]}";
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U}) {
    const auto all = records_of(text, {}, {}, piece);
    REQUIRE(all.size() == 2);
    CHECK(all[1].prompt_tokens == 131);
  }
}
