#include "workloads/trace_source.hpp"

#include "models/base/errors.hpp"
#include "tests/support/byte_sources.hpp"
#include "workloads/make_request_source.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;
using tokenyard::test::GeneratedTrace;
using tokenyard::test::TextBytes;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

/// Five rows at 0 s, 2 s, 5 s, 5 s and 9.5 s after the first.
const std::string kFive =
    "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    "2023-11-16 18:15:46.5000000,100,10\n"
    "2023-11-16 18:15:48.5000000,200,20\n"
    "2023-11-16 18:15:51.5000000,300,30\n"
    "2023-11-16 18:15:51.5000000,400,40\n"
    "2023-11-16 18:15:56.0000000,500,50";

WorkloadSpec replay(TraceSpec trace = {}) {
  trace.path = "trace.csv";
  return WorkloadSpec{.source = trace, .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
}

std::vector<Arrival> all_of(const WorkloadSpec& spec, const std::string& text, std::size_t piece = 1'000'000) {
  validate(spec);
  const auto source = make_request_source(spec, 0, std::make_unique<TextBytes>(text, piece));
  std::vector<Arrival> all;
  while (const auto arrival = source->next()) all.push_back(*arrival);
  return all;
}

std::vector<std::int64_t> times_ns(const std::vector<Arrival>& all) {
  std::vector<std::int64_t> times;
  for (const Arrival& one : all) times.push_back(one.request.arrival.ns());
  return times;
}

using Times = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("trace: rows arrive as long after the first as they were recorded") {
  const auto all = all_of(replay(), kFive);
  CHECK(times_ns(all) == Times{0, 2 * kSecond, 5 * kSecond, 5 * kSecond, 9 * kSecond + kSecond / 2});
  REQUIRE(all.size() == 5);
  CHECK(all[3].request.id == RequestId{3});
  CHECK(all[3].request.prompt_tokens == 400);
  CHECK(all[3].fate.output_tokens == 40);  // the last line has no newline, as in Azure's files
  CHECK(all[4].request.prompt_tokens == 500);
}

TEST_CASE("trace: speedup 2 halves the gaps") {
  CHECK(times_ns(all_of(replay({.speedup = 2.0}), kFive)) ==
        Times{0, kSecond, 5 * kSecond / 2, 5 * kSecond / 2, 19 * kSecond / 4});
}

TEST_CASE("trace: a window keeps its rows and starts its own clock") {
  // From 2 s, for 3 s: the row at 2 s is in, those at 5 s = 2 s + 3 s are out.
  const TraceSpec window{.window_start = SimTime{2 * kSecond}, .window = SimTime{3 * kSecond}};
  CHECK(times_ns(all_of(replay(window), kFive)) == Times{0});
  // From 1 s without an end: 2 - 1, 5 - 1, 5 - 1, 9.5 - 1.
  CHECK(times_ns(all_of(replay({.window_start = SimTime{kSecond}}), kFive)) ==
        Times{kSecond, 4 * kSecond, 4 * kSecond, 17 * kSecond / 2});
  // The window counts before the speedup: 4x turns (5 - 1) s into 1 s.
  const TraceSpec fast{.speedup = 4.0, .window_start = SimTime{kSecond}, .window = SimTime{5 * kSecond}};
  CHECK(times_ns(all_of(replay(fast), kFive)) == Times{kSecond / 4, kSecond, kSecond});
}

TEST_CASE("trace: duration counts simulated time after the speedup") {
  WorkloadSpec spec = replay({.speedup = 2.0});
  spec.duration = SimTime{5 * kSecond / 2};  // arrivals at 0 s, 1 s, 2.5 s and 2.5 s are not after it
  CHECK(times_ns(all_of(spec, kFive)).size() == 4);
  spec.duration = SimTime{5 * kSecond / 2 - 1};
  CHECK(times_ns(all_of(spec, kFive)).size() == 2);
}

TEST_CASE("trace: at most as many requests as were asked for") {
  WorkloadSpec spec = replay();
  spec.requests = 3;
  CHECK(all_of(spec, kFive).size() == 3);
}

TEST_CASE("trace: columns are found by name and others are passed over") {
  const std::string text =
      "GeneratedTokens,NumImages,TIMESTAMP,ContextTokens\n"
      "7,2,2024-10-15T12:00:00.269Z,900\n"
      "8,0,2024-10-15T12:00:01.269Z,901\n";
  const auto all = all_of(replay(), text);
  REQUIRE(all.size() == 2);
  CHECK(all[0].request.prompt_tokens == 900);
  CHECK(all[0].fate.output_tokens == 7);
  CHECK(all[1].request.arrival == SimTime{kSecond});
}

TEST_CASE("trace: both stamp styles of the 2024 file may stand in one file") {
  const std::string text =
      "TIMESTAMP,ContextTokens,GeneratedTokens\n"
      "2024-05-10 00:00:00.009930+00:00,2162,5\n"
      "2024-05-10 00:00:01+00:00,2399,6\n";
  CHECK(times_ns(all_of(replay(), text)) == Times{0, kSecond - 9'930'000});
}

TEST_CASE("trace: Windows line ends and a byte order mark and blank lines at the end do no harm") {
  const std::string text =
      "\xEF\xBB\xBFTIMESTAMP,ContextTokens,GeneratedTokens\r\n"
      "2023-11-16 18:15:46,100,10\r\n"
      "2023-11-16 18:15:47,200,20\r\n\r\n\n";
  const auto all = all_of(replay(), text);
  REQUIRE(all.size() == 2);
  CHECK(all[1].fate.output_tokens == 20);
}

TEST_CASE("trace: the pieces in which bytes come do not matter") {
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 40U, 41U, 64U}) {
    CHECK(times_ns(all_of(replay(), kFive, piece)) == times_ns(all_of(replay(), kFive)));
  }
}

TEST_CASE("trace: a malformed row is refused with its place and what would be right") {
  struct Bad {
    std::string row;
    std::string message;
  };
  const std::vector<Bad> all{
      {"2023-11-16 18:15:50,200", "trace.csv:3: GeneratedTokens: missing: the row has 2 columns, the header 3"},
      {"hello", "trace.csv:3: ContextTokens: missing: the row has 1 column, the header 3"},
      {"2023-11-16 18:15:50,1,2,3", "trace.csv:3: row: too long: the row has 4 columns, the header 3"},
      {"2023-11-16 18:15:50,many,3",
       "trace.csv:3: ContextTokens: 'many' is not a whole number; a token count of 1 or more is needed"},
      {"2023-11-16 18:15:50,1.5,3",
       "trace.csv:3: ContextTokens: '1.5' is not a whole number; a token count of 1 or more is needed"},
      {"2023-11-16 18:15:50,,3",
       "trace.csv:3: ContextTokens: '' is not a whole number; a token count of 1 or more is needed"},
      {"2023-11-16 18:15:50,5,-3",
       "trace.csv:3: GeneratedTokens: '-3' is negative; a token count of 1 or more is needed"},
      {"2023-11-16 18:15:50,5000000000,1",
       "trace.csv:3: ContextTokens: '5000000000' is too large for a token count; at most 1073741824"},
      {"2023-11-16 18:15:50,99999999999999999999,1",
       "trace.csv:3: ContextTokens: '99999999999999999999' is too large for a token count; at most 1073741824"},
      {"yesterday,5,1",
       "trace.csv:3: TIMESTAMP: 'yesterday' is not a time; '2023-11-16 18:17:03.9799600' or a number would be one"},
      {"", "trace.csv:3: row: empty, but others follow; delete it"},
  };
  for (const Bad& bad : all) {
    const std::string text =
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,1,1\n" + bad.row + "\n2023-11-16 18:15:59,1,1\n";
    INFO(bad.row);
    CHECK_THROWS_WITH_AS(all_of(replay(), text), (bad.message + " (or bad_rows: {malformed: drop})").c_str(),
                         UserError);
  }
}

TEST_CASE("trace: zeros and rows that go back in time are refused with the way out") {
  const auto refusal = [](const std::string& row) {
    return "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,1,1\n" + row + "\n";
  };
  CHECK_THROWS_WITH_AS(all_of(replay(), refusal("2023-11-16 18:15:50,5,0")),
                       "trace.csv:3: GeneratedTokens: 0 tokens; a token count of 1 or more is needed (or bad_rows: "
                       "{zero_tokens: drop} or mend)",
                       UserError);
  CHECK_THROWS_WITH_AS(all_of(replay(), refusal("2023-11-16 18:15:45,5,1")),
                       "trace.csv:3: TIMESTAMP: earlier than the row before; sort the file by time (or bad_rows: "
                       "{unsorted: drop} or mend)",
                       UserError);
}

TEST_CASE("trace: a header without the needed columns names them") {
  CHECK_THROWS_WITH_AS(all_of(replay(), "TIMESTAMP,Tokens\n2023-11-16 18:15:46,1\n"),
                       "trace.csv:1: the header lacks ContextTokens, GeneratedTokens; an azure trace names the columns "
                       "TIMESTAMP,ContextTokens,GeneratedTokens, this one is 'TIMESTAMP,Tokens'",
                       UserError);
}

TEST_CASE("trace: a header that names a column twice is refused") {
  CHECK_THROWS_WITH_AS(
      all_of(replay(), "TIMESTAMP,ContextTokens,GeneratedTokens,ContextTokens\n2023-11-16 18:15:46,1,1,2\n"),
      "trace.csv:1: the header names ContextTokens twice; every column needs its own name", UserError);
}

TEST_CASE("trace: a quote that is never closed is told as such") {
  CHECK_THROWS_WITH_AS(all_of(replay(), "TIMESTAMP,ContextTokens,GeneratedTokens\n\"2024-05-12 00:00:00,10,20\n"),
                       doctest::Contains("trace.csv:2: row: a quote is opened and never closed"), UserError);
  CHECK_THROWS_WITH_AS(all_of(replay(), "TIMESTAMP,\"ContextTokens,GeneratedTokens\n1,2,3\n"),
                       "trace.csv:1: a quote is opened and never closed", UserError);
}

TEST_CASE("trace: a trace without rows is refused") {
  CHECK_THROWS_WITH_AS(all_of(replay(), ""), "trace.csv: is empty; there is nothing to replay", UserError);
  CHECK_THROWS_WITH_AS(all_of(replay(), "TIMESTAMP,ContextTokens,GeneratedTokens\n"),
                       "trace.csv: has no rows; there is nothing to replay", UserError);
}

TEST_CASE("trace: a window without rows is refused") {
  CHECK_THROWS_WITH_AS(
      all_of(replay({.window_start = SimTime{60 * kSecond}}), kFive),
      "trace.csv: no row to replay: the window starts at 60.000 s, but the row read last stands 9.500 s "
      "after the first",
      UserError);
}

TEST_CASE("trace: a row beyond the model's context is refused with its place") {
  WorkloadSpec spec = replay();
  spec.max_context = 219;  // rows 2 and 3 of the file hold 110 and 220 tokens
  CHECK_THROWS_WITH_AS(
      all_of(spec, kFive),
      "trace.csv:3: ContextTokens + GeneratedTokens: 220 tokens, but the model's context is 219; take a "
      "model with a longer context or leave the row out (or bad_rows: {over_context: drop} or mend)",
      UserError);
}

TEST_CASE("trace: a file that is not text ends in a message and not in memory") {
  const std::string text = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + std::string(100'000, 'x');
  CHECK_THROWS_WITH_AS(all_of(replay(), text), "trace.csv:2: this line is longer than 65536 bytes; is this a CSV file?",
                       UserError);
}

TEST_CASE("trace: two million rows pass through one buffer") {
  constexpr std::size_t kRows = 2'000'000;
  std::size_t largest_read = 0;
  const WorkloadSpec spec = replay();
  TraceSource source{spec, 0, std::make_unique<GeneratedTrace>(kRows, &largest_read)};
  std::uint64_t rows = 0;
  std::uint64_t prompt = 0;
  std::uint64_t output = 0;
  SimTime last;
  while (const auto arrival = source.next()) {
    ++rows;
    prompt += arrival->request.prompt_tokens;
    output += arrival->fate.output_tokens;
    last = arrival->request.arrival;
  }
  CHECK(rows == kRows);
  CHECK(prompt == kRows / 1000 * 500'500);  // 1 + 2 + ... + 1000 = 500,500
  CHECK(output == kRows / 10 * 55);
  CHECK(last == SimTime{1999 * kSecond + 999'000'000});  // one row a millisecond
  CHECK(largest_read <= 64 * 1024);
}

TEST_CASE("trace: the horizon is the earlier of the window and the duration") {
  const auto horizon = [](const WorkloadSpec& spec) {
    return TraceSource{spec, 0, std::make_unique<TextBytes>(kFive)}.horizon();
  };
  CHECK_FALSE(horizon(replay()).has_value());
  WorkloadSpec spec = replay({.speedup = 2.0, .window = SimTime{8 * kSecond}});
  CHECK(horizon(spec) == SimTime{4 * kSecond});
  spec.duration = SimTime{3 * kSecond};
  CHECK(horizon(spec) == SimTime{3 * kSecond});
}

TEST_CASE("trace: a mean rate asked for is what comes out") {
  // Five rows in 9.5 s: 4 gaps, 0.421 /s. At 2 /s they take 2 s.
  const auto all = all_of(replay({.rate = PerSecond{2.0}}), kFive);
  REQUIRE(all.size() == 5);
  CHECK(all.back().request.arrival == SimTime{2 * kSecond});
  CHECK(all[1].request.arrival.ns() == doctest::Approx(2.0 / 9.5 * 2e9).epsilon(2e-9));  // to the nearest ns
  // Inside a window its own rate counts: rows at 2 s, 5 s and 5 s.
  const TraceSpec window{.rate = PerSecond{2.0}, .window_start = SimTime{2 * kSecond}, .window = SimTime{5 * kSecond}};
  CHECK(times_ns(all_of(replay(window), kFive)) == Times{0, kSecond, kSecond});
}

TEST_CASE("trace: a mean rate asked for is that of what requests and duration leave") {
  // The first three rows have 2 gaps in 5 s; at 2 /s they take 1 s.
  WorkloadSpec few = replay({.rate = PerSecond{2.0}});
  few.requests = 3;
  CHECK(times_ns(all_of(few, kFive)) == Times{0, kSecond * 2 / 5, kSecond});
  // At 2 /s five rows take 2 s, four 1.5 s, three 1 s: four fit into 1.6 s, at 5 / 1.5 times the recorded pace.
  WorkloadSpec brief = replay({.rate = PerSecond{2.0}});
  brief.duration = SimTime{kSecond * 8 / 5};
  CHECK(times_ns(all_of(brief, kFive)) == Times{0, kSecond * 6 / 10, kSecond * 3 / 2, kSecond * 3 / 2});
  brief.duration = SimTime{kSecond * 3 / 2};
  CHECK(all_of(brief, kFive).size() == 4);
}

TEST_CASE("trace: ties are spread over the tick and stay in order") {
  const TraceSpec spread{.spread_ties = true};
  const auto all = all_of(replay(spread), kFive);
  REQUIRE(all.size() == 5);
  CHECK(times_ns(all)[1] == 2 * kSecond);  // nobody shares its stamp
  // The rows at 5 s: the tick is the smallest gap so far, the 2 s between the first two.
  CHECK(all[2].request.arrival >= SimTime{5 * kSecond});
  CHECK(all[2].request.arrival <= all[3].request.arrival);
  CHECK(all[3].request.arrival < SimTime{7 * kSecond});
  CHECK(all[2].request.arrival != all[3].request.arrival);
  CHECK(times_ns(all_of(replay(spread), kFive)) == times_ns(all));  // the same seed draws the same
  const auto narrow = all_of(replay({.spread_ties = true, .tick = SimTime{1000}}), kFive);
  CHECK(narrow[3].request.arrival < SimTime{5 * kSecond + 1000});
}

TEST_CASE("trace: arrivals may be drawn while the lengths are the trace's") {
  const auto all = all_of(replay({.arrivals = ConstantArrivals{.rate = PerSecond{4.0}}}), kFive);
  CHECK(times_ns(all) == Times{kSecond / 4, kSecond / 2, 3 * kSecond / 4, kSecond, 5 * kSecond / 4});
  CHECK(all[4].request.prompt_tokens == 500);
}

TEST_CASE("trace: a trace of lengths only needs arrivals") {
  const std::string text = "num_prefill_tokens,num_decode_tokens\n30,3\n40,4\n";
  CHECK_THROWS_WITH_AS(all_of(replay(), text),
                       "trace.csv:2: time: there is none in this trace; give trace.arrivals, such as {kind: poisson, "
                       "rate: 1 /s}",
                       UserError);
  CHECK(all_of(replay({.arrivals = ConstantArrivals{.rate = PerSecond{1.0}}}), text).size() == 2);
}

TEST_CASE("trace: prefix ids come in the blocks asked for and stay inside their session if so asked") {
  const std::string text =
      "{\"timestamp\": 0, \"input_length\": 1100, \"output_length\": 5, \"hash_ids\": [1, 2, 3], \"session_id\": 1}\n"
      "{\"timestamp\": 1, \"input_length\": 1024, \"output_length\": 5, \"hash_ids\": [1, 2], \"session_id\": 2}\n";
  const auto as_is = all_of(replay(), text);
  CHECK(as_is[0].request.prefix.block_tokens == 512);
  CHECK(as_is[0].request.prefix.ids == std::vector<std::uint64_t>{1, 2, 3});
  const auto small = all_of(replay({.block_tokens = 16}), text);
  CHECK(small[0].request.prefix.block_tokens == 16);
  CHECK(small[0].request.prefix.ids.size() == 69);
  CHECK(small[0].request.prefix.ids[63] == small[1].request.prefix.ids[63]);
  const auto local = all_of(replay({.session_scope = true}), text);
  CHECK(local[0].request.prefix.ids[0] != local[1].request.prefix.ids[0]);
  CHECK(local[1].request.session == 2U);
}

TEST_CASE("trace: the category of a row is its class where there is one of that name") {
  WorkloadSpec spec = replay();
  spec.classes.push_back({.name = "API log", .ttft = Seconds{9.0}, .tpot = Seconds{0.1}});
  const auto all = all_of(spec,
                          "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
                          "5,ChatGPT,472,18,490,Conversation log\n6,ChatGPT,472,18,490,API log\n");
  CHECK(all[0].request.slo_class == ClassId{0});
  CHECK(all[1].request.slo_class == ClassId{1});
}

TEST_CASE("trace: what was dropped is told at the end") {
  TraceSpec trace;
  trace.policy.on[static_cast<std::size_t>(Fault::ZeroTokens)] = OnFault::Drop;
  TraceSource source{replay(trace), 0, std::make_unique<TextBytes>(kFive + "\n2023-11-16 18:15:57,0,1\n")};
  std::size_t count = 0;
  while (source.next()) ++count;
  CHECK(count == 5);
  CHECK(source.notes() == std::vector<std::string>{"1 of 6 rows of the trace were dropped: zero tokens"});
}
