#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::test;

// One instance whose steps take 1 ms whatever they hold, one step in flight.

namespace {

SimTime us(std::int64_t n) { return SimTime{n * 1'000}; }

Played play_with(const serving::FrontEndSpec& front_end, std::vector<ScriptedSource::Row> rows,
                 std::uint32_t concurrency = 0) {
  ScriptedSource source{std::move(rows)};
  const FormulaCost cost([](const cost::StepShape&) { return std::int64_t{1'000'000}; });
  return play({.rules = policy::VllmSpec{.max_num_seqs = 8, .max_num_batched_tokens = 1024},
               .depth = 1,
               .front_end = front_end,
               .concurrency = concurrency},
              source, cost);
}

}  // namespace

TEST_CASE("front end: its work stands before the queue and behind the tokens and the parts add up") {
  // In: 2 ms and 100 tokens of 10 us: the scheduler has it at 3 ms, first token at 4, third at 6; 0.1 ms to send each.
  const Played played =
      play_with({.per_request = us(2'000), .per_prompt_token = us(10), .per_output_token = us(100)}, {{0, 100, 3}});
  const metrics::RequestRecord& r = played.requests.at(0);
  CHECK(r.admitted == us(3'000));
  CHECK(r.ttft() == us(4'100));
  CHECK(r.latency() == us(6'100));
  CHECK(r.front_end == us(3'100));
  CHECK(r.queue == us(0));
  CHECK(r.prefill == us(1'000));
  CHECK(r.decode == us(2'000));
}

TEST_CASE("front end: latency delays every call by the same and keeps no worker busy") {
  const Played played =
      play_with({.per_request = us(100), .latency = us(8'000)}, {{0, 100, 2}, {0, 100, 2}, {0, 100, 2}});
  for (std::int64_t i = 0; i < 3; ++i) {
    const metrics::RequestRecord& r = played.requests.at(static_cast<std::size_t>(i));
    CHECK(r.front_end == us(100 * (i + 1) + 8'000));
  }
}

TEST_CASE("front end: a burst of calls queues for its one worker") {
  // 3 ms each, one after the other; every call then finds an idle scheduler.
  const Played played = play_with({.per_request = us(3'000)}, {{0, 100, 1}, {0, 100, 1}, {0, 100, 1}, {0, 100, 1}});
  for (std::int64_t i = 0; i < 4; ++i) {
    const metrics::RequestRecord& r = played.requests.at(static_cast<std::size_t>(i));
    CHECK(r.front_end == us(3'000 * (i + 1)));
    CHECK(r.ttft() == us(3'000 * (i + 1) + 1'000));
  }
}

TEST_CASE("front end: two workers take two calls at a time") {
  const Played played =
      play_with({.per_request = us(3'000), .workers = 2}, {{0, 100, 1}, {0, 100, 1}, {0, 100, 1}, {0, 100, 1}});
  for (std::int64_t i = 0; i < 4; ++i) {
    CHECK(played.requests.at(static_cast<std::size_t>(i)).front_end == us(3'000 * (i / 2 + 1)));
  }
}

TEST_CASE("front end: the first tokens of one step reach their users one by one") {
  // All four prompts are in one step that ends at 1 ms; 0.5 ms to send each token.
  const Played played = play_with({.per_output_token = us(500)}, {{0, 100, 1}, {0, 100, 1}, {0, 100, 1}, {0, 100, 1}});
  for (std::int64_t i = 0; i < 4; ++i) {
    CHECK(played.requests.at(static_cast<std::size_t>(i)).ttft() == us(1'000 + 500 * (i + 1)));
  }
}

TEST_CASE("front end: what it cannot send within a step piles up") {
  // Two requests of 11 tokens: each step of 1 ms hands out 2 tokens of 0.6 ms. First tokens at 1 ms: sent at 1.6 and
  // 2.2. After that step 1.2 ms of work are left, after every further one 0.2 more: at 11 ms, before its own two,
  // 2.2 + 9 * 1.2 - 11 = 2.0. Both ends count as behind the two decodes of their step: 2.0 + 1.2.
  const Played played = play_with({.per_output_token = us(600)}, {{0, 100, 11}, {0, 100, 11}});
  CHECK(played.requests.at(0).ttft() == us(1'600));
  CHECK(played.requests.at(1).ttft() == us(2'200));
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(played.requests.at(i).last_token == us(11'000 + 3'200));
    CHECK(played.requests.at(i).front_end == us(3'200));
  }
}

TEST_CASE("front end: a user of a closed loop asks again when the last token has arrived") {
  // 1 ms in, a step of 1 ms, 0.5 ms out: every 2.5 ms.
  const Played played =
      play_with({.per_request = us(1'000), .per_output_token = us(500)}, {{0, 100, 1}, {0, 100, 1}, {0, 100, 1}}, 1);
  for (std::int64_t i = 0; i < 3; ++i) {
    CHECK(played.requests.at(static_cast<std::size_t>(i)).arrival == us(2'500 * i));
    CHECK(played.requests.at(static_cast<std::size_t>(i)).latency() == us(2'500));
  }
}

TEST_CASE("front end: without work of its own nothing changes") {
  const Played played = play_with({.workers = 3}, {{0, 100, 3}});
  CHECK(played.requests.at(0).front_end == SimTime{});
  CHECK(played.requests.at(0).latency() == us(3'000));
}
