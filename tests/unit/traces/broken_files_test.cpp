/// Files that are broken in every way we could think of: each ends in a message that names the file, or in records.
#include "models/base/errors.hpp"
#include "tests/support/trace_records.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;
using tokenyard::test::lenient;
using tokenyard::test::records_of;

namespace {

/// One sound file of every format.
struct Sound {
  std::string format;
  std::string text;
};
std::vector<Sound> sound_files() {
  return {
      {"azure", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.5,100,10\n2023-11-16 18:15:48,200,20\n"},
      {"burstgpt",
       "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,GPT-4,472,18,490,\"API, log\"\n"},
      {"vidur", "arrived_at,num_prefill_tokens,num_decode_tokens,session_id,block_hash_ids\n0.5,32,2,7,11|22\n"},
      {"splitwise",
       "request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_size\n0,2,0,1,1,4096,"
       "32\n"},
      {"sessions_csv",
       "session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n0,1,0,0,512,64,9\n0,1,1,"
       "576,128,64,100\n"},
      {"mooncake", "{\"timestamp\": 0, \"input_length\": 655, \"output_length\": 52, \"hash_ids\": [46, 47]}\n"},
      {"bailian",
       "{\"chat_id\": 0, \"parent_chat_id\": -1, \"timestamp\": 0.0, \"input_length\": 20, \"output_length\": 14, "
       "\"hash_ids\": [0, 1]}\n"},
      {"weka",
       "{\"id\": \"a\", \"block_size\": 64, \"requests\": [{\"t\": 0, \"in\": 130, \"out\": 5, \"hash_ranges\": [[1, "
       "2]]}]}\n"},
      {"llmservingsim",
       "{\"session_id\": 1, \"arrival_time_ns\": 2, \"sub_requests\": [{\"input_toks\": 16, \"output_toks\": 1, "
       "\"tool_duration_ns\": 70}]}\n"},
      {"otel",
       "{\"spans\": [{\"trace_id\": \"t\", \"span_id\": \"a\", \"start_time\": 0, \"end_time\": 5, \"attributes\": "
       "{\"gen_ai.usage.input_tokens\": 5, \"gen_ai.usage.output_tokens\": 2}}]}\n"},
      {"tokenyard",
       "{\"tokenyard_trace\": 1, \"order\": \"sessions\"}\n{\"at_ns\": 1, \"prompt\": 2, \"output\": 3, \"session\": "
       "4, \"block_tokens\": 16, \"prefix\": [1]}\n"},
  };
}

/// Reads it with every policy; gives how often it was refused. Anything but a UserError leaves.
int refusals(const std::string& text, const std::string& format) {
  int refused = 0;
  for (const TracePolicy& policy : {TracePolicy{}, lenient(OnFault::Drop), lenient(OnFault::Mend)}) {
    try {
      for (const TraceRecord& record : records_of(text, {.name = format}, policy)) {
        CHECK(record.prompt_tokens >= 1);
        CHECK(record.output_tokens >= 1);
      }
    } catch (const UserError& error) {
      ++refused;
      CHECK(std::string(error.what()).starts_with("trace.csv"));
    }
  }
  return refused;
}

}  // namespace

TEST_CASE("broken files: the sound ones are read and told apart") {
  for (const Sound& sound : sound_files()) {
    INFO(sound.format);
    CHECK(refusals(sound.text, sound.format) == 0);
    CHECK(detect_format(sound.text) == sound.format);
  }
}

TEST_CASE("broken files: cut off anywhere they end in a message or in records") {
  for (const Sound& sound : sound_files()) {
    INFO(sound.format);
    for (std::size_t length = 0; length < sound.text.size(); ++length) {
      static_cast<void>(refusals(sound.text.substr(0, length), sound.format));
      static_cast<void>(refusals(sound.text.substr(0, length), "auto"));
    }
  }
}

TEST_CASE("broken files: with any byte replaced they end in a message or in records") {
  for (const Sound& sound : sound_files()) {
    INFO(sound.format);
    for (std::size_t at = 0; at < sound.text.size(); ++at) {
      for (const char letter : {'\0', '"', ',', '9', '-', '{', ']', '\n', '\xff'}) {
        std::string text = sound.text;
        text[at] = letter;
        static_cast<void>(refusals(text, sound.format));
      }
    }
  }
}

TEST_CASE("broken files: a negative wait is refused") {
  const std::vector<Sound> all{
      {"sessions_csv",
       "session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n0,1,0,0,512,64,-9\n"},
      {"llmservingsim",
       "{\"arrival_time_ns\": 2, \"sub_requests\": [{\"input_toks\": 16, \"output_toks\": 1, \"tool_duration_ns\": "
       "-70}]}\n"},
      {"tokenyard",
       "{\"tokenyard_trace\": 1, \"order\": \"sessions\"}\n{\"at_ns\": 1, \"prompt\": 2, \"output\": 3, \"wait_ns\": "
       "-4}\n"},
      {"jsonl", "{\"p\": 5, \"o\": 6, \"w\": -0.5}\n"}};
  for (const Sound& trace : all) {
    INFO(trace.format);
    TraceFormat format{.name = trace.format};
    if (trace.format == "jsonl") format.columns = {.prompt = "p", .output = "o", .wait = "w"};
    try {
      static_cast<void>(records_of(trace.text, format));
      FAIL("it was read");
    } catch (const UserError& error) {
      CHECK(std::string(error.what()).find("is negative; how long is waited is 0 or more") != std::string::npos);
    }
  }
}

TEST_CASE("broken files: a key that is given twice is told with its row wherever it stands") {
  const std::vector<Sound> all{
      {"mooncake",
       "{\"timestamp\": 0, \"input_length\": 655, \"output_length\": 5, \"input_length\": 65, \"hash_ids\": [46]}\n"},
      {"llmservingsim",
       "{\"arrival_time_ns\": 2, \"sub_requests\": [{\"input_toks\": 16, \"output_toks\": 1}, {\"input_toks\": 16, "
       "\"output_toks\": 1, \"input_length\": 1, \"input_length\": 1}]}\n"},
      {"tokenyard",
       "{\"tokenyard_trace\": 1, \"order\": \"rows\"}\n{\"at_ns\": 1, \"prompt\": 2, \"output\": 3, \"x\": "
       "{\"input_length\": 1, \"input_length\": 2}}\n"},
      {"weka",
       "{\"id\": \"a\", \"block_size\": 64, \"requests\": [{\"t\": 0, \"in\": 130, \"out\": 5, \"hash_ids\": [1], "
       "\"input_length\": 1, \"input_length\": 2}]}\n"}};
  for (const Sound& trace : all) {
    INFO(trace.format);
    try {
      static_cast<void>(records_of(trace.text, {.name = trace.format}));
      FAIL("it was read");
    } catch (const UserError& error) {
      const std::string row = trace.format == "tokenyard" ? "2" : "1";
      CHECK(std::string(error.what())
                .starts_with("trace.csv:" + row + ": input_length: is given twice in one object; once would be right"));
    }
  }
}

TEST_CASE("broken files: a turn that shares more text than there was is refused") {
  const std::string header =
      "session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n0,1,0,40,512,64,9\n0,1,1,";
  CHECK(records_of(header + "616,128,64,100\n", {.name = "sessions_csv"}).size() == 2);  // 40 + 512 + 64
  try {
    static_cast<void>(records_of(header + "617,128,64,100\n", {.name = "sessions_csv"}));
    FAIL("it was read");
  } catch (const UserError& error) {
    CHECK(std::string(error.what())
              .starts_with("trace.csv:3: prefix_len: 617 tokens are more than the text before has; at most 616"));
  }
}

TEST_CASE("broken files: values of the wrong kind are refused") {
  const std::vector<std::string> wrong{
      "null", "true", "\"x\"", "[]", "{}", "-1", "1.5", "1e99", "99999999999999999999"};
  for (const std::string& value : wrong) {
    INFO(value);
    CHECK(refusals("{\"timestamp\": 0, \"input_length\": " + value + ", \"output_length\": 5, \"hash_ids\": [1]}\n",
                   "mooncake") >= 1);
    CHECK(refusals("{\"input_toks\": " + value + ", \"output_toks\": 1, \"arrival_time_ns\": 5}\n", "llmservingsim") >=
          1);
    CHECK(refusals("{\"block_size\": 64, \"requests\": [{\"t\": 0, \"in\": " + value + ", \"out\": 5}]}\n", "weka") >=
          1);
  }
  CHECK(refusals("{\"block_size\": 64, \"requests\": [{\"t\": 0, \"in\": 5, \"out\": 5, \"hash_ranges\": [[1, "
                 "4000000000]]}]}\n",
                 "weka") >= 1);
  CHECK(refusals("{\"block_size\": 0, \"requests\": [{\"t\": 0, \"in\": 5, \"out\": 5}]}\n", "weka") >= 1);
}
