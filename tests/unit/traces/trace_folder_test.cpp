/// Traces that are a folder: whatever is told of a row names its file and its place in that file.
#include "models/base/errors.hpp"
#include "sim/files/trace_file.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/trace_records.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;
using tokenyard::tests::TemporaryFolder;
using tokenyard::tests::write_text;

namespace {

std::vector<TraceRecord> records_in(const std::string& path, const TracePolicy& policy = {}) {
  CheckedRows rows = test::rows_of(files::open_trace(path), {}, policy);
  std::vector<TraceRecord> all;
  TraceRecord record;
  while (rows.next(record)) all.push_back(record);
  return all;
}

std::string row(const std::string& at, const std::string& component = "7") {
  return R"({"timestamp": ")" + at + R"(", "input_length": 90, "output_length": 5, "session_id": 1, "hash_ids": )" +
         R"({"sys_prompt": [)" + component + "]}}\n";
}

/// `trace` with a table of lengths for each kind of component; component 7 has 64 tokens.
void write_ragpulse(const TemporaryFolder& folder, const std::string& trace) {
  write_text(folder / "0_trace.jsonl", trace);
  write_text(folder / "1_sys_prompt.jsonl", "{\"sys_prompt_id\": 7, \"token_length\": 64}\n");
  for (const char* const table : {"2_passages", "3_history", "4_user_input", "5_web_search"}) {
    write_text(folder / (std::string(table) + ".jsonl"), "{\"some_id\": 8, \"token_length\": 9}\n");
  }
}

std::string session(int output) {
  return "{\"block_size\": 64,\n \"requests\": [{\"t\": 0, \"in\": 130, \"out\": " + std::to_string(output) + "}]}";
}

/// What reading the trace ends with.
std::string mistake_of(const std::string& path) {
  try {
    static_cast<void>(records_in(path));
  } catch (const UserError& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("trace folder: the tables of RAGPulse are no rows of its trace") {
  const TemporaryFolder folder;
  write_ragpulse(folder, row("1") + row("2"));
  for (const std::string& path : {folder.path().string(), folder / "0_trace.jsonl"}) {
    INFO(path);
    const auto records = records_in(path);
    REQUIRE(records.size() == 2);
    CHECK(records[1].prompt_tokens == 90);
    CHECK(records[1].prefix.ids.size() == 4);  // 64 of its tokens are a component: 4 blocks of 16
  }
}

TEST_CASE("trace folder: a mistake in a RAGPulse row names the file and its row") {
  const TemporaryFolder folder;
  const std::string trace = folder / "0_trace.jsonl";
  for (const std::string& path : {folder.path().string(), trace}) {
    INFO(path);
    write_ragpulse(folder, row("2") + "\n" + row("1"));
    CHECK(mistake_of(path).starts_with(trace + ":3: timestamp: earlier than the row before"));
    write_ragpulse(folder, row("1") + row("2", "6"));
    CHECK(mistake_of(path).starts_with(trace + ":2: hash_ids: component 6 stands in no table of lengths"));
    write_ragpulse(folder, row("1") + "{}\n");
    CHECK(mistake_of(path).starts_with(trace + ":2: timestamp: missing"));
  }
}

TEST_CASE("trace folder: a mistake in a table of RAGPulse names the table and its row") {
  const TemporaryFolder folder;
  write_ragpulse(folder, row("1"));
  write_text(folder / "3_history.jsonl", "{\"history_id\": 9, \"token_length\": 1}\n{\"history_id\": 9}\n");
  CHECK(mistake_of(folder.path().string()) == (folder / "3_history.jsonl") + ":2: row: lacks an id or token_length");
}

TEST_CASE("trace folder: rows are counted anew in every file") {
  const TemporaryFolder folder;
  write_text(folder / "a.json", session(1) + "\n" + session(2));  // the last line has no end
  write_text(folder / "b.json", "\n" + session(-3));
  CHECK(mistake_of(folder.path().string()).starts_with((folder / "b.json") + ":2: out: "));
  write_text(folder / "b.json", session(3));
  CHECK(records_in(folder.path().string()).size() == 3);
}

TEST_CASE("trace folder: a JSON value does not go on in the next file") {
  const TemporaryFolder folder;
  const std::string whole = session(1);
  write_text(folder / "a.json", session(2) + "\n" + whole.substr(0, whole.size() - 1));
  write_text(folder / "b.json", "}");
  CHECK(mistake_of(folder.path().string()) ==
        (folder / "a.json") + ":3: the JSON value that begins here has no end; is the file whole?");
}
