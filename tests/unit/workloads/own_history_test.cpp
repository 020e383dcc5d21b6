#include "workloads/own_history.hpp"

#include "tests/support/byte_sources.hpp"
#include "workloads/make_request_source.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;

namespace {

/// How many blocks of the prompt of `before` stand at the beginning of `after`.
std::ptrdiff_t shared(const TurnNames& before, const TurnNames& after) {
  const std::vector<std::uint64_t>& ids = before.prefix.ids;
  return std::mismatch(ids.begin(), ids.end(), after.prefix.ids.begin(), after.prefix.ids.end()).first - ids.begin();
}

/// Requests of a trace whose format is told by its first line, in order; answers come at once.
std::vector<Arrival> requests_of(const std::string& text, TraceSpec trace = {}) {
  trace.path = "trace.csv";
  const WorkloadSpec spec{.source = trace,
                          .classes = {{.name = "default", .ttft = Seconds{2.0}, .tpot = Seconds{0.05}}}};
  const auto source = make_request_source(spec, 0, std::make_unique<test::TextBytes>(text));
  std::vector<Arrival> all;
  while (const auto arrival = source->next()) {
    all.push_back(*arrival);
    if (source->interactive()) source->on_end(arrival->request.id, arrival->request.arrival, Ending::Answered);
  }
  return all;
}

/// A prompt's ids begin with the full blocks of the prompt and answer before it, and go on otherwise.
void check_continues(const Arrival& before, const Arrival& after, std::size_t blocks) {
  std::vector<std::uint64_t> known = before.request.prefix.ids;
  known.resize(before.request.prompt_tokens / before.request.prefix.block_tokens);
  known.insert(known.end(), before.fate.history_ids.begin(), before.fate.history_ids.end());
  const std::vector<std::uint64_t>& ids = after.request.prefix.ids;
  REQUIRE(known.size() == blocks);
  REQUIRE(ids.size() >= blocks);
  CHECK(std::equal(known.begin(), known.end(), ids.begin()));
}

}  // namespace

TEST_CASE("own history: a prompt repeats as much as its length allows") {
  OwnHistory histories(10);
  const TurnNames first = histories.next(7, 40, 20);
  REQUIRE(first.prefix.ids.size() == 4);
  REQUIRE(first.history.size() == 2);
  const TurnNames other = histories.next(8, 40, 20);
  CHECK(shared(first, other) == 0);
  SUBCASE("60 tokens hold prompt and answer") {
    const TurnNames next = histories.next(7, 60, 1);
    CHECK(shared(first, next) == 4);
    CHECK(std::equal(first.history.begin(), first.history.end(), next.prefix.ids.begin() + 4));
  }
  SUBCASE("59 hold the prompt and not the answer") {
    const TurnNames next = histories.next(7, 59, 1);
    CHECK(shared(first, next) == 4);
    CHECK(next.prefix.ids[4] != first.history[0]);
  }
  SUBCASE("39 hold another text") { CHECK(shared(first, histories.next(7, 39, 1)) == 0); }
  SUBCASE("and so do more that are known to begin otherwise") {
    CHECK(shared(first, histories.next(7, 60, 1, true)) == 0);
  }
}

TEST_CASE("own history: rows of a session share theirs, whether they wait for answers or not") {
  const std::string text =
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "0,abc,2,ChatGPT,400,100,500,Conversation log\n"
      "1,xyz,2,ChatGPT,600,100,700,Conversation log\n"
      "60,abc,2,ChatGPT,600,100,700,Conversation log\n"
      "120,abc,2,ChatGPT,900,100,1000,Conversation log\n";
  TraceSpec trace;
  SUBCASE("rows") {}
  SUBCASE("causal") { trace.causal = true; }
  const auto all = requests_of(text, trace);
  REQUIRE(all.size() == 4);
  check_continues(all[0], all[2], 31);  // 500 tokens are 31 full blocks of 16
  check_continues(all[2], all[3], 43);  // 700 tokens
  CHECK(all[1].request.prefix.ids[0] != all[0].request.prefix.ids[0]);
}

TEST_CASE("own history: blocks are of the size asked for, and rows without a session have none") {
  const std::string head =
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n";
  const auto large = requests_of(head + "0,abc,2,ChatGPT,400,100,500,Conversation log\n", {.block_tokens = 100});
  CHECK(large[0].request.prefix.ids.size() == 4);
  const auto bare = requests_of("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,400,100\n");
  CHECK(bare[0].request.prefix.ids.empty());
}

TEST_CASE("own history: turns of a session without ids share theirs") {
  const auto all = requests_of(
      "{\"session_id\": \"s\", \"arrival_time_ns\": 0, \"sub_requests\": [{\"input_toks\": 160, \"output_toks\": 16, "
      "\"tool_duration_ns\": 70}, {\"input_toks\": 200, \"output_toks\": 2, \"tool_duration_ns\": 0}]}\n");
  REQUIRE(all.size() == 2);
  check_continues(all[0], all[1], 11);  // 176 tokens
}
