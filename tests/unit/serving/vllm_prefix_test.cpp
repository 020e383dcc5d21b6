#include "tests/support/rank_bench.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace tokenyard;
using tokenyard::test::RankBench;

// The cases of vLLM's v1 scheduler whose ends depend on its prefix cache, worked out by hand; docs/engines.md gives the
// rules. Blocks of 4 tokens; "A8+4" is a request that finds 8 tokens and computes 4.

namespace {

constexpr kv::PrefixCacheSpec kLru{};

/// Ids of a prompt whose blocks hold these letters, a letter a block; each names all up to it.
std::vector<std::uint64_t> ids(std::string_view blocks) {
  std::vector<std::uint64_t> all;
  std::uint64_t chain = 1;
  for (const char c : blocks) all.push_back(chain = chain * 131 + static_cast<std::uint64_t>(c));
  return all;
}

RankBench bench_of(const policy::VllmSpec& spec, std::uint32_t blocks) { return {spec, blocks, 1, 4, false, kLru}; }

}  // namespace

TEST_CASE("vllm V4 cached: a preempted request resumes on the blocks that survived") {
  // As V4 without a cache up to step 6, in which A takes the block of B that was freed first: its third, the last. B
  // has given 5 tokens: of its 13 it finds 8 and computes 5. Its need is 4 blocks, the 2 hits included, since nobody
  // uses them: in step 7 only 2 are free.
  RankBench bench = bench_of({.max_num_seqs = 8, .max_num_batched_tokens = 16}, 6);
  bench.add(8, 8);
  bench.add(8, 8);
  CHECK(bench.step() == "A8 B8 | free 2 | running AB | first AB");
  for (int i = 2; i <= 5; ++i) CHECK(bench.step() == "A1 B1 | free 0 | running AB");
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B | preempted B");
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 6 | waiting B | ended A");
  CHECK(bench.step() == "B8+5 | free 2 | running B");
  CHECK(bench.step() == "B1 | free 2 | running B");
  CHECK(bench.step() == "B1 | free 6 | ended B");
}

TEST_CASE("vllm V5b cached: a prompt that preempted itself finds its first chunk again") {
  // B's first block outlives A's end. Step 3: 4 found, 12 computed, with 3 new blocks and the hit 5 - 4 = 1 free; step
  // 4 takes that one, so C waits.
  RankBench bench = bench_of({.max_num_seqs = 8, .max_num_batched_tokens = 12, .reserve_full_prompt = false}, 5);
  bench.add(8, 2);
  bench.add(20, 1);
  bench.add(4, 1);
  CHECK(bench.step() == "A8 B4 | free 2 | running AB | waiting C | first A");
  CHECK(bench.step() == "A1 | free 5 | waiting BC | preempted B | ended A");
  CHECK(bench.step() == "B4+12 | free 1 | running B | waiting C");
  CHECK(bench.step() == "B4 | free 5 | waiting C | first B | ended B");
  CHECK(bench.step() == "C4 | free 5 | first C | ended C");
}

TEST_CASE("vllm V6: a request finds what another one of the same step is about to compute") {
  // Blocks get their names when the step is composed. Of B's 16 tokens the last block is always computed: 4 + 1 = 5
  // blocks in use.
  RankBench bench = bench_of({.max_num_seqs = 8, .max_num_batched_tokens = 32}, 20);
  bench.add(16, 2, {.ids = ids("abcd")});
  bench.add(16, 2, {.ids = ids("abcd")});
  CHECK(bench.step() == "A16 B12+4 | free 15 | running AB | first AB");
}

TEST_CASE("vllm V7: a prompt that is here in full computes its last block and one that differs there too") {
  RankBench bench = bench_of({.max_num_seqs = 8, .max_num_batched_tokens = 32}, 20);
  bench.add(16, 1, {.ids = ids("abcd")});
  CHECK(bench.step() == "A16 | free 20 | first A | ended A");
  bench.add(16, 1, {.ids = ids("abcd")});
  CHECK(bench.step() == "B12+4 | free 20 | first B | ended B");
  bench.add(16, 1, {.ids = ids("abce")});
  CHECK(bench.step() == "C12+4 | free 20 | first C | ended C");
  // 17 tokens: the fourth block is full before the last token, so it is found too.
  bench.add(17, 1, {.ids = ids("abcdf")});
  CHECK(bench.step() == "D16+1 | free 20 | first D | ended D");
}

TEST_CASE("vllm V8: the end of a prompt is evicted before its beginning") {
  // 5 blocks. A leaves 4 with names and one that was never used. D takes that one and A's fourth.
  RankBench bench = bench_of({.max_num_seqs = 8, .max_num_batched_tokens = 32}, 5);
  bench.add(16, 1, {.ids = ids("abcd")});
  CHECK(bench.step() == "A16 | free 5 | first A | ended A");
  bench.add(8, 1, {.ids = ids("xy")});
  CHECK(bench.step() == "B8 | free 5 | first B | ended B");
  bench.add(16, 1, {.ids = ids("abcd")});
  CHECK(bench.step() == "C12+4 | free 5 | first C | ended C");
}

TEST_CASE("vllm V11 cached: the least urgent one that was preempted finds one of its two blocks") {
  // In step 6 B takes its fourth block, A's second one. A has given 1 token: of 9 it finds 4 and computes 5.
  RankBench bench =
      bench_of({.max_num_seqs = 8, .max_num_batched_tokens = 16, .order = policy::QueueOrder::Priority}, 5);
  bench.add(8, 6, {.priority = 5});
  bench.add(8, 6, {.priority = 1});
  CHECK(bench.step() == "A8 B8 | free 1 | running BA | first BA");
  CHECK(bench.step() == "B1 | free 2 | running B | waiting A | preempted A");
  for (int i = 3; i <= 5; ++i) CHECK(bench.step() == "B1 | free 2 | running B | waiting A");
  CHECK(bench.step() == "B1 | free 5 | waiting A | ended B");
  CHECK(bench.step() == "A4+5 | free 2 | running A");
  for (int i = 8; i <= 10; ++i) CHECK(bench.step() == "A1 | free 2 | running A");
  CHECK(bench.step() == "A1 | free 5 | ended A");
}

TEST_CASE("prefix cache: the next turn of a conversation finds prompt and answer of the one before") {
  // A: 6 + 7 tokens, of which the last is never computed: 12 tokens, 3 full blocks named by prompt and answer. B
  // repeats the 13 and adds 3.
  RankBench bench = bench_of({.max_num_seqs = 8, .max_num_batched_tokens = 32}, 20);
  const std::vector<std::uint64_t> talk = ids("abcd");
  bench.add(6, 7, {.ids = ids("ax"), .history = {talk[1], talk[2], talk[3]}});
  CHECK(bench.step() == "A6 | free 18 | running A | first A");
  for (int i = 0; i < 5; ++i) (void)bench.step();
  CHECK(bench.step() == "A1 | free 20 | ended A");
  bench.add(16, 1, {.ids = talk});
  CHECK(bench.step() == "B12+4 | free 20 | first B | ended B");
}

TEST_CASE("prefix cache: without ids nothing is shared and without a cache ids change nothing") {
  RankBench cached = bench_of({.max_num_seqs = 8, .max_num_batched_tokens = 32}, 20);
  cached.add(16, 1);
  cached.add(16, 1);
  CHECK(cached.step() == "A16 B16 | free 20 | first AB | ended AB");
  RankBench plain({.max_num_seqs = 8, .max_num_batched_tokens = 32}, 20);
  plain.add(16, 1, {.ids = ids("abcd")});
  plain.add(16, 1, {.ids = ids("abcd")});
  CHECK(plain.step() == "A16 B16 | free 20 | first AB | ended AB");
}

TEST_CASE("prefix cache: what the decode side holds already is not fetched") {
  // B(10,1) is fetched: its first two blocks are here from A(8,1), so one block is taken for tokens 8 and 9, which are
  // all that is sent; then one token is computed.
  RankBench bench = bench_of({.max_num_seqs = 2, .max_num_batched_tokens = 8}, 10);
  bench.add(8, 1, {.ids = ids("ab")});
  CHECK(bench.step() == "A8 | free 10 | first A | ended A");
  bench.add(10, 1, {.from_remote = true, .ids = ids("abc")});
  CHECK(bench.step() == "B8+0 | free 7 | fetching B");
  CHECK(bench.fetched('B') == 2);
  bench.loaded('B');
  CHECK(bench.step() == "B1 | free 10 | first B | ended B");
}
