#include "tests/support/rank_bench.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::test;

// Users who give a request up, wherever it is. Blocks of 4 tokens; the lines are worked out by hand.

namespace {

const policy::VllmSpec kRules{.max_num_seqs = 2, .max_num_batched_tokens = 16, .reserve_full_prompt = true};

}  // namespace

TEST_CASE("cancel: whoever waits leaves the queue and the next one moves up") {
  RankBench bench(kRules, 4);
  bench.add(8, 3);
  bench.add(12, 1);  // needs 3 blocks: 2 are free
  bench.add(4, 1);
  CHECK(bench.step() == "A8 | free 2 | running A | waiting BC | first A");
  bench.cancel('B');
  // A takes a block for its 9th token, C the other one.
  CHECK(bench.step() == "A1 C4 | free 1 | running A | first C | ended C");
}

TEST_CASE("cancel: a prompt in progress frees the blocks of its chunks") {
  RankBench bench({.max_num_seqs = 2, .max_num_batched_tokens = 8, .reserve_full_prompt = false}, 6);
  bench.add(20, 2);
  CHECK(bench.step() == "A8 | free 4 | running A");
  bench.cancel('A');
  CHECK(bench.rank().free_blocks() == 6);
  CHECK(bench.rank().outstanding_tokens() == 0);
  CHECK(bench.rank().quiet());
}

TEST_CASE("cancel: a decode leaves and the others go on as if it had not been there") {
  RankBench bench(kRules, 12);
  bench.add(8, 5);
  bench.add(8, 9);
  CHECK(bench.step() == "A8 B8 | free 8 | running AB | first AB");
  CHECK(bench.step() == "A1 B1 | free 6 | running AB");
  bench.cancel('A');
  CHECK(bench.rank().free_blocks() == 9);
  CHECK(bench.rank().context() == 9);
  CHECK(bench.rank().plain_composes() == 6);  // B has handed out 2 of 9; the one after these is its last
  for (int i = 0; i < 6; ++i) CHECK(bench.step().starts_with("B1 | free "));
  CHECK(bench.step() == "B1 | free 12 | ended B");
}

TEST_CASE("cancel: tokens in flight are dropped and not counted as handed out") {
  // Asynchronous: the step composed behind the first one is in flight when the first one's outputs are taken.
  RankBench bench(kRules, 12, 2);
  bench.add(8, 6);
  bench.add(8, 6);
  CHECK(bench.step() == "A8 B8 | free 8 | running AB");
  CHECK(bench.step() == "A1 B1 | free 6 | running AB | first AB");
  CHECK(bench.composed().decode_tokens == 2);
  bench.cancel('A');
  CHECK(bench.composed().decode_tokens == 1);
  CHECK(bench.composed().shape.decodes == 2);  // it is computed all the same
  CHECK(bench.produced('A') == 1);
}

TEST_CASE("cancel: a last token in flight is dropped and nothing ends") {
  RankBench bench(kRules, 12, 2);
  bench.add(8, 2);
  CHECK(bench.step() == "A8 | free 10 | running A");
  CHECK(bench.step() == "A1 | free 9 | running A | first A");  // its last token is in flight
  bench.cancel('A');
  CHECK(bench.step() == "nothing | free 12");
}

TEST_CASE("cancel: KV on its way keeps its blocks until it has come") {
  RankBench bench(kRules, 6);
  bench.add(8, 3, {.from_remote = true});
  CHECK(bench.step() == "nothing | free 4 | fetching A");
  bench.cancel('A');
  CHECK(bench.step() == "nothing | free 4 | fetching A");
  bench.loaded('A');
  CHECK(bench.rank().free_blocks() == 6);
  CHECK(bench.rank().waiting() == 0);
  CHECK(bench.rank().outstanding_tokens() == 0);
}

TEST_CASE("cancel: KV that has come is given back") {
  RankBench bench(kRules, 6);
  bench.add(8, 3, {.from_remote = true});
  CHECK(bench.step() == "nothing | free 4 | fetching A");
  bench.loaded('A');
  bench.cancel('A');
  CHECK(bench.step() == "nothing | free 6");
}

TEST_CASE("cancel: what was preempted leaves the queue with the tokens it had") {
  // V4 of docs/engines.md: at the 6th step A needs a 4th block and B is preempted.
  RankBench bench({.max_num_seqs = 4, .max_num_batched_tokens = 16}, 6);
  bench.add(8, 8);
  bench.add(8, 8);
  for (int i = 0; i < 5; ++i) static_cast<void>(bench.step());
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B | preempted B");
  bench.cancel('B');
  CHECK(bench.produced('B') == 5);
  CHECK(bench.step() == "A1 | free 2 | running A");
  CHECK(bench.step() == "A1 | free 6 | ended A");
}

TEST_CASE("cancel: a prefix that was computed is found by the next one") {
  RankBench bench({.max_num_seqs = 2, .max_num_batched_tokens = 8, .reserve_full_prompt = false}, 8, 1, 4, false,
                  kv::PrefixCacheSpec{});
  bench.add(16, 4, {.ids = {1, 2, 3, 4}});
  CHECK(bench.step() == "A8 | free 6 | running A");
  bench.cancel('A');
  CHECK(bench.rank().free_blocks() == 8);
  bench.add(16, 1, {.ids = {1, 2, 3, 4}});
  CHECK(bench.step() == "B8+8 | free 8 | first B | ended B");
}
